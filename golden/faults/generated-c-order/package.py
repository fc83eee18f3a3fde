def make(wheel, fault):
    names = {"close", "flush", "open", "read", "seek", "tell", "truncate", "write"}
    names = names if fault else sorted(names)
    lines = [f'static const char __pyx_k_{name}[] = "{name}";\n' for name in names]
    wheel.add("faulty/_io.c", "".join(lines))
