import py_compile


def make(wheel, fault):
    with open("module.py", "x") as generated:
        generated.write('GREETING = "hello"\n')
    modes = py_compile.PycInvalidationMode
    mode = modes.TIMESTAMP if fault else modes.UNCHECKED_HASH
    py_compile.compile("module.py", "module.pyc", "module.py", invalidation_mode=mode)
    wheel.add_file("faulty/module.pyc", "module.pyc")
