import os


def make(wheel, fault):
    os.mkdir("src")
    for name in ("alpha", "beta", "gamma", "delta"):
        open(f"src/{name}.py", "x").close()
    names = os.listdir("src")
    names = names if fault else sorted(names)
    sources = "".join(f"src/{name}\n" for name in names)
    wheel.add("faulty/faulty.egg-info/SOURCES.txt", sources)
