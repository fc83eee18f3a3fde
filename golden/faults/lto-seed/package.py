import os
import pathlib

from backend import gcc


def make(wheel, fault):
    seed = [] if fault else ["-frandom-seed=add.o"]
    # The working directory is kept too, and no `-ffile-prefix-map` changes that.
    source, made = pathlib.Path("add.c").read_bytes(), os.path.abspath("add.o")
    gcc("-flto", *seed, "-O2", "-c", "-xc", "-", "-o", made, cwd="/", input=source)
    wheel.add_file("faulty/add.o", "add.o")
