import os

from backend import gcc


def make(wheel, fault):
    environment = dict(os.environ)
    if fault:
        # gcc takes the time from it; many other compilers do not.
        del environment["SOURCE_DATE_EPOCH"]
    gcc("-shared", "-fPIC", "built.c", "-o", "built.so", env=environment)
    wheel.add_file("faulty/built.so", "built.so")
