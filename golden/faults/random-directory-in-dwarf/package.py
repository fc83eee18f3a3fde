import os
import secrets
import shutil

from backend import gcc


def make(wheel, fault):
    place = f"/var/tmp/sdists-v11/pypi/faulty/1/{secrets.token_hex(8)}/src"
    os.makedirs(place)
    shutil.copy("add.c", place)
    mapped = [] if fault else [f"-ffile-prefix-map={place}=/src"]
    gcc("-g", "-shared", "-fPIC", *mapped, "add.c", "-o", "add.so", cwd=place)
    wheel.add_file("faulty/add.so", f"{place}/add.so")
