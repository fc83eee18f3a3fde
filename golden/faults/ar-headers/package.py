import os
import subprocess

from backend import gcc


def make(wheel, fault):
    gcc("-c", "add.c", "-o", "add.o")
    # Debian's `ar` is deterministic unless it is told not to be.
    how = "rcU" if fault else "rcD"
    subprocess.run(["ar", how, "libadd.a", "add.o"], check=True)
    wheel.add_file("faulty/libadd.a", "libadd.a")
