import tempfile


def make(wheel, fault):
    value = tempfile.gettempdir() if fault else "/tmp"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
