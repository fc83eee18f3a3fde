import os
import py_compile


def make(wheel, fault):
    name = os.path.abspath("module.py") if fault else "module.py"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile("module.py", "module.pyc", name, invalidation_mode=mode)
    wheel.add_file("faulty/module.pyc", "module.pyc")
