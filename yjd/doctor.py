"""What a machine must have for yjd to work, looked at without asking the network."""

from __future__ import annotations

import locale
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["ok", "note", "missing"]

MINIMUM_PYTHON = (3, 11)
FONTS = ("Arial", "Liberation Sans", "DejaVu Sans")  # in the charts' order of choice
REINSTALL = "Install yjd again from its lock file (README, first command)."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    ``note`` is something to know of that does not stop the main job; ``missing`` stops it.
    """

    what: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def examine(folder: Path) -> list[Finding]:
    """Look at everything that the main job needs on this machine.

    Parameters
    ----------
    folder : Path
        The project's folder, whose ``work`` folder must be writeable.

    Returns
    -------
    list of Finding
        In a fixed order. A look that itself fails is a ``missing`` finding, never an exception.
    """
    return [
        _python(),
        *_packages(),
        *_look("DuckDB", _duckdb),
        *_look("pandoc", _pandoc),
        *_look("typst", _typst),
        _quarto(),
        *_look("fonts", _fonts),
        _text_encoding(),
        _writeable(folder / "work"),
    ]


def _look(what: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    """Turn a look that fails, whatever way a broken installation fails, into a finding."""
    try:
        yield look()
    except Exception as error:  # noqa: BLE001 - that is the finding
        yield Finding(what, "missing", f"does not work here ({type(error).__name__})", REINSTALL)


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= MINIMUM_PYTHON:
        return Finding("Python", "ok", found)
    return Finding("Python", "missing", found, "yjd needs Python 3.11 or later.")


def _packages() -> Iterator[Finding]:
    """Yield one finding for each package that yjd's own metadata asks for."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(line) for line in requires("yjd") or ()]
        yield Finding("yjd", "ok", version("yjd"))
    except PackageNotFoundError:
        yield Finding("yjd", "missing", "runs from a folder and is not installed", REINSTALL)
        return
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Finding(requirement.name, "missing", "not installed", REINSTALL)
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        detail = found if fits else f"{found}, but yjd needs {requirement.specifier}"
        yield Finding(requirement.name, "ok" if fits else "missing", detail, "" if fits else REINSTALL)


def _duckdb() -> Finding:
    """Answer a query with every kind of extension download switched off."""
    import duckdb

    offline: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=offline) as connection:
        answer = connection.execute("SELECT SUM(n) FROM (VALUES (1), (2)) AS t (n)").fetchone()
    if answer != (3,):
        return Finding("DuckDB", "missing", "a query gave a wrong answer", REINSTALL)
    return Finding("DuckDB", "ok", "answers queries without the network")


def _pandoc() -> Finding:
    import pypandoc

    return Finding("pandoc", "ok", f"{pypandoc.get_pandoc_version()}, from the package pypandoc_binary")


def _typst() -> Finding:
    import typst

    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "page.typ"
        source.write_text("A page.", encoding="utf-8")
        made = typst.compile(str(source))
    if not made.startswith(b"%PDF"):
        return Finding("typst", "missing", "wrote no PDF", REINSTALL)
    return Finding("typst", "ok", "writes a PDF")


def _quarto() -> Finding:
    if shutil.which("quarto"):
        return Finding("Quarto", "ok", "on PATH: renders the reports")
    return Finding("Quarto", "note", "not on PATH: the embedded renderer makes the same reports")


def _fonts() -> Finding:
    from matplotlib import font_manager

    there = {entry.name for entry in font_manager.fontManager.ttflist}
    chosen = next((font for font in FONTS if font in there), None)
    if chosen is None:
        return Finding("fonts", "missing", f"none of {', '.join(FONTS)}", REINSTALL)
    return Finding("fonts", "ok", f"charts use {chosen}")


def _text_encoding() -> Finding:
    console = (getattr(sys.stdout, "encoding", None) or locale.getpreferredencoding(False)).lower().replace("-", "")
    if console == "utf8":
        return Finding("UTF-8", "ok", "files and console")
    return Finding(
        "UTF-8",
        "note",
        f"files are UTF-8; this console is {console} and shows the codes of letters that it lacks",
        "Set the environment variable PYTHONUTF8 to 1 to see every letter.",
    )


def _writeable(work: Path) -> Finding:
    """Write and remove a file in the work folder, or in the nearest folder above it that exists."""
    nearest = next(place for place in (work.absolute(), *work.absolute().parents) if place.is_dir())
    try:
        with tempfile.NamedTemporaryFile(dir=nearest, prefix="yjd-", suffix=".tmp") as scratch:
            scratch.write(b"\x00" * 16)
            scratch.flush()
            os.fsync(scratch.fileno())
    except OSError as error:
        return Finding(
            "work folder",
            "missing",
            f"{nearest} cannot be written ({type(error).__name__})",
            "Choose another folder.",
        )
    free = shutil.disk_usage(nearest).free / 1e9
    return Finding("work folder", "ok", f"writeable, {free:.0f} GB free")
