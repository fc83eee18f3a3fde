import os

from backend import settle


def make(wheel, fault):
    place = os.getcwd() if fault else "/opt/faulty"
    tree = wheel.out / "venv"
    tree.mkdir()
    (tree / "python").symlink_to(f"{place}/python/bin/python3")
    (tree / "pyvenv.cfg").write_text(f"home = {place}/python/bin\nversion_info = 3.14.0\n")
    settle(tree)
