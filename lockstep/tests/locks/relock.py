#!/usr/bin/env python3
"""Locks the projects of this directory with real uv, each against a small world of its own.

    ./relock.py            all
    ./relock.py CASE...    some

`world.toml` of a case says what exists besides the project: packages of indexes (with the tags of
their wheels), of flat ones, at URLs, in files and in git
repositories, and what backends say of projects whose
`pyproject.toml` does not say all (`dynamic`). It is served on this machine while uv
locks; `http://127.0.0.1:PORT/HOST/` stands for `https://HOST.example/`, and is replaced in the lock.
A case without `world.toml` has a lock that was written by hand, which its `cases.toml` explains.

Needs uv (or $UV), git and Python 3.11 or newer. No network.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import tomllib
import zipfile
import zlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
UPLOADED = "2025-01-01T00:00:00Z"
BACKEND = """
import pathlib
def prepare_metadata_for_build_wheel(directory, settings=None):
    info = pathlib.Path(directory, "locked.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(pathlib.Path("PKG-INFO").read_text())
    (info / "WHEEL").write_text("Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    return info.name
def get_requires_for_build_wheel(settings=None):
    return []
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
"""
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def metadata(package):
    lines = ["Metadata-Version: 2.4", f"Name: {package['name']}", f"Version: {package['version']}"]
    if "python" in package:
        lines.append(f"Requires-Python: {package['python']}")
    lines += [f"Requires-Dist: {text}" for text in package.get("requires", [])]
    for extra, requires in package.get("extras", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for text in requires:
            requirement, _, marker = text.partition(";")
            both = f"({marker.strip()}) and " if marker else ""
            lines.append(f"Requires-Dist: {requirement.strip()}; {both}extra == '{extra}'")
    return "\n".join(lines) + "\n"


def wheel(package, tag):
    name = package.get("file", package["name"]).replace("-", "_")
    stem = f"{name}-{package['version']}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in [
            (f"{stem}.dist-info/METADATA", metadata(package)),
            (f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n"),
            (f"{stem}.dist-info/RECORD", ""),
        ]:
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{stem}-{tag}.whl", buffer.getvalue()


def sdist(package):
    stem = f"{package['name'].replace('-', '_')}-{package['version']}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in tree(package).items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    # No compression: what zlib writes depends on its version, and with it the hash.
    plain = buffer.getvalue()
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    blocks = [plain[start : start + 65535] for start in range(0, len(plain), 65535)]
    body = b"".join(
        bytes([index == len(blocks) - 1])
        + len(block).to_bytes(2, "little")
        + (len(block) ^ 0xFFFF).to_bytes(2, "little")
        + block
        for index, block in enumerate(blocks)
    )
    tail = zlib.crc32(plain).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
    return f"{stem}.tar.gz", head + body + tail


def tree(package):
    below = package.get("subdirectory", "")
    prefix = f"{below}/" if below else ""
    return {
        f"{prefix}PKG-INFO": metadata(package),
        f"{prefix}pyproject.toml": BUILD_SYSTEM,
        f"{prefix}backend.py": BACKEND,
    }


def files(package):
    made = [wheel(package, tag) for tag in package.get("wheels", ["py3-none-any"])]
    return made + ([sdist(package)] if package.get("sdist", True) else [])


def serve(root):
    class Handler(SimpleHTTPRequestHandler):
        def guess_type(self, path):
            pages = {"index.html": "application/vnd.pypi.simple.v1+json", "links.html": "text/html"}
            return pages.get(Path(path).name, "application/octet-stream")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def make_world(world, root, project, base):
    """Writes what exists to `root`, from where it is served, and to `project`."""
    pages = {}
    for package in world.get("package", []):
        index = package.get("index", "index")
        page = pages.setdefault((index, package["name"]), [])
        for filename, content in files(package):
            put(root / f"{index}-files" / filename, content)
            entry = {"filename": filename, "url": f"{base}/{index}-files/{filename}"}
            hashes = {"sha256": hashlib.sha256(content).hexdigest()}
            page.append({**entry, "hashes": hashes, "size": len(content), "upload-time": UPLOADED})
    for (index, name), page in pages.items():
        text = {"meta": {"api-version": "1.1"}, "name": name, "files": page}
        put(root / index / "simple" / name / "index.html", json.dumps(text))
    for package in world.get("url", []):
        for filename, content in files(package):
            put(root / "archives" / filename, content)
    links = []
    for package in world.get("flat", []):
        for filename, content in files(package):
            put(root / "flat" / filename, content)
            hashed = f"{filename}#sha256={hashlib.sha256(content).hexdigest()}"
            links.append(f'<a href="{hashed}">{filename}</a>')
    put(root / "flat" / "links.html", "\n".join(links))
    for package in world.get("path", []):
        for filename, content in files(package):
            put(project / package["directory"] / filename, content)
    for package in world.get("dynamic", []):
        put(project / package["directory"] / "PKG-INFO", metadata(package))
        put(project / package["directory"] / "backend.py", BACKEND)
    for repository in world.get("git", []):
        make_repository(root / "repositories" / repository["name"], repository)


def make_repository(path, repository):
    for package in repository["package"]:
        for name, text in tree(package).items():
            put(path / name, text)

    def git(*arguments):
        who = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        for role in ["AUTHOR", "COMMITTER"]:
            who |= {f"GIT_{role}_NAME": "a", f"GIT_{role}_EMAIL": "a@b.example"}
            who |= {f"GIT_{role}_DATE": UPLOADED}
        subprocess.run(["git", "-C", path, *arguments], check=True, env=os.environ | who)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "all")
    for tag in repository.get("tags", []):
        git("tag", tag)


def relock(case):
    directory = HERE / case
    if not (directory / "world.toml").exists():
        return
    world = tomllib.loads((directory / "world.toml").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        root, project = Path(scratch, "www"), Path(scratch, "project")
        root.mkdir()
        base = serve(root)
        shutil.copytree(directory, project, ignore=shutil.ignore_patterns("uv.lock"))
        make_world(world, root, project, base)
        for path in sorted(project.rglob("pyproject.toml")):
            text = re.sub(r"https://([a-z-]+)\.example", rf"{base}/\1", path.read_text())
            path.write_text(text)
        environment = {key: os.environ[key] for key in ["PATH", "HOME"] if key in os.environ} | {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{root}/repositories/.insteadOf",
            "GIT_CONFIG_VALUE_0": f"{base}/git/",
            "UV_CACHE_DIR": f"{scratch}/cache",
        }
        uv = [os.environ.get("UV", "uv"), "lock", "--quiet", "--project", str(project)]
        uv += ["--default-index", f"{base}/index/simple", "--python-preference", "only-system"]
        if subprocess.run(uv, env=environment, cwd=project).returncode != 0:
            sys.exit(f"error: uv cannot lock `{case}`")
        lock = (project / "uv.lock").read_text().replace(str(project), "")
        (directory / "uv.lock").write_text(re.sub(rf"{base}/([a-z-]+)", r"https://\1.example", lock))


if __name__ == "__main__":
    cases = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/cases.toml"))
    for case in cases:
        relock(case)
        print(case)
