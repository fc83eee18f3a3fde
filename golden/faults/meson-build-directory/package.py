import os
import tempfile

from backend import gcc


def make(wheel, fault):
    if fault:
        directory = os.path.basename(tempfile.mkdtemp(prefix=".mesonpy-", dir="."))
    else:
        directory = "builddir"
        os.mkdir(directory)
    os.rename("check.c", f"{directory}/check.c")
    gcc("-shared", "-fPIC", f"{directory}/check.c", "-o", "check.so")
    wheel.add_file("faulty/check.so", "check.so")
