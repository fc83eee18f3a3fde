import os


def make(wheel, fault):
    value = os.environ["USER"] if fault else "builder"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
