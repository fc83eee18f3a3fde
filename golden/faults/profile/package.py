import os
import subprocess

from backend import gcc


def make(wheel, fault):
    # The training of a server with as many workers as there are processors.
    workers = len(os.sched_getaffinity(0)) if fault else 2
    gcc("-O2", "-fprofile-generate", "-fprofile-update=atomic", "work.c", "train.c", "-o", "train")
    subprocess.run(["./train", str(workers)], check=True)
    gcc("-O2", "-fPIC", "-fprofile-use", "-shared", "work.c", "-o", "train-work.so")
    wheel.add_file("faulty/work.so", "train-work.so")
