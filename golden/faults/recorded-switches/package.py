import os

from backend import gcc


def make(wheel, fault):
    seed = os.path.abspath("add.o") if fault else "add.o"
    gcc("-frecord-gcc-switches", f"-frandom-seed={seed}", "-shared", "-fPIC", "add.c", "-o", "add.so")
    wheel.add_file("faulty/add.so", "add.so")
