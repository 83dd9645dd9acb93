"""The verb `report`: documents out of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, NamedRelease, Quiet, newest_release, settings_of
from yjd.errors import RenderingError

if TYPE_CHECKING:
    from yjd.reporting.render import Job


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
    owner: Annotated[
        list[str] | None, typer.Option("--owner", help="For a document about one owner: which. May be given again.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="For a document about one area or owner: all of them, and an index.")
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
    named = {"area": area or [], "owner": owner or []}
    if every and any(named.values()):
        raise typer.BadParameter("give a name or --all, not both")
    release = release or newest_release(settings_of(config))
    home = config.parent / "reports" / release.name
    from yjd.reporting.batch import all_jobs, each_of, render_each
    from yjd.reporting.catalogue import entry
    from yjd.reporting.render import render_many

    made = entry(document).formats
    if other := [name for name in formats or () if name not in made]:
        raise typer.BadParameter(f"the document {document} is not made as {other[0]}; it comes as {', '.join(made)}")
    wanted = tuple(dict.fromkeys(formats or made[:1]))
    if every:
        each = each_of(document)
        folder = output or home / (each.plural if each else "")
        count = len(all_jobs(document, release, folder, wanted))
        with terminal.progress(quiet=quiet, total=count) as announce:
            written = render_each(document, release, folder, formats=wanted, announce=announce)
    else:
        told = _voice(document, voice, config)
        jobs = [replace(job, parameters={**job.parameters, **told})
                for job in _jobs(document, release, named, wanted, output, home)]  # fmt: skip
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


def _jobs(
    document: str,
    release: Path,
    named: Mapping[str, list[str]],
    formats: tuple[str, ...],
    output: Path | None,
    home: Path,
) -> list[Job]:
    """What is to be made, each in its place."""
    from yjd.reporting.batch import each_jobs, each_of
    from yjd.reporting.catalogue import entry, suffix
    from yjd.reporting.render import Job

    found, each = entry(document), each_of(document)
    asked = named.get(each.parameter, []) if each else []
    if each and (other := [name for name, given in named.items() if given and name != each.parameter]):
        raise typer.BadParameter(f"the document {document} is about one {each.parameter}, not about one {other[0]}")
    if each is None and not any(named.values()):
        jobs = [Job(document, home / f"{found.name}{suffix(wanted)}", wanted) for wanted in formats]
    else:
        jobs = each_jobs(document, release, home / (each.plural if each else ""), formats)
        jobs = _chosen(found.name, each.parameter if each else "", asked, jobs)
    if output is None:
        return jobs
    if len(jobs) == 1 and not output.is_dir():
        return [Job(jobs[0].document, output, jobs[0].format, jobs[0].parameters)]
    return [Job(job.document, output / job.output.name, job.format, job.parameters) for job in jobs]


def _chosen(document: str, parameter: str, asked: list[str], jobs: list[Job]) -> list[Job]:
    """The jobs of those that were named."""
    there = list(dict.fromkeys(job.parameters[parameter] for job in jobs))
    if unknown := [name for name in asked if name not in there]:
        raise RenderingError(f"The release has no {parameter} {unknown[0]!r}.", f"It has: {', '.join(there)}.")
    if not asked:
        raise RenderingError(
            f"The document {document} is about one {parameter}, and none was named.",
            f"Name one with --{parameter}, or take --all. There are: {', '.join(there)}.",
        )
    return [job for job in jobs if job.parameters[parameter] in asked]


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
