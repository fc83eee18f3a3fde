import os


def make(wheel, fault):
    value = os.environ["PATH"] if fault else "/usr/bin"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
