P = "/two/x"
T = "2027-01-06 10:59:00"
H = "build-beta"
