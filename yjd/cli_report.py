"""The verb `report`: documents out of a release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, NamedRelease, Quiet, newest_release, settings_of
from yjd.errors import RenderingError

if TYPE_CHECKING:
    from yjd.reporting.render import Job

AREAS = "areas"  # the folder of the documents of every area


def _known_formats(formats: list[str] | None) -> list[str] | None:
    from yjd.reporting.catalogue import FORMATS

    if unknown := [name for name in formats or () if name not in FORMATS]:
        raise typer.BadParameter(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return formats


def report(
    document: Annotated[str, typer.Argument(help="Which document to render; --list shows them.")] = "summit",
    release: NamedRelease = None,
    area: Annotated[
        list[str] | None, typer.Option("--area", help="For a document about one area: which. May be given again.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="For a document about one area: all areas, and an index.")
    ] = False,
    voice: Annotated[
        Path | None,
        typer.Option(
            "--voice",
            help="For an evidence pack: a Markdown file of what communities said. [default: community-voice.md beside "
            "the configuration, where there is one]",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="html, pdf or slides. May be given again. [default: the document's own]",
            show_default=False,
            callback=_known_formats,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="The file to write, or the folder where there are several. [default: in reports/<run>]",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the documents.")] = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render a document from a release."""
    if listed:
        _list(json=json)
        return
    if every and area:
        raise typer.BadParameter("give --area or --all, not both")
    release = release or newest_release(settings_of(config))
    home = config.parent / "reports" / release.name
    from yjd.reporting.batch import render_areas
    from yjd.reporting.catalogue import entry
    from yjd.reporting.render import render_many

    made = entry(document).formats
    if other := [name for name in formats or () if name not in made]:
        raise typer.BadParameter(f"the document {document} is not made as {other[0]}; it comes as {', '.join(made)}")
    wanted = tuple(dict.fromkeys(formats or made[:1]))
    if every:
        folder = output or home / AREAS
        with terminal.progress(quiet=quiet, total=_count(document, release, folder, wanted)) as announce:
            written = render_areas(document, release, folder, formats=wanted, announce=announce)
    else:
        told = _voice(document, voice, config)
        jobs = [replace(job, parameters={**job.parameters, **told})
                for job in _jobs(document, release, area or [], wanted, output, home)]  # fmt: skip
        with terminal.progress(quiet=quiet, total=len(jobs) if len(jobs) > 1 else None) as announce:
            written = render_many(jobs, release, announce=lambda title: announce(f"Rendering {title}"))
    if json:
        terminal.say(terminal.as_json({"release": release, "report": written[0], "reports": written}))
    else:
        for path in written:
            terminal.say(f"Report: {path}")


def _voice(document: str, given: Path | None, config: Path) -> dict[str, str]:
    """The parameter with the file of what communities said: the one named, or the one beside the configuration."""
    from yjd.reporting.catalogue import entry
    from yjd.reporting.eia_voice import FILE_NAME, VOICE

    if VOICE not in entry(document).parameters:
        if given is not None:
            raise typer.BadParameter(f"the document {document} has no place for what communities said (--voice)")
        return {}
    beside = config.parent / FILE_NAME
    found = given or (beside if beside.is_file() else None)
    return {VOICE: str(found.resolve())} if found else {}


def _count(document: str, release: Path, folder: Path, formats: tuple[str, ...]) -> int:
    from yjd.reporting.batch import area_jobs

    return len(area_jobs(document, release, folder, formats))


def _jobs(
    document: str, release: Path, areas: list[str], formats: tuple[str, ...], output: Path | None, home: Path
) -> list[Job]:
    """What is to be made, each in its place."""
    from yjd.reporting.batch import AREA, area_jobs
    from yjd.reporting.catalogue import entry, suffix
    from yjd.reporting.render import Job

    found = entry(document)
    if AREA not in found.parameters and not areas:
        jobs = [Job(document, home / f"{found.name}{suffix(wanted)}", wanted) for wanted in formats]
    else:
        jobs = area_jobs(document, release, home / AREAS, formats)
        there = list(dict.fromkeys(job.parameters[AREA] for job in jobs))
        if unknown := [name for name in areas if name not in there]:
            raise RenderingError(f"The release has no area {unknown[0]!r}.", f"It has: {', '.join(there)}.")
        if not areas:
            raise RenderingError(
                f"The document {found.name} is about one area, and none was named.",
                f"Name one with --area, or take --all. There are: {', '.join(there)}.",
            )
        jobs = [job for job in jobs if job.parameters[AREA] in areas]
    if output is None:
        return jobs
    if len(jobs) == 1 and not output.is_dir():
        return [Job(jobs[0].document, output, jobs[0].format, jobs[0].parameters)]
    return [Job(job.document, output / job.output.name, job.format, job.parameters) for job in jobs]


def _list(*, json: bool) -> None:
    from yjd.reporting.catalogue import documents, entry

    found = [entry(name) for name in documents()]
    rows = [
        {
            "document": one.name,
            "title": one.title,
            "asks_for": ", ".join(one.parameters),
            "formats": ", ".join(one.formats),
        }
        for one in found
    ]
    if json:
        terminal.say(terminal.as_json({"documents": rows}))
    else:
        terminal.say(terminal.table(rows, ("document", "asks_for", "formats", "title")))
