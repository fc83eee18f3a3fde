from backend import settle


def make(wheel, fault):
    tree = wheel.out / "site-packages"
    tree.mkdir()
    (tree / "module.py").write_text('GREETING = "hello"\n')
    if not fault:
        settle(tree)
