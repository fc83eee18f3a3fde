import platform


def make(wheel, fault):
    value = platform.release() if fault else "6"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
