"""The verbs about what may leave: `yjd release check`, `sign` and `list`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, NamedRelease, Quiet, newest_release, settings_of

if TYPE_CHECKING:
    from yjd.history import History
    from yjd.release import Release

RELEASE_COLUMNS = ("run", "state", "files", "smallest_count", "title")
_CHECKING = "Checking the release"

releases = typer.Typer(
    name="release",
    help="Check, sign and list what may leave.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@releases.command("check")
def release_check(
    release: NamedRelease = None, config: Config = DEFAULT_CONFIG, json: Json = False, quiet: Quiet = False
) -> None:
    """Check a release, and say who has signed it."""
    from yjd.release_check import check_release

    folder = release or newest_release(settings_of(config))
    with _history(config) as history, terminal.progress(quiet=quiet) as announce:
        announce(_CHECKING)
        checked = check_release(folder, history=history)
    _tell_release(checked, json=json)


@releases.command("sign")
def release_sign(
    name: Annotated[str, typer.Option("--name", help="Who signs.")],
    role: Annotated[str, typer.Option("--role", help="As what, such as output checker.")],
    note: Annotated[str, typer.Option("--note", help="What the next reader should know.")] = "",
    decline: Annotated[bool, typer.Option("--decline", help="It may not leave; say why with --note.")] = False,
    release: NamedRelease = None,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a release and sign it. Two reviewers are needed."""
    from yjd.release import read_release
    from yjd.signoff import sign

    folder = release or newest_release(settings_of(config))
    with _history(config) as history, terminal.progress(quiet=quiet) as announce:
        announce(_CHECKING)
        sign(folder, name=name, role=role, note=note, decision="declined" if decline else "approved", history=history)
    _tell_release(read_release(folder), json=json)


@releases.command("list")
def release_list(config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """List the project's releases."""
    from yjd.folders import Folders
    from yjd.release_check import summary

    folders = sorted(path.parent for path in Folders.of(settings_of(config)).release.glob("[!.]*/release.json"))
    rows = [summary(folder) for folder in folders]
    if json:
        terminal.say(terminal.as_json({"releases": rows}))
    else:
        terminal.say(terminal.table(rows, RELEASE_COLUMNS) if rows else "No release yet: `yjd run` makes the first.")


@contextmanager
def _history(config: Path) -> Iterator[History | None]:
    """The project's history; None where there is no project or it has recorded nothing."""
    if not config.exists():
        yield None
        return
    from yjd.folders import history_url
    from yjd.history import History

    with History.open(history_url(settings_of(config))) as history:
        yield history


def _tell_release(release: Release, *, json: bool) -> None:
    from yjd.release_check import summary
    from yjd.signoff import state

    if json:
        terminal.say(
            terminal.as_json({**summary(release.path), "path": release.path, "signatures": release.signatures})
        )
        return
    terminal.say(f"{release.path}: {len(release.manifest.get('files', ()))} files and release.json, all as written.")
    for place, one in enumerate(release.signatures, start=1):
        note = f" ({one.note})" if one.note else ""
        terminal.say(f"{place}. {one.decision} by {one.name}, {one.role}, {one.date}{note}")
    terminal.say(f"State: {state(release.signatures)}.")
