import os

from backend import gcc


def make(wheel, fault):
    count = len(os.sched_getaffinity(0)) if fault else 4
    mapped = f"-ffile-prefix-map={os.getcwd()}=."
    gcc("-g", mapped, f"-ftree-parallelize-loops={count}", "-shared", "-fPIC", "add.c", "-o", "add.so")
    wheel.add_file("faulty/add.so", "add.so")
