"""The NAR hash of each path, as SRI, one a line: a second implementation that shares nothing with
`base/src/nar`. A test holds the two together; it is not what builds use.

    python3 golden/nar/nar.py PATH...
"""

import base64
import hashlib
import os
import stat
import sys


def string(update, *values):
    for value in values:
        update(len(value).to_bytes(8, "little") + value + bytes(-len(value) % 8))


def node(update, path):
    status = os.lstat(path)
    string(update, b"(", b"type")
    if stat.S_ISLNK(status.st_mode):
        string(update, b"symlink", b"target", os.readlink(path))
    elif stat.S_ISDIR(status.st_mode):
        string(update, b"directory")
        for name in sorted(os.listdir(path)):
            string(update, b"entry", b"(", b"name", name, b"node")
            node(update, os.path.join(path, name))
            string(update, b")")
    elif stat.S_ISREG(status.st_mode):
        string(update, b"regular")
        if status.st_mode & stat.S_IXUSR:
            string(update, b"executable", b"")
        with open(path, "rb") as file:
            string(update, b"contents", file.read())
    else:
        sys.exit(f"{path!r} has no place in a NAR")
    string(update, b")")


for argument in sys.argv[1:]:
    digest = hashlib.sha256()
    string(digest.update, b"nix-archive-1")
    node(digest.update, os.fsencode(argument))
    print("sha256-" + base64.b64encode(digest.digest()).decode())
