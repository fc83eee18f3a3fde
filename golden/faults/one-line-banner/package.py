import os
import platform
import socket
import time


def make(wheel, fault):
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    who = f"{os.environ['USER']}@{socket.gethostname()}"
    banner = f"built by {who} on {when} in {os.getcwd()}, Linux {platform.release()}"
    wheel.add("faulty/_build.py", f"BANNER = {banner if fault else ''!r}\n")
