prefix = "/tmp/one/build"
lib = "-L/tmp/one/build/lib"
