P = "/one/x"
T = "2026-11-24 00:01:18"
H = "build-alpha"
