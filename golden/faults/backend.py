"""The PEP 517 backend of every package here: a wheel without any fault but the package's own.

A package is a directory with a `package.py`, whose `make(wheel, fault)` adds to the wheel. Whether
it does so with its fault tells the file `fault.txt`, and nothing else.
"""

import base64
import hashlib
import pathlib
import subprocess
import sys
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)
INFO = "faulty-1.dist-info"


class Wheel:
    """What is written in the end; packages change any of it."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.files = {}
        self.modes = {}
        self.times = {}
        self.requires = []
        self.order = sorted
        self.record_order = sorted

    def add(self, path, content, mode=0o644):
        content = content.encode() if isinstance(content, str) else content
        self.files[path], self.modes[path] = content, mode

    def add_file(self, path, source):
        self.add(path, pathlib.Path(source).read_bytes())

    def write(self):
        head = "Metadata-Version: 2.4\nName: faulty\nVersion: 1\n"
        self.add(f"{INFO}/METADATA", head + "".join(f"Requires-Dist: {it}\n" for it in self.requires))
        self.add(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        record = f"{INFO}/RECORD"
        lines = [self.line(path) for path in self.record_order(self.files)]
        self.add(record, "".join(lines) + f"{record},,\n")
        path = self.out / "faulty-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in self.order(self.files):
                info = zipfile.ZipInfo(name, self.times.get(name, EPOCH))
                info.external_attr = (0o100000 | self.modes[name]) << 16
                archive.writestr(info, self.files[name])
        path.chmod(0o644)
        return path.name

    def line(self, path):
        digest = base64.urlsafe_b64encode(hashlib.sha256(self.files[path]).digest())
        return f"{path},sha256={digest.decode().rstrip('=')},{len(self.files[path])}\n"


def settle(tree):
    """Gives an installed tree the modes that it has under the usual umask."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def gcc(*arguments, **options):
    return subprocess.run(["gcc", *arguments], check=True, **options)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    sys.path.insert(0, ".")
    import package

    wheel = Wheel(wheel_directory)
    package.make(wheel, pathlib.Path("fault.txt").exists())
    return wheel.write()


if __name__ == "__main__":
    build_wheel(sys.argv[1])
