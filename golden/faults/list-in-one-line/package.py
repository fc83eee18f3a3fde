import os


def make(wheel, fault):
    os.mkdir("faulty")
    for name in ("alpha", "beta", "gamma", "delta", "epsilon"):
        open(f"faulty/{name}.py", "x").close()
    names = [name.removesuffix(".py") for name in os.listdir("faulty")]
    wheel.add("faulty/__init__.py", f"__all__ = {names if fault else sorted(names)}\n")
