"""Runs inside the sandbox, by the output's own interpreter, with the prefix as working directory.

Reads one JSON object from the file named by its argument: `imports` (modules), `scripts` (name to
`module:attribute` and the distribution that ships it), `token`. Prints one JSON object: `failures`,
what could not be imported, with the reason, and the token, which shows that this script came to its
end.

Every target is imported in a forked child: an import may monkey-patch, exit or hang on to state,
and must not make the next one fail or succeed. A child that ends before it has said that the import
succeeded has failed, with whatever exit code. The children share bytecode through
PYTHONPYCACHEPREFIX, so what many of them need is compiled once.
"""

import importlib
import json
import os
import subprocess
import sys
import traceback


def import_module(target):
    importlib.import_module(target)


def import_script(target):
    # As the installed script does: `from module import first`, where `first` may be a submodule.
    module, _, attribute = target.partition(":")
    first, *rest = attribute.split(".")
    found = {}
    exec(f"from {module} import {first} as value", found)
    value = found["value"]
    for part in rest:
        value = getattr(value, part)
    if not callable(value):
        raise TypeError(f"{target} is not callable")


def attempt(action, target, answer_stream):
    """None if the action succeeds in a child of its own, else why it did not."""
    reading, writing = os.pipe()
    done = os.urandom(16).hex()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(answer_stream.fileno())  # What is imported has no part in the answer.
        sys.argv = ["check"]
        try:
            action(target)
            answer = done
        except BaseException as error:  # SystemExit too: importing must not end the program.
            lines = traceback.format_exception(error)
            answer = "".join(lines)[-2000:] or repr(error)
        os.write(writing, answer.encode("utf-8", "replace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if answer == done and code == 0:
        return None
    if answer and answer != done:
        return answer
    return f"the interpreter ended with status {code} before the import did"


def children_see_the_same():
    """A child that is started through sys.executable has the parent's sys.path and prefix."""
    program = "import json, sys; print(json.dumps([sys.path[1:], sys.prefix, sys.executable]))"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    seen = json.loads(child.stdout)
    expected = [sys.path, sys.prefix, sys.executable]
    return None if seen == expected else f"expected {expected}, the child sees {seen}"


def main():
    # What modules print while they are imported is not the answer; nor may they find this script's
    # directory on their path.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.pop(0)
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    failures = []
    for module in job["imports"]:
        if reason := attempt(import_module, module, answer):
            failures.append({"what": f"import {module}", "reason": reason})
    for name, (target, owner) in job["scripts"].items():
        if reason := attempt(import_script, target, answer):
            what = f"console script {name} = {target} of {owner}"
            failures.append({"what": what, "reason": reason})
    if reason := children_see_the_same():
        failures.append({"what": "a child of sys.executable", "reason": reason})
    json.dump({"failures": failures, "token": job["token"]}, answer)
    answer.flush()


main()
