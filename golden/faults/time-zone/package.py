import time


def make(wheel, fault):
    value = time.tzname[0] if fault else "UTC"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
