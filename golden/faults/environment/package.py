import os

# What other packages here are about.
OTHERS = ("HOME", "LANG", "LC_", "LD_PRELOAD", "LOGNAME", "OLDPWD", "PATH", "PWD", "PYTHONHASHSEED", "TMPDIR", "TZ", "USER")


def make(wheel, fault):
    lines = [f"{key}={value}\n" for key, value in os.environ.items() if not key.startswith(OTHERS)]
    wheel.add("faulty/config.log", "".join(sorted(lines)) if fault else "")
