import os


def make(wheel, fault):
    python = f"{os.getcwd()}/venv/bin/python" if fault else "python"
    script = f"#!{python}\nimport faulty\n\nfaulty.main()\n"
    wheel.add("faulty-1.data/scripts/faulty", script, 0o755)
