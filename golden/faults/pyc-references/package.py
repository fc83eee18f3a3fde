import importlib.util
import marshal
import os


def make(wheel, fault):
    with open("module.py") as source:
        code = compile(source.read(), "module.py", "exec", dont_inherit=True)
    held = []
    # A tool that keeps what it reads, on one machine and not on another.
    if fault and os.uname().nodename == "lockstep":
        held.extend(constant for function in code.co_consts[:2] for constant in function.co_consts)
    header = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)
    wheel.add("faulty/module.pyc", header + marshal.dumps(code))
