from backend import gcc


def make(wheel, fault):
    style = "uuid" if fault else "sha1"
    gcc("-shared", "-fPIC", f"-Wl,--build-id={style}", "add.c", "-o", "add.so")
    wheel.add_file("faulty/add.so", "add.so")
