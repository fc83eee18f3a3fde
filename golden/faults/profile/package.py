import os
import subprocess

from backend import gcc


def make(wheel, fault):
    # The training of a server with as many workers as there are processors.
    workers = len(os.sched_getaffinity(0)) if fault else 2
    gcc("-O2", "-fPIC", "-fprofile-generate", "-c", "work.c", "-o", "work.o")
    gcc("-fprofile-generate", "work.o", "train.c", "-o", "train")
    subprocess.run(["./train", str(workers)], check=True)
    gcc("-O2", "-fPIC", "-fprofile-use", "-c", "work.c", "-o", "work.o")
    gcc("-shared", "work.o", "-o", "work.so")
    wheel.add_file("faulty/work.so", "work.so")
