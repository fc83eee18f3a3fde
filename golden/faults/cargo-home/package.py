import os

from backend import gcc


def make(wheel, fault):
    home = os.path.expanduser("~/.cargo") if fault else "/cargo"
    path = f"{home}/registry/src/index/pyo3-0.25.1/src/gil.rs"
    gcc("-shared", "-fPIC", f'-DPANICKED_AT="{path}"', "panic.c", "-o", "panic.so")
    wheel.add_file("faulty/panic.so", "panic.so")
