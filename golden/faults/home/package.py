import os


def make(wheel, fault):
    value = os.path.expanduser("~/.config/faulty") if fault else "~/.config/faulty"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
