import os


def make(wheel, fault):
    value = os.getuid() if fault else 0
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
