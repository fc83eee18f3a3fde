import zlib


def make(wheel, fault):
    lines = []
    for name in ("close", "flush", "open"):
        digest = hash(name) & 0xFFFFFFFF if fault else zlib.crc32(name.encode())
        lines.append(f"static PyObject *__pyx_n_{digest:08x};  /* {name} */\n")
        lines.append(f'__pyx_n_{digest:08x} = PyUnicode_FromString("{name}");\n')
    wheel.add("faulty/_io.c", "".join(lines))
