import os


def make(wheel, fault):
    value = os.environ["LC_ALL"] if fault else "C"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
