import io
import os
import tarfile


def make(wheel, fault):
    os.mkdir("data")
    for name in ("alpha", "beta", "gamma", "delta"):
        open(f"data/{name}", "x").close()
    names = os.listdir("data")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names if fault else sorted(names):
            archive.addfile(tarfile.TarInfo(name))
    wheel.add("faulty/data.tar", buffer.getvalue())
