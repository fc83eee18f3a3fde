import os
import subprocess

from backend import gcc


def make(wheel, fault):
    gcc("-c", "add.c", "-o", "add.o")
    # Debian's `ar` is deterministic unless it is told not to be.
    how = "rcU" if fault else "rcD"
    environment = dict(os.environ)
    # Since 2.43 it takes the time from it.
    del environment["SOURCE_DATE_EPOCH"]
    subprocess.run(["ar", how, "libadd.a", "add.o"], check=True, env=environment)
    wheel.add_file("faulty/libadd.a", "libadd.a")
