"""Rendering with Quarto, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from yjd.errors import RenderingError
from yjd.office import Office
from yjd.reporting.catalogue import QUARTO, suffix
from yjd.reporting.embedded import assignments
from yjd.reporting.page import refuse_requests, replace_file
from yjd.reporting.report import RELEASE_VARIABLE

_OLDEST_QUARTO = (1, 9)
_PARAMETERS_CELL = r"^```\{python\}\n(?:#\|.*\n)*#\|\s*tags:.*\bparameters\b.*\n(?:.*\n)*?```$"


def quarto_is_usable() -> bool:
    """Quarto is on the path and new enough."""
    version = quarto_version()
    return version is not None and version >= _OLDEST_QUARTO


def quarto_version() -> tuple[int, ...] | None:
    """The version of the Quarto on the path, or None."""
    program = shutil.which("quarto")
    if program is None:
        return None
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(int(part) for part in re.findall(r"\d+", told.stdout)[:2]) or None


def run_quarto(source: Path, release: Path, wanted: str, output: Path, *, title: str, office: Office) -> None:
    """Render one document.

    Parameters
    ----------
    source : Path
        A copy of the document in a copy of its folder.
    release : Path
        The folder of a release.
    wanted : str
        The format, of `yjd.reporting.catalogue.FORMATS`.
    output : Path
        The file to write.
    title : str
        The title of the page.
    office : Office
        Whose report it is.

    Raises
    ------
    RenderingError
        Quarto is not there or stopped, or the page would load something.
    """
    program = shutil.which("quarto")
    if program is None:
        raise RenderingError("Quarto is not on the path.", "Install it, or ask for the engine `embedded`.")
    import yjd

    package = str(Path(yjd.__file__).resolve().parent.parent)
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = os.environ | {
        "QUARTO_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        RELEASE_VARIABLE: str(release),
    }
    name = f"page{suffix(wanted)}"
    metadata = {"title": title, "author": office.name, "yjd-accent": office.accent, "yjd-stamp": office.stamp}
    told = [part for key, value in metadata.items() for part in ("--metadata", f"{key}:{value}")]
    done = subprocess.run(
        [program, "render", source.name, "--to", QUARTO[wanted], "--output", name, *told],
        cwd=source.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    page = next(iter([*source.parent.glob(name), *source.parent.glob(f"*/{name}")]), None)
    if done.returncode or page is None:
        line = re.search(r"^(\w*(?:Error|Exception))\b", done.stderr, flags=re.MULTILINE)
        why = f" with {line[1]}" if line else ""
        raise RenderingError(
            f"{source.name}: Quarto stopped{why} (exit code {done.returncode}).",
            "Render it with the engine `embedded` to see the line.",
        )
    if wanted != "pdf":
        refuse_requests(page.read_text(encoding="utf-8"), source.name)
    replace_file(page, output)
    page.unlink()


def with_parameters(text: str, parameters: Mapping[str, str]) -> str:
    """The text of a document with its parameters set after the cell that is tagged for them."""
    found = re.search(
        r"^```\{python\}\n(?:#\|.*\n)*#\|\s*tags:.*\bparameters\b.*\n(?:.*\n)*?```$", text, flags=re.MULTILINE
    )
    if found is None:
        return text
    cell = f"\n\n```{{python}}\n#| include: false\n{assignments(parameters)}\n```"
    return text[: found.end()] + cell + text[found.end() :]
