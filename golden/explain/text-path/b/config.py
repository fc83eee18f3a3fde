prefix = "/home/me/build"
lib = "-L/home/me/build/lib"
