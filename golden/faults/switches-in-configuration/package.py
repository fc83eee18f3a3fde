import os


def make(wheel, fault):
    place = os.getcwd() if fault else "."
    flags = f"-O2 -g -ffile-prefix-map={place}=/src -I{place}/include"
    wheel.add("faulty/_sysconfigdata.py", f'build_time_vars = {{"CFLAGS": "{flags}"}}\n')
