"""The steps of a run, each named once, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.counting import Counted, count, every_period, links_of
from yjd.csv_text import csv_text
from yjd.errors import ConfigurationError
from yjd.folders import Folders, alone, history_url
from yjd.history_lock import hold

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.extracts import Accounting
    from yjd.history import History
    from yjd.warehouse import Warehouse

Progress = Callable[[str], None]


def _silent(_: str) -> None:
    """No one listens."""


@dataclass(frozen=True)
class RunOutcome:
    """What a run leaves behind."""

    run: str
    release: Path
    report: Path | None
    findings: list[dict[str, str]] = field(default_factory=list)
    accounting: list[Accounting] = field(default_factory=list)
    changed: bool = True


def check(settings: Settings, progress: Progress = _silent) -> list[Accounting]:
    """Read and check every extract; release nothing."""
    from yjd import recommendations
    from yjd.extracts import load_extracts

    recommendations.find(settings)
    with alone(settings), _warehouse(settings) as warehouse:
        return load_extracts(settings, warehouse, Folders.of(settings).sensitive, progress).accounting


def build_cells(settings: Settings, *, progress: Progress = _silent) -> pd.DataFrame:
    """Read every extract and count: cells before disclosure control, for an analyst's own look on the machine.

    Returns
    -------
    DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`. Nothing computed from it may leave; `run` makes what may.
    """
    from yjd.extracts import load_extracts

    with alone(settings), _warehouse(settings) as warehouse:
        loaded = load_extracts(settings, warehouse, Folders.of(settings).sensitive, progress)
        return count(settings, warehouse, fed=loaded.fed).cells


def run(
    settings: Settings, *, progress: Progress = _silent, report: bool = True, if_changed: bool = False
) -> RunOutcome:
    """Extracts in, a disclosure-checked release and a rendered report out.

    Parameters
    ----------
    settings : Settings
        From :func:`yjd.config.load`.
    progress : callable, optional
        Called with one line at the start of each step.
    report : bool, optional
        Whether to render the summit report.
    if_changed : bool, optional
        Whether to do nothing where these inputs, this configuration and this version gave the newest run of the
        history, and its release is there and whole.

    Raises
    ------
    BusyError
        Another run is at work on this project, or on the history that it shares with others.
    YjdError
        Any of its kinds; what earlier runs left stays as it was.
    """
    with alone(settings), hold(history_url(settings)) as still_held:
        same = unchanged(settings) if if_changed else None
        if same is None:
            return _run(settings, progress, report=report, still_held=still_held)
        if report and not _report_of(settings, same.run).exists():  # the run was killed while it rendered
            return replace(same, report=_rendered(settings, same.release, progress))
        return same


def unchanged(settings: Settings) -> RunOutcome | None:
    """The newest run of the history, if a run now would make the same release; None otherwise."""
    from yjd.errors import YjdError
    from yjd.extracts import source
    from yjd.history import History
    from yjd.manifest import run_name
    from yjd.release import read_release

    hashes = {extract.name: source.fingerprint(extract, settings.folder) or "" for extract in settings.extracts}
    run = run_name(settings, hashes)
    with History.open(history_url(settings)) as history:
        newest = history.before("", settings.project.areas)[-1:]  # others may share the history
        if newest != [run]:
            return None
        try:
            release = read_release(Folders.of(settings).release / run)
        except YjdError:
            return None
        return RunOutcome(run, release.path, None, release.manifest["findings"], changed=False)


def _run(settings: Settings, progress: Progress, *, report: bool, still_held: Callable[[], None]) -> RunOutcome:
    import pandas as pd

    from yjd import model_release, modelling, recommendations
    from yjd.extracts import load_extracts
    from yjd.history import History
    from yjd.manifest import build_manifest, run_name
    from yjd.progress import section
    from yjd.release import Release, write_release
    from yjd.release_files import allowed
    from yjd.reporting.charts import charts_for
    from yjd.reporting.workbook import workbook

    folders, register = Folders.of(settings), recommendations.find(settings)
    with ThreadPoolExecutor(max_workers=1) as beside, _warehouse(settings) as warehouse:
        loaded = load_extracts(settings, warehouse, folders.sensitive, progress)
        progress("Counting the stages")
        counted = count(settings, warehouse, fed=loaded.fed)
        earlier = _earlier_releases(settings, run_name(settings, loaded.hashes))
        counted = replace(counted, earlier=[one.manifest for one in earlier])
        links = links_of(counted)
        progress("Protecting small counts")
        # nearly all of its time goes into linear programmes, outside Python, so that a thread is enough
        protected = beside.submit(protect_cells, settings, counted, [one.cells for one in reversed(earlier)])
        progress("Fitting the models")
        models = modelling.model(warehouse, counted.cube, counted.cells, counted.measures, counted.stages, settings)
        progress("Computing the measures")
        unprotected = pd.concat(
            [compute(counted.cells, counted, settings), *(one.results for one in models)], ignore_index=True
        )
    released = protected.result()
    modelled = [model_release.releasable(one, settings, released, links) for one in models]
    results = pd.concat([compute(released, counted, settings, released=True), *modelled], ignore_index=True)
    names = [one.run for one in earlier]
    manifest = build_manifest(settings, loaded, counted, released, models, names)
    manifest["progress"] = section(register, settings, results, manifest, names)
    progress("Drawing the charts")
    charts = charts_for(results, manifest)
    progress("Writing the release")
    review = {"cells": counted.cells, "released_cells": released, "results": unprotected}
    review["accounting"] = pd.DataFrame(loaded.accounting)
    # not in the release: what share of all counts is shown would be one more equation about the hidden ones
    review["protection"] = pd.DataFrame([released.attrs])
    review |= {f"models/{one.measure.id}_{name}": table for one in models for name, table in one.diagnostics.items()}
    _write_review(folders.review / manifest["run"], review)
    files = {f"charts/{name}": content for name, content in charts.items()}
    files |= {
        f"models/{one.measure.id}.md": model_release.card(one, settings, released, links).encode() for one in models
    }
    files |= workbook(results, manifest)
    still_held()  # else another project may have released what this run did not heed
    path = write_release(
        folders.release, manifest["run"], results=results, manifest=manifest,
        files=allowed(files, settings.release.formats),
    )  # fmt: skip
    with History.open(history_url(settings)) as history:
        history.record(Release(path, manifest["run"], results, manifest), configuration=settings.text)
    rendered = _rendered(settings, path, progress) if report else None
    return RunOutcome(manifest["run"], path, rendered, manifest["findings"], loaded.accounting)


def _report_of(settings: Settings, run: str) -> Path:
    return Folders.of(settings).reports / run / "summit.html"


def _rendered(settings: Settings, release: Path, progress: Progress) -> Path:
    from yjd.reporting.render import render

    progress("Rendering the report")
    return render("summit", release, output=_report_of(settings, release.name))


def demo(folder: Path, *, progress: Progress = _silent) -> RunOutcome:
    """Write the made-up West Midlands into `folder` and run the whole job on it.

    Raises
    ------
    ConfigurationError
        The folder holds something else than an earlier demonstration.
    """
    from yjd.config import load
    from yjd.project import template
    from yjd.recommendations import FILE
    from yjd.synthetic import generate

    config = folder / "yjd.toml"
    text = template("demo.toml")
    if (
        folder.exists()
        and any(folder.iterdir())
        and not (config.exists() and config.read_text(encoding="utf-8") == text)
    ):
        raise ConfigurationError(f"{folder} is not empty.", "Name a new folder for the demonstration.")
    progress("Making up the records")
    generate(folder / "extracts")
    config.write_text(text, encoding="utf-8", newline="\n")
    (folder / FILE).write_text(template(FILE), encoding="utf-8", newline="\n")
    return run(load(config), progress=progress)


def protect_cells(settings: Settings, counted: Counted, earlier: Sequence[pd.DataFrame] = ()) -> pd.DataFrame:
    """Hide what may not leave, and refuse to go on if an attack still finds any of it.

    Parameters
    ----------
    settings, counted
        The project, and what was counted.
    earlier : sequence of DataFrame
        What each earlier release of the project showed, the newest first: see `yjd.disclosure.published_cells`.
    """
    from yjd.disclosure import guard
    from yjd.repeats import contributors

    return guard(
        counted.cells, settings.disclosure.rules(), links_of(counted), periods=every_period(counted), earlier=earlier,
        children=contributors(counted.evidence.sums, counted.measures),
    )  # fmt: skip


def compute(cells: pd.DataFrame, counted: Counted, settings: Settings, *, released: bool = False) -> pd.DataFrame:
    """Every metric of every measure from cells, released or not, in the one results table."""
    from yjd.analysis import analyse

    return analyse(cells, counted.measures, counted.stages, settings, counted.evidence, released=released)


@dataclass(frozen=True)
class _Earlier:
    """An earlier run: what its release shows, and what its release.json says ({} where an old history lacks it)."""

    run: str
    cells: pd.DataFrame
    manifest: dict[str, Any]


def _earlier_releases(settings: Settings, run: str) -> list[_Earlier]:
    """The project's runs that were recorded before this one first was, the oldest first.

    A release that was written by a run which was then killed is recorded first: it may have left.
    """
    from yjd.history import History
    from yjd.release import read_release

    written = Folders.of(settings).release.glob("[!.]*/release.json")
    with History.open(history_url(settings)) as history:
        known = {run, *history.runs()["run"]}
        found = [read_release(path.parent) for path in sorted(written) if path.parent.name not in known]
        # each names those before it, so that an old project keeps its order in a new history, whatever the clock said
        for release in sorted(found, key=lambda one: len(one.manifest.get("related_releases", ()))):
            history.record(release)
        names = history.before(run, settings.project.areas)
        return [_Earlier(name, history.published(name), _said(history, name)) for name in names]


def _said(history: History, run: str) -> dict[str, Any]:
    from yjd.errors import HistoryError

    try:
        return history.manifest(run)
    except HistoryError:  # recorded before the history kept manifests
        return {}


@contextmanager
def _warehouse(settings: Settings) -> Iterator[Warehouse]:
    """A warehouse built anew. The file of an earlier run is replaced only when this one is whole."""
    from yjd.warehouse import Warehouse

    sensitive = Folders.of(settings).sensitive
    sensitive.mkdir(parents=True, exist_ok=True)
    if settings.warehouse is not None:
        with Warehouse.open(settings.warehouse.url()) as warehouse:
            yield warehouse
        return
    building, path = sensitive / "warehouse.building.duckdb", sensitive / "warehouse.duckdb"
    building.unlink(missing_ok=True)
    with Warehouse.open(path=building) as warehouse:
        yield warehouse
    building.replace(path)


def _write_review(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """What the output checker compares the release with; it holds unprotected counts and stays on the machine."""
    for name, table in tables.items():
        partial = folder / f"{name}.partial"
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(csv_text(table), encoding="utf-8", newline="")
        partial.replace(folder / f"{name}.csv")
