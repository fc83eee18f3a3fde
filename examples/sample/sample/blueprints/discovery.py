"""Blueprints: YAML files that say which objects must exist."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from sample.lib.config import CONFIG


@dataclass(frozen=True)
class Blueprint:
    path: str
    name: str
    sha256: str
    entries: list[dict[str, Any]]


def directory() -> Path:
    return Path(CONFIG.get("blueprints_dir"))


def load(path: str) -> Blueprint:
    content = (directory() / path).read_bytes()
    document = yaml.safe_load(content)
    if document.get("version") != 1:
        raise ValueError(f"{path}: version must be 1")
    return Blueprint(path, document["name"], sha256(content).hexdigest(), document["entries"])


def discover() -> list[Blueprint]:
    root = directory()
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.yaml"))
    return [load(path) for path in paths]
