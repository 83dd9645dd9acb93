"""What several verbs of the command line share: their options, and what those stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd.errors import ConfigurationError

if TYPE_CHECKING:
    from yjd.config import Settings

Config = Annotated[Path, typer.Option("--config", help="The project's configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Put the answer on standard output as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]

NamedRelease = Annotated[
    Path | None,
    typer.Option("--release", help="The release's folder. [default: the project's newest]", show_default=False),
]

DEFAULT_CONFIG = Path("yjd.toml")


def settings_of(config: Path) -> Settings:
    """The settings that a configuration file holds."""
    from yjd.config import load

    return load(config)


def newest_release(settings: Settings) -> Path:
    """The folder of the release that a project made last, by the order of the history, whatever any clock said.

    One that is not in the history was written by a run which was then killed, and is the newest.
    """
    from yjd.folders import Folders, history_url
    from yjd.history import History

    finished = Folders.of(settings).release.glob("[!.]*/release.json")  # what begins with a dot is being built
    folders = sorted((path.parent for path in finished), key=lambda path: path.name)
    if not folders:
        raise ConfigurationError(
            "This project has no release yet.", "Make one with `yjd run`, or name one with --release."
        )
    with History.open(history_url(settings)) as history:
        place = {run: number for number, run in enumerate(history.runs()["run"])}
    return max(folders, key=lambda folder: place.get(folder.name, len(place)))
