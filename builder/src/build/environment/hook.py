"""Asks a build backend what it needs to build a wheel (PEP 517, get_requires_for_build_wheel).

Runs inside the sandbox, in the build environment, with the source tree as working directory.
Arguments: a JSON file with `backend`, `backend-path` and `config-settings`; the file to write the JSON answer to.
"""

import importlib
import json
import os
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        question = json.load(file)
    answer_path = sys.argv[2]
    # PEP 517: an in-tree backend is looked for before everything else.
    for path in reversed(question["backend-path"] or []):
        sys.path.insert(0, os.path.join(os.getcwd(), path))
    if not question["backend-path"]:
        # The script's own directory must not be importable.
        sys.path.pop(0)
    module, _, attribute = question["backend"].partition(":")
    backend = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        backend = getattr(backend, part)
    sys.argv = ["setup.py"]
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    answer = list(hook(question["config-settings"])) if hook else []
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answer, file)


main()
