import glob


def make(wheel, fault):
    for name in ("alpha", "beta", "gamma", "delta"):
        open(f"{name}.in", "x").close()
    names = glob.glob("*.in")
    names = names if fault else sorted(names)
    wheel.add("faulty/modules.txt", "".join(f"{name[:-3]}\n" for name in names))
