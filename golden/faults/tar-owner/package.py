import io
import os
import tarfile


def make(wheel, fault):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("data.txt")
        if fault:
            entry.uid, entry.gid = os.getuid(), os.getgid()
            entry.uname = os.environ["USER"]
        archive.addfile(entry)
    wheel.add("faulty/data.tar", buffer.getvalue())
