"""A document for every area, or every owner of recommendations, and the page that leads to them."""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.catalogue import entry, reports_folder, suffix
from yjd.reporting.page import Page, write_html
from yjd.reporting.render import Announce, Engine, Job, render_many
from yjd.reporting.theme import furniture
from yjd.reporting.words import escape_html, escape_markdown

_WORDS = {"html": "web page", "pdf": "PDF", "slides": "slides"}
_OVERVIEW = "overview"  # the file of the document that is about all of them


@dataclass(frozen=True)
class Each:
    """What a document can be about one of, so that there is one for each.

    Attributes
    ----------
    parameter, plural : str
        What the document asks for, and the folder of the documents of all.
    names : callable
        Those of a release, in its order; given what release.json says.
    whole : str
        The document that is about all of them, if the index leads to it too.
    """

    parameter: str
    plural: str
    names: Callable[[Mapping[str, Any]], list[str]]
    whole: str = ""


def _areas(manifest: Mapping[str, Any]) -> list[str]:
    return [str(area) for area in manifest.get("areas", ())]


def _owners(manifest: Mapping[str, Any]) -> list[str]:
    from yjd.reporting.owner import owners

    kept = manifest.get("progress")
    return owners(kept["register"]) if kept else []


EACH = (Each("area", "areas", _areas), Each("owner", "owners", _owners, whole="progress"))


def each_of(document: str) -> Each | None:
    """What a document is about one of; None where it is about the whole release."""
    return next((each for each in EACH if each.parameter in entry(document).parameters), None)


def each_jobs(document: str, release: Path, folder: Path, formats: Sequence[str]) -> list[Job]:
    """One job for each area, or owner, and format of a document that asks for one.

    Parameters
    ----------
    document : str
        Such as `area` or `owner`.
    release, folder : Path
        What is rendered, and where the files go.
    formats : sequence of str
        Of `yjd.reporting.catalogue.FORMATS`.

    Raises
    ------
    RenderingError
        The document is about the whole release, or that is no release.
    """
    each = each_of(document)
    if each is None:
        about = " or ".join(f"one {one.parameter}" for one in EACH)
        options = ", ".join(f"--{one.parameter}" for one in EACH)
        raise RenderingError(f"The document {document} is not about {about}.", f"Leave --all and {options} out.")
    names = each.names(_manifest(release))
    if not names:
        raise RenderingError(f"The release names no {each.plural}.", "Make one that does: docs/how-to.md.")
    return [
        Job(document, folder / f"{file}{suffix(wanted)}", wanted, {each.parameter: name})
        for name, file in zip(names, file_names(names), strict=True)
        for wanted in formats
    ]


def render_each(
    document: str,
    release: Path,
    folder: Path,
    *,
    formats: Sequence[str] = ("html",),
    engine: Engine = "auto",
    announce: Announce | None = None,
) -> list[Path]:
    """Render a document for every area, or owner, of a release, and an `index.html` that leads to them.

    Returns
    -------
    list of Path
        The index first; then the overview, where there is a document that is about all.
    """
    jobs = all_jobs(document, release, folder, formats)
    written = render_many(jobs, release, engine=engine, announce=announce)
    return [_index(document, release, folder, jobs), *written]


def all_jobs(document: str, release: Path, folder: Path, formats: Sequence[str]) -> list[Job]:
    """What `render_each` renders: the overview, where there is one, and then as `each_jobs`."""
    jobs, each = each_jobs(document, release, folder, formats), each_of(document)
    if each is None or not each.whole:
        return jobs
    made = [wanted for wanted in formats if wanted in entry(each.whole).formats]
    return [*(Job(each.whole, folder / f"{_OVERVIEW}{suffix(wanted)}", wanted) for wanted in made), *jobs]


def _manifest(release: Path) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = json.loads((release / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RenderingError(f"{release} is not a release: it has no release.json.", "Name a folder of one.") from None
    return told


def file_names(names: Sequence[str]) -> list[str]:
    """Short file names, all different, that every system takes: 'Dudley & Stourbridge' is dudley-stourbridge."""
    found: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").casefold()
        wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "page"
        tries = (wanted, *(f"{wanted}-{number}" for number in range(2, len(names) + 3)))
        found.append(next(file for file in tries if file not in {*found, "index", _OVERVIEW}))
    return found


def _index(document: str, release: Path, folder: Path, jobs: Sequence[Job]) -> Path:
    found, each = entry(document), each_of(document)
    plural = each.plural if each else ""
    by_name: dict[str, list[Job]] = {}
    for job in jobs:
        by_name.setdefault(next(iter(job.parameters.values()), _OVERVIEW.capitalize()), []).append(job)
    lines = [f"- {', '.join(_link(name, job) for job in made)}" for name, made in by_name.items()]
    about = furniture(release)
    stamp = f'<div class="yjd-banner" role="note"><p><strong>{escape_html(about.state)}</strong></p></div>'
    page = Page(
        name="index.html",
        title=f"{found.title}: all {plural}",
        subtitle=about.project,
        lang=str(found.project.get("lang") or "en-GB"),
        contents=False,
        markdown="\n".join(
            [*(["```{=html}", stamp, "```", ""] if about.state else []), f"## {plural.capitalize()}", "", *lines, ""]
        ),
        furniture=about,
    )
    output = folder / "index.html"
    with tempfile.TemporaryDirectory(prefix="yjd-index-") as scratch:
        write_html(page, output, folder=reports_folder(), scratch=Path(scratch))
    return output


def _link(name: str, job: Job) -> str:
    """A link that makes sense when it is read alone."""
    return f"[{escape_markdown(name)} ({_WORDS[job.format]})]({job.output.name})"
