class Missing:
    pass


def make(wheel, fault):
    default = repr(Missing()) if fault else "MISSING"
    wheel.add("faulty/api.txt", f"get(key, default={default})\n")
