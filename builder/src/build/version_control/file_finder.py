"""Lists the files that git tracks, for setuptools: the tree that is built has no `.git`.

setuptools asks every `setuptools.file_finders` for the files below a directory, relative to it. As
setuptools-scm's own finder: a link to a file counts if the file is tracked; of a link to a directory
within the project the link itself is listed, and of one that leads elsewhere what is below it.
"""

import os

SOURCE = "/build/src"
LIST = "/build/tools/tracked"


def find_files(path=""):
    root = os.path.realpath(path or os.curdir)
    with open(LIST, "rb") as file:
        names = [os.fsdecode(name) for name in file.read().split(b"\0") if name]
    source = os.path.realpath(SOURCE)
    tracked = {os.path.join(source, name) for name in names}
    found = set()
    open_places = [(root, "")]
    seen = set()
    while open_places:
        place, shown = open_places.pop()
        if place in seen:
            continue
        seen.add(place)
        start = place + os.sep
        for full in tracked:
            if not full.startswith(start):
                continue
            relative = os.path.join(shown, full[len(start) :])
            real = os.path.realpath(full)
            if os.path.isdir(real):
                if real == root or real.startswith(root + os.sep):
                    found.add(relative)
                else:
                    open_places.append((real, relative))
            elif os.path.isfile(real) and real in tracked:
                found.add(relative)
    return [os.path.join(path, name) for name in sorted(found)]
