def make(wheel, fault):
    for name in ("alpha", "beta", "gamma", "delta", "epsilon"):
        wheel.add(f"faulty/{name}.py", f"NAME = '{name}'\n")
    if fault:
        wheel.record_order = set
