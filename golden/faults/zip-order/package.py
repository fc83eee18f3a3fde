import os

NAMES = ("alpha", "beta", "gamma", "delta")


def make(wheel, fault):
    os.mkdir("faulty")
    for name in NAMES:
        open(f"faulty/{name}.py", "x").close()
    listed = os.listdir("faulty") if fault else sorted(os.listdir("faulty"))
    for name in listed:
        wheel.add(f"faulty/{name}", "")
    if fault:
        wheel.order = list
