import importlib.util
import marshal


def make(wheel, fault):
    names = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"}
    names = tuple(names) if fault else tuple(sorted(names))
    source = f'"""All names."""\n\nNAMES = {names!r}\n'
    code = compile(source, "names.py", "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)
    wheel.add("faulty/names.pyc", header + marshal.dumps(code))
