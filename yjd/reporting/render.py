"""From a document and a release to one file: with Quarto where it is there, without it everywhere else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from yjd.errors import RenderingError
from yjd.reporting.embedded import refuse_requests, render_embedded, replace_file
from yjd.reporting.report import RELEASE_VARIABLE

Engine = Literal["auto", "quarto", "embedded"]
_OLDEST_QUARTO = (1, 9)


def reports_folder() -> Path:
    """The folder of the documents: inside the installed package, or at the top level of a checkout."""
    import yjd

    package = Path(yjd.__file__).resolve().parent
    for folder in (package / "_reports", package.parent / "reports"):
        if (folder / "_quarto.yml").is_file():
            return folder
    raise RenderingError("The documents of the reports are missing.", "Install yjd again.")


def documents() -> list[str]:
    """The names of the documents that can be rendered."""
    return sorted(path.stem for path in reports_folder().glob("*.qmd") if not path.name.startswith("_"))


def render(
    document: str,
    release: Path | str,
    *,
    output: Path | str | None = None,
    format: str = "html",  # noqa: A002
    engine: Engine = "auto",
) -> Path:
    """Render a document from a release and from nothing else.

    Parameters
    ----------
    document : str
        The name of a document, such as `summit`, or the path of a `.qmd` file.
    release : Path or str
        The folder of a release.
    output : Path or str, optional
        The file to write, or an existing folder; by default `reports/<document>.html` of the project that
        the release belongs to.
    format : str, optional
        `html`.
    engine : {'auto', 'quarto', 'embedded'}, optional
        `auto` takes Quarto where it is on the path and new enough.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RenderingError
        If the document or the release is not there, a cell fails, or the document goes beyond what can be
        rendered.
    """
    if format != "html":
        raise RenderingError(f"The format {format!r} is not known here.", "Ask for html.")
    if engine not in ("auto", "quarto", "embedded"):
        raise RenderingError(f"The engine {engine!r} is not known.", "Choose auto, quarto or embedded.")
    source = _source(document)
    folder = Path(release).resolve()
    if not (folder / "release.json").is_file():
        raise RenderingError(f"{release} is not a release: it has no release.json.", "Name a folder of work/release.")
    target = _target(source.stem, folder, output)
    with tempfile.TemporaryDirectory(prefix="yjd-reports-") as scratch:
        # a copy, because running a document may write beside it and the package may not be writable
        copied = Path(scratch) / "reports"
        shutil.copytree(source.parent, copied, ignore=shutil.ignore_patterns("*.html", "__pycache__", ".*"))
        copy = copied / source.name
        if engine == "quarto" or (engine == "auto" and quarto_is_usable()):
            _render_quarto(copy, folder, target)
        else:
            render_embedded(
                copy, target, parameters={"release": str(folder)}, variables={RELEASE_VARIABLE: str(folder)}
            )
    return target


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


def _render_quarto(source: Path, release: Path, target: Path) -> None:
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
    done = subprocess.run(
        [program, "render", source.name, "--to", "html", "--output", "page.html"],
        cwd=source.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    page = next(iter([*source.parent.glob("page.html"), *source.parent.glob("*/page.html")]), None)
    if done.returncode or page is None:
        line = re.search(r"^(\w*(?:Error|Exception))\b", done.stderr, flags=re.MULTILINE)
        why = f" with {line[1]}" if line else ""
        raise RenderingError(
            f"{source.name}: Quarto stopped{why} (exit code {done.returncode}).",
            "Render it with the engine `embedded` to see the line.",
        )
    refuse_requests(page.read_text(encoding="utf-8"), source.name)
    replace_file(page, target)


def _source(document: str) -> Path:
    named = Path(document)
    if named.suffix == ".qmd":
        if not named.is_file():
            raise RenderingError(f"There is no document {document}.", "Check the path.")
        return named.resolve()
    if named.name != document or document not in documents():
        raise RenderingError(f"There is no document {document!r}.", f"Choose from: {', '.join(documents())}.")
    return reports_folder() / f"{document}.qmd"


def _target(name: str, release: Path, output: Path | str | None) -> Path:
    if output is not None:
        wanted = Path(output)
        return (wanted / f"{name}.html" if wanted.is_dir() else wanted).resolve()
    work = release.parent.parent
    within_project = release.parent.name == "release" and work.name == "work"
    base = work.parent / "reports" if within_project else Path.cwd()
    return (base / f"{name}.html").resolve()
