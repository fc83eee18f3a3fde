import importlib.util
import marshal
import os


def make(wheel, fault):
    names = [name for name in os.listdir() if name.startswith("module_")]
    header = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)
    known = []
    for name in names if fault else sorted(names):
        with open(name) as source:
            code = compile(source.read(), name, "exec", dont_inherit=True)
        # As with what the interpreter shares: constants of all but the first are held elsewhere.
        held = list(code.co_consts) if known else []
        wheel.add(f"faulty/{name}c", header + marshal.dumps(code))
        known.extend([name, held])
