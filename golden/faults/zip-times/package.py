import os
import time


def make(wheel, fault):
    with open("module.py", "x") as generated:
        generated.write('GREETING = "hello"\n')
    wheel.add_file("faulty/module.py", "module.py")
    if fault:
        wheel.times["faulty/module.py"] = time.gmtime(os.stat("module.py").st_mtime)[:6]
