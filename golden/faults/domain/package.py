import socket


def make(wheel, fault):
    value = socket.getfqdn() if fault else "example"
    wheel.add("faulty/_build.py", f"BUILT = {str(value)!r}\n")
