import socket


def make(wheel, fault):
    value = socket.gethostname() if fault else "builder"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
