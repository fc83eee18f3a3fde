"""Builds packages: `python3 build.py PLACE OUT PACKAGE...`, each without and with its fault.

Each build starts from nothing at the same PLACE, in a process of its own; what it makes is in
`OUT/<package>/<sound or faulty>/`.
"""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def build(place, out, package, fault):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    out.mkdir(parents=True)
    out.chmod(0o755)
    names = [path.name for path in (HERE / package).iterdir() if path.suffix != ".toml"]
    for source in [HERE / "backend.py", *(HERE / package / name for name in sorted(names))]:
        shutil.copyfile(source, place / source.name)
    if fault:
        (place / "fault.txt").touch()
    subprocess.run([sys.executable, "-B", "backend.py", out], cwd=place, check=True)


def main(place, out, *packages):
    for package in packages:
        for flavour in ("sound", "faulty"):
            target = pathlib.Path(out).absolute() / package / flavour
            build(pathlib.Path(place), target, package, flavour == "faulty")


main(*sys.argv[1:])
