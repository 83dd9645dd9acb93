"""A document for every area, and the page that leads to them."""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.catalogue import entry, reports_folder, suffix
from yjd.reporting.page import Page, write_html
from yjd.reporting.render import Announce, Engine, Job, render_many
from yjd.reporting.theme import furniture
from yjd.reporting.words import escape_html, escape_markdown

AREA = "area"
_WORDS = {"html": "web page", "pdf": "PDF", "slides": "slides"}


def areas_of(release: Path) -> list[str]:
    """The areas of a release, in its order."""
    try:
        told: Any = json.loads((release / "release.json").read_text(encoding="utf-8")).get("areas", ())
    except (OSError, ValueError):
        raise RenderingError(f"{release} is not a release: it has no release.json.", "Name a folder of one.") from None
    return [str(area) for area in told]


def area_jobs(document: str, release: Path, folder: Path, formats: Sequence[str]) -> list[Job]:
    """One job for each area and format of a document that asks for an area.

    Parameters
    ----------
    document : str
        Such as `area`.
    release, folder : Path
        What is rendered, and where the files go.
    formats : sequence of str
        Of `yjd.reporting.catalogue.FORMATS`.
    """
    if AREA not in entry(document).parameters:
        raise RenderingError(f"The document {document} is not about one area.", "Leave --all and --area out.")
    names = areas_of(release)
    return [
        Job(document, folder / f"{file}{suffix(wanted)}", wanted, {AREA: area})
        for area, file in zip(names, file_names(names), strict=True)
        for wanted in formats
    ]


def render_areas(
    document: str,
    release: Path,
    folder: Path,
    *,
    formats: Sequence[str] = ("html",),
    engine: Engine = "auto",
    announce: Announce | None = None,
) -> list[Path]:
    """Render a document for every area of a release, and an `index.html` that leads to them.

    Returns
    -------
    list of Path
        The index first.
    """
    jobs = area_jobs(document, release, folder, formats)
    written = render_many(jobs, release, engine=engine, announce=announce)
    return [_index(document, release, folder, jobs), *written]


def file_names(names: Sequence[str]) -> list[str]:
    """Short file names, all different, that every system takes: 'Dudley & Stourbridge' is dudley-stourbridge."""
    found: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").casefold()
        wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "area"
        tries = (wanted, *(f"{wanted}-{number}" for number in range(2, len(names) + 3)))
        found.append(next(file for file in tries if file not in {*found, "index"}))
    return found


def _index(document: str, release: Path, folder: Path, jobs: Sequence[Job]) -> Path:
    found = entry(document)
    by_area: dict[str, list[Job]] = {}
    for job in jobs:
        by_area.setdefault(job.parameters[AREA], []).append(job)
    lines = [f"- {', '.join(_link(area, job) for job in made)}" for area, made in by_area.items()]
    about = furniture(release)
    stamp = f'<div class="yjd-banner" role="note"><p><strong>{escape_html(about.state)}</strong></p></div>'
    page = Page(
        name="index.html",
        title=f"{found.title}: all areas",
        subtitle=about.project,
        lang=str(found.project.get("lang") or "en-GB"),
        contents=False,
        markdown="\n".join([*(["```{=html}", stamp, "```", ""] if about.state else []), "## Areas", "", *lines, ""]),
        furniture=about,
    )
    output = folder / "index.html"
    with tempfile.TemporaryDirectory(prefix="yjd-index-") as scratch:
        write_html(page, output, folder=reports_folder(), scratch=Path(scratch))
    return output


def _link(area: str, job: Job) -> str:
    """A link that makes sense when it is read alone."""
    return f"[{escape_markdown(area)} ({_WORDS[job.format]})]({job.output.name})"
