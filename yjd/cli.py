"""The verbs of the command line. Each is thin: it reads options, calls the engine and words the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, Quiet, settings_of
from yjd.cli_progress import progress
from yjd.cli_release import releases
from yjd.cli_report import report
from yjd.cli_runs import runs
from yjd.errors import YjdError

if TYPE_CHECKING:  # the engine is imported by the verb that needs it: `yjd --help` must not wait for pandas
    from yjd.pipeline import RunOutcome

ACCOUNTING = ("extract", "read", "used", "set_aside", "out_of_scope")

app = typer.Typer(
    name="yjd",
    help="Youth justice disproportionality analysis: records in, a checked release and a report out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # square brackets are shorthand here, never markup
    pretty_exceptions_enable=False,
)

app.add_typer(releases)
app.add_typer(runs)


def main() -> None:
    """Run the command line and leave with its exit code."""
    terminal.hold_back_values()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that lacks a letter shows its code instead of failing
            stream.reconfigure(errors="backslashreplace")
    sys.exit(guarded(app))


def guarded(command: Callable[[], object]) -> int:
    """Call a command and turn whatever it raises into words on standard error and an exit code.

    Usage errors (exit code 2) are worded by typer, which raises SystemExit: that passes through.

    Returns
    -------
    int
        0, the error's own exit code, or 1 for a fault of yjd's own, whose message is never shown.
    """
    try:
        command()
    except YjdError as error:
        typer.echo(terminal.explain(error), err=True)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback could show a record
        typer.echo(terminal.apologise(error), err=True)
        return terminal.UNEXPECTED
    return 0


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        terminal.say(f"yjd {installed('yjd')}")
        raise typer.Exit


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write the project.")] = Path(),
    json: Json = False,
) -> None:
    """Write a new project, to be filled in."""
    from yjd.project import write_template

    written = write_template(folder)
    if json:
        terminal.say(terminal.as_json({"written": written}))
        return
    for path in written:
        terminal.say(f"wrote {path}")
    terminal.say(f"Next: fill in {folder / DEFAULT_CONFIG}, then run `yjd check`.")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to write the demonstration.")] = Path("demo"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Do the whole job on made-up records."""
    from yjd import pipeline

    with terminal.progress(quiet=quiet) as announce:
        outcome = pipeline.demo(folder, progress=announce)
    _tell_outcome(outcome, json=json)


@app.command()
def check(config: Config = DEFAULT_CONFIG, json: Json = False, quiet: Quiet = False) -> None:
    """Check the configuration and every extract."""
    from yjd import pipeline

    settings = settings_of(config)
    with terminal.progress(quiet=quiet) as announce:
        accounting = terminal.rows_of(pipeline.check(settings, announce))
    terminal.say(terminal.as_json({"extracts": accounting}) if json else terminal.table(accounting, ACCOUNTING))


@app.command()
def run(
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Do nothing where extracts and configuration are as at the last run.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Do the whole job: extracts in, a release and a report out."""
    from yjd import pipeline

    settings = settings_of(config)
    with terminal.progress(quiet=quiet) as announce:
        outcome = pipeline.run(settings, progress=announce, if_changed=if_changed)
    _tell_outcome(outcome, json=json)


app.command()(report)
app.command()(progress)


@app.command()
def measures(json: Json = False) -> None:
    """List the measures and their stages."""
    from yjd import measures as registry

    known, stages = list(registry.measures().values()), list(registry.stages().values())
    if json:
        terminal.say(terminal.as_json({"measures": known, "stages": stages}))
        return
    terminal.say(terminal.table(terminal.rows_of(known), ("id", "family", "numerator", "denominator", "title")))
    terminal.say()
    terminal.say(terminal.table(terminal.rows_of(stages), ("id", "unit", "counts")))


@app.command()
def doctor(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    json: Json = False,
) -> None:
    """Look at what this machine has and lacks."""
    from yjd import doctor as examination

    findings = examination.examine(folder)
    if json:
        terminal.say(terminal.as_json({"checks": findings}))
    else:
        terminal.say(terminal.table(terminal.rows_of(findings), ("verdict", "what", "detail")))
        for finding in findings:
            if finding.remedy:
                terminal.say(f"{finding.what}: {finding.remedy}")
    if any(finding.verdict == "missing" for finding in findings):
        raise typer.Exit(terminal.UNEXPECTED)


def _tell_outcome(outcome: RunOutcome, *, json: bool) -> None:
    if json:
        names = ("run", "changed", "release", "report", "findings", "accounting")
        terminal.say(terminal.as_json({name: getattr(outcome, name) for name in names}))
        return
    if outcome.changed:
        terminal.say(terminal.table(terminal.rows_of(outcome.accounting), ACCOUNTING))
    else:
        terminal.say("Nothing has changed since the last run.")
    for finding in terminal.rows_of(outcome.findings):
        terminal.say(f"{finding.get('severity')}: {finding.get('text')}")
    terminal.say(f"Run: {outcome.run}")
    terminal.say(f"Release: {outcome.release}")
    if outcome.report is not None:
        terminal.say(f"Report: {outcome.report}")
