import os

from backend import gcc


def make(wheel, fault):
    seed = [] if fault else ["-frandom-seed=add.o"]
    mapped = f"-ffile-prefix-map={os.getcwd()}=."
    gcc("-flto", *seed, mapped, "-O2", "-c", "add.c", "-o", "add.o")
    wheel.add_file("faulty/add.o", "add.o")
