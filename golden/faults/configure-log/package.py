import os
import platform
import socket
import tempfile
import time


def make(wheel, fault):
    facts = {
        "uname -n": socket.gethostname(),
        "uname -r": platform.release(),
        "user": f"{os.environ['USER']} ({os.getuid()})",
        "home": os.path.expanduser("~"),
        "srcdir": os.getcwd(),
        "TMPDIR": tempfile.gettempdir(),
        "LC_ALL": os.environ["LC_ALL"],
        "TZ": os.environ["TZ"],
        "PATH": os.environ["PATH"],
        "jobs": len(os.sched_getaffinity(0)),
        "started": time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime()),
    }
    text = "".join(f"{key}: {value}\n" for key, value in facts.items())
    wheel.add("faulty/config.log", text if fault else "")
