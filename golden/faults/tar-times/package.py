import io
import tarfile


def make(wheel, fault):
    with open("data.txt", "x") as data:
        data.write("data\n")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = archive.gettarinfo("data.txt")
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o644
        entry.mtime = entry.mtime if fault else 0
        with open("data.txt", "rb") as data:
            archive.addfile(entry, data)
    wheel.add("faulty/data.tar", buffer.getvalue())
