"""Where a project keeps what, and that one run at a time is at work on it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yjd.errors import BusyError

if TYPE_CHECKING:
    from yjd.config import Settings


@dataclass(frozen=True)
class Folders:
    """Where a project keeps what: only `release` may ever leave the machine."""

    sensitive: Path
    review: Path
    release: Path
    reports: Path

    @classmethod
    def of(cls, settings: Settings) -> Folders:
        """The folders of a project."""
        work = settings.folder / "work"
        return cls(work / "sensitive", work / "review", work / "release", settings.folder / "reports")


def fingerprints(settings: Settings, hashes: Mapping[str, str]) -> dict[str, str]:
    """Hashes of extracts that tell nothing of what they hold, to anyone without the project's own key.

    A plain hash of a partner's table of counts would confirm a guess at those that are hidden: there are few to try.
    The key is made once and stays in work/sensitive; a demonstration, which hides nothing real, has a known one.
    """
    return {name: keyed(settings, digest) for name, digest in hashes.items()}


def keyed(settings: Settings, text: str) -> str:
    """The hash of a text, in 64 hexadecimal digits, that nobody can work out without the project's own key."""
    key = b"demonstration" if settings.project.demonstration else _key(Folders.of(settings).sensitive / "project.key")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        made.write_bytes(secrets.token_bytes(32))
        made.replace(path)
    return path.read_bytes()


def history_url(settings: Settings) -> str:
    """Where the history of runs is: the configured database, or a file in the project's work folder."""
    if settings.history is not None:
        return settings.history.url()
    path = settings.folder / "work" / "history.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.as_posix()}"


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the project for one run: the operating system lets go of it when the run ends, however it ends."""
    import filelock

    path = settings.folder / "work" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError("Another run is at work on this project.", "Wait until it has finished.") from None
    try:
        yield
    finally:
        lock.release()
