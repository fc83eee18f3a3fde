"""Files that users upload, kept in a directory."""

from collections.abc import Iterator
from pathlib import Path

from sample.lib.config import CONFIG


class FileBackend:
    """Keeps the files of one usage (`media`, `reports`) below the storage directory."""

    def __init__(self, usage: str):
        self.usage = usage

    @property
    def _base_dir(self) -> Path:
        return Path(CONFIG.get("storage.file.path", "./data"))

    @property
    def base_path(self) -> Path:
        return self._base_dir / self.usage

    @property
    def manageable(self) -> bool:
        """In a container, what is not on a volume would be lost with the container."""
        return self._base_dir.exists() and (
            self._base_dir.is_mount() or (self._base_dir / self.usage).is_mount()
        )

    def list_files(self) -> Iterator[str]:
        for path in sorted(self.base_path.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.base_path).as_posix()

    def save_file(self, name: str, content: bytes) -> None:
        path = self.base_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
