"""A new project: its configuration to be filled in, and guards against committing data."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from yjd.errors import ConfigurationError

_FILES = {
    "yjd.toml": "yjd.toml",
    "recommendations.toml": "recommendations.toml",
    ".gitignore": "gitignore",
    ".githooks/pre-commit": "pre-commit",
}


def template(name: str) -> str:
    """The text of one of the files in yjd/templates."""
    return resources.files("yjd").joinpath("templates", name).read_text(encoding="utf-8")


def write_template(folder: Path) -> list[Path]:
    """Write a new project into `folder`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ConfigurationError
        Any of the files is there already; nothing is written then.
    """
    targets = {folder / target: source for target, source in _FILES.items()}
    if there := [str(path) for path in targets if path.exists()]:
        raise ConfigurationError(f"There is already {', '.join(there)}.", "Choose an empty folder, or remove it first.")
    for path, source in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template(source), encoding="utf-8", newline="\n")
    (folder / ".githooks" / "pre-commit").chmod(0o755)
    return list(targets)
