import ast
import importlib.util
import marshal
import os

CONSTANTS = {}


class Shared(ast.NodeTransformer):
    """Constants of all modules that are compiled in this process, each once."""

    def visit_Constant(self, node):
        node.value = CONSTANTS.setdefault(repr(node.value), node.value)
        return node


def make(wheel, fault):
    names = [name for name in os.listdir() if name.startswith("module_")]
    header = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)
    for name in names if fault else sorted(names):
        with open(name) as source:
            tree = Shared().visit(ast.parse(source.read()))
        code = compile(tree, name, "exec", dont_inherit=True)
        wheel.add(f"faulty/{name}c", header + marshal.dumps(code))
