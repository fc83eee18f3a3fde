import os

from backend import Wheel, settle


def make(wheel, fault):
    tree = wheel.out / "site-packages"
    (tree / "docs").mkdir(parents=True)
    for name in ("alpha", "beta"):
        open(f"{name}.whl", "x").close()
    wheels = [name for name in os.listdir() if name.endswith(".whl")]
    for name in wheels if fault else sorted(wheels):
        name = name.removesuffix(".whl")
        own = Wheel(tree)
        own.add("docs/Makefile", f"# of {name}\n")
        (tree / f"{name}-1.dist-info").mkdir()
        (tree / f"{name}-1.dist-info/RECORD").write_text(own.line("docs/Makefile"))
        (tree / "docs/Makefile").write_bytes(own.files["docs/Makefile"])
    settle(tree)
