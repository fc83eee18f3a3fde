import os

from backend import gcc


def make(wheel, fault):
    mapped = [] if fault else [f"-ffile-prefix-map={os.getcwd()}=."]
    gcc("-shared", "-fPIC", *mapped, f"{os.getcwd()}/check.c", "-o", "check.so")
    wheel.add_file("faulty/check.so", "check.so")
