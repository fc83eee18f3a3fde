"""Configuration: default.yml, then /etc/sample/config.yml, then the environment.

`python -m sample.lib.config blueprints_dir` prints one value.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ENV_PREFIX = "SAMPLE_"
FILES = (Path(__file__).with_name("default.yml"), Path("/etc/sample/config.yml"))


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Overrides `into` with `other`, table by table."""
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Reads `SAMPLE_A__B=c` as `{"a": {"b": "c"}}`."""
    values: dict[str, Any] = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(ENV_PREFIX):
            continue
        *tables, key = name.removeprefix(ENV_PREFIX).lower().split("__")
        table = values
        for table_name in tables:
            table = table.setdefault(table_name, {})
        table[key] = value
    return values


class Config:
    """Values by dotted path."""

    def __init__(self, values: dict[str, Any]):
        self.values = values

    @classmethod
    def load(cls, files=FILES, environment: Mapping[str, str] = os.environ) -> Config:
        values: dict[str, Any] = {}
        for file in files:
            if file.is_file():
                merge(values, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        merge(values, from_environment(environment))
        return cls(values)

    def get(self, path: str, default: Any = None) -> Any:
        value: Any = self.values
        for key in path.split("."):
            if not isinstance(value, Mapping) or key not in value:
                return default
            value = value[key]
        return value

    def get_int(self, path: str, default: int = 0) -> int:
        return int(self.get(path, default))


CONFIG = Config.load()

if __name__ == "__main__":
    print(CONFIG.get(sys.argv[1], ""))
