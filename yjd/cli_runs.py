"""The verbs about the history: `yjd runs`, `show`, `compare` and `export`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, settings_of

if TYPE_CHECKING:
    from yjd.history import History

RUN_COLUMNS = ("run", "recorded_at", "version", "title")

runs = typer.Typer(
    name="runs",
    help="List, show, compare and export the runs in the history.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Run = Annotated[str, typer.Argument(help="Its name, as `yjd runs` lists it.")]


@runs.callback(invoke_without_command=True)
def runs_list(context: typer.Context, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """List, show, compare and export the runs in the history. Without a verb: list."""
    if context.invoked_subcommand is not None:
        return
    with history_of(config) as history:
        rows = terminal.rows_of(history.runs())
    if json:
        terminal.say(terminal.as_json({"runs": rows}))
    else:
        terminal.say(terminal.table(rows, RUN_COLUMNS) if rows else "No run yet: `yjd run` makes the first.")


@runs.command("show")
def runs_show(run: Run, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """Say what one run was made from and what it released."""
    with history_of(config) as history:
        known = history.runs().set_index("run")
        results = history.results(run)
        row = terminal.rows_of(known.loc[[run]].reset_index())[0]
    counted = results.groupby(["measure", "quantity"], sort=True)["disclosure"].value_counts().unstack(fill_value=0)
    shown = counted.reindex(columns=["shown", "rounded", "hidden"], fill_value=0).reset_index()
    if json:
        terminal.say(terminal.as_json({**row, "results": terminal.rows_of(shown)}))
        return
    for name, value in row.items():
        terminal.say(f"{name}: {value}")
    terminal.say(terminal.table(terminal.rows_of(shown), ("measure", "quantity", "shown", "rounded", "hidden")))


@runs.command("compare")
def runs_compare(
    now: Run,
    then: Annotated[str, typer.Argument(help="The name of an earlier one.")],
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Say what changed between two runs besides the children, and which counts were revised."""
    from yjd.progress import earlier_run
    from yjd.progress.changes import released_rows
    from yjd.progress.comparability import compare, revisions

    with history_of(config) as history:
        new, old = earlier_run(history, now), earlier_run(history, then)
    found = compare(new.manifest, old.manifest)
    found += revisions(released_rows(new.results), released_rows(old.results))
    rows = terminal.rows_of(found)
    if json:
        terminal.say(terminal.as_json({"now": now, "then": then, "differences": rows}))
    else:
        terminal.say(terminal.table(rows, ("aspect", "weight", "text")) if rows else "Nothing differs but the counts.")


@runs.command("export")
def runs_export(
    run: Run,
    output: Annotated[Path, typer.Option("--output", help="A new folder.")],
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Write what is kept of a run: results.csv, release.json, and the yjd.toml that makes it again."""
    with history_of(config) as history:
        written = history.export(run, output)
    if json:
        terminal.say(terminal.as_json({"run": run, "written": written}))
        return
    for path in written:
        terminal.say(f"wrote {path}")


@contextmanager
def history_of(config: Path) -> Iterator[History]:
    """The project's history, open."""
    from yjd.folders import history_url
    from yjd.history import History

    with History.open(history_url(settings_of(config))) as history:
        yield history
