def make(wheel, fault):
    names = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"}
    names = names if fault else sorted(names)
    wheel.add("faulty/names.py", f"NAMES = {names}\n")
