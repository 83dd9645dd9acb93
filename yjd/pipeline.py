"""The steps of a run, each named once, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from yjd.errors import BusyError, ConfigurationError, DisclosureError

if TYPE_CHECKING:
    import pandas as pd

    from yjd.analysis import Evidence
    from yjd.config import Settings
    from yjd.disclosure import Links
    from yjd.extracts import Accounting
    from yjd.measures import Measure, Stage
    from yjd.quality import QualityCounts
    from yjd.warehouse import Warehouse

Progress = Callable[[str], None]


def _silent(_: str) -> None:
    """No one listens."""


@dataclass(frozen=True)
class Folders:
    """Where a project keeps what: only `release` may ever leave the machine."""

    sensitive: Path
    review: Path
    release: Path
    reports: Path

    @classmethod
    def of(cls, settings: Settings) -> Folders:
        """The folders of a project."""
        work = settings.folder / "work"
        return cls(work / "sensitive", work / "review", work / "release", settings.folder / "reports")


@dataclass(frozen=True)
class Counted:
    """What was counted: the cube, its cells, what goes with them, and the measures, stages and periods concerned."""

    cube: pd.DataFrame
    cells: pd.DataFrame
    evidence: Evidence
    measures: list[Measure]
    stages: dict[str, Stage]
    periods: pd.DataFrame
    findings: list[dict[str, str]] = field(default_factory=list)
    quality: QualityCounts | None = None


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
    from yjd.extracts import load_extracts

    with _alone(settings), _warehouse(settings) as warehouse:
        return load_extracts(settings, warehouse, Folders.of(settings).sensitive, progress).accounting


def build_cells(settings: Settings, *, progress: Progress = _silent) -> pd.DataFrame:
    """Read every extract and count: cells before disclosure control, for an analyst's own look on the machine.

    Returns
    -------
    DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`. Nothing computed from it may leave; `run` makes what may.
    """
    from yjd.extracts import load_extracts

    with _alone(settings), _warehouse(settings) as warehouse:
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
        Another run is at work on this project.
    YjdError
        Any of its kinds; what earlier runs left stays as it was.
    """
    with _alone(settings):
        same = unchanged(settings) if if_changed else None
        return same or _run(settings, progress, report=report)


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
        newest = history.runs()["run"].tolist()[-1:]
        if newest != [run]:
            return None
        try:
            release = read_release(Folders.of(settings).release / run)
        except YjdError:
            return None
        return RunOutcome(run, release.path, None, release.manifest["findings"], changed=False)


def _run(settings: Settings, progress: Progress, *, report: bool) -> RunOutcome:
    import pandas as pd

    from yjd import modelling
    from yjd.extracts import load_extracts
    from yjd.history import History
    from yjd.manifest import build_manifest, run_name
    from yjd.release import Release, write_release
    from yjd.release_files import allowed
    from yjd.reporting.charts import charts_for
    from yjd.reporting.workbook import workbook

    folders = Folders.of(settings)
    with _warehouse(settings) as warehouse:
        loaded = load_extracts(settings, warehouse, folders.sensitive, progress)
        progress("Counting the stages")
        counted = count(settings, warehouse, fed=loaded.fed)
        progress("Fitting the models")
        models = modelling.model(warehouse, counted.cube, counted.cells, counted.measures, counted.stages, settings)
    earlier = _earlier_runs(settings, run_name(settings, loaded.hashes))
    progress("Protecting small counts")
    released = protect_cells(settings, counted)
    progress("Computing the measures")
    modelled = [modelling.protected(one.results, settings, one.diagnostics["fit"]) for one in models]
    results = pd.concat([compute(released, counted, settings, released=True), *modelled], ignore_index=True)
    manifest = build_manifest(settings, loaded, counted, released, models, earlier)
    progress("Drawing the charts")
    charts = charts_for(results, manifest)
    progress("Writing the release")
    unprotected = pd.concat(
        [compute(counted.cells, counted, settings), *(one.results for one in models)], ignore_index=True
    )
    review = {"cells": counted.cells, "released_cells": released, "results": unprotected}
    review["accounting"] = pd.DataFrame(loaded.accounting)
    review |= {f"models/{one.measure.id}_{name}": table for one in models for name, table in one.diagnostics.items()}
    _write_review(folders.review / manifest["run"], review)
    files = {f"charts/{name}": content for name, content in charts.items()}
    files |= {f"models/{one.measure.id}.md": modelling.card(one, settings).encode() for one in models}
    files |= workbook(results, manifest)
    path = write_release(
        folders.release, manifest["run"], results=results, manifest=manifest,
        files=allowed(files, settings.release.formats),
    )  # fmt: skip
    with History.open(history_url(settings)) as history:
        history.record(Release(path, manifest["run"], results, manifest), configuration=settings.text)
    rendered = None
    if report:
        from yjd.reporting.render import render

        progress("Rendering the report")
        rendered = render("summit", path, output=folders.reports / manifest["run"] / "summit.html")
    return RunOutcome(manifest["run"], path, rendered, manifest["findings"], loaded.accounting)


def demo(folder: Path, *, progress: Progress = _silent) -> RunOutcome:
    """Write the made-up West Midlands into `folder` and run the whole job on it.

    Raises
    ------
    ConfigurationError
        The folder holds something else than an earlier demonstration.
    """
    from yjd.config import load
    from yjd.project import template
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
    return run(load(config), progress=progress)


def count(settings: Settings, warehouse: Warehouse, *, fed: set[str]) -> Counted:
    """Count every stage that the project's measures need, and roll the counts up to cells.

    Parameters
    ----------
    settings, warehouse
        The project, and the warehouse with its clean tables.
    fed : set of str
        The clean tables that some extract feeds.
    """
    from yjd import cube as cubes
    from yjd.analysis import gather
    from yjd.measures import measures, stages
    from yjd.quality import measure_quality

    registry = stages()
    supplied = set(warehouse.query("SELECT DISTINCT stage FROM counts")["stage"])
    fed_stages = {name: stage for name, stage in registry.items() if name in supplied or set(stage.reads) <= fed}
    nameless = _without_identifiers(warehouse, [stage for name, stage in fed_stages.items() if name not in supplied])
    available = set(fed_stages) - {name for name, share in nameless.items() if share == 1}
    named = settings.analysis.measures
    chosen = [
        measure
        for measure in measures().values()
        if (named is None or measure.id in named) and {measure.numerator, measure.denominator} <= available
    ]
    if absent := sorted(set(named or ()) - {measure.id for measure in chosen}):
        raise ConfigurationError(
            f"No extract feeds the stages of {', '.join(absent)}, or they count children and no record says whom.",
            "Add the extract or its column for child_id, or leave the measure out.",
        )
    if not chosen:
        raise ConfigurationError("The extracts allow no measure.", "`yjd measures` lists what each of them needs.")
    wanted = {name: registry[name] for measure in chosen for name in (measure.numerator, measure.denominator)}
    cube = cubes.build_cube(warehouse, wanted.values())
    cells = cubes.cells(cube, warehouse, list(wanted.values()), settings)
    evidence = gather(warehouse, chosen, wanted, settings)
    findings = [
        {
            "severity": "warning",
            "text": f"{wanted[name].title}: some records do not say whom they are about, so the count is not sure.",
        }
        for name, share in nameless.items()
        if name in wanted and share > 0
    ]
    quality = measure_quality(warehouse, settings)
    return Counted(cube, cells, evidence, chosen, wanted, _periods(settings), findings, quality)


def _without_identifiers(warehouse: Warehouse, stages: Sequence[Stage]) -> dict[str, float]:
    """The share of records without a child's identifier, of every stage that counts children of one table."""
    shares = {}
    for stage in stages:
        if stage.unit == "child" and not stage.public and len(stage.reads) == 1:
            lacks = "CAST(SUM(CASE WHEN child_id IS NULL THEN 1 ELSE 0 END) AS DOUBLE)"
            (found,) = warehouse.query(f"SELECT {lacks} / COUNT(*) AS share FROM {stage.reads[0]}")["share"]  # noqa: S608
            shares[stage.id] = float(found) if found == found and found is not None else 0.0
    return shares


def protect_cells(settings: Settings, counted: Counted, earlier: Sequence[pd.DataFrame] = ()) -> pd.DataFrame:
    """Hide what may not leave, and refuse to go on if an attack still finds any of it.

    Parameters
    ----------
    settings, counted
        The project, and what was counted.
    earlier : sequence of DataFrame
        What each earlier release of the project showed: see `yjd.disclosure.published_cells`.
    """
    import pandas as pd

    from yjd.disclosure import audit, protect
    from yjd.repeats import contributors

    rules, links = settings.disclosure.rules(), links_of(counted)
    released = protect(
        counted.cells, rules, links,
        earlier=pd.concat(earlier, ignore_index=True) if earlier else None,
        children=contributors(counted.evidence.sums, counted.measures),
    )  # fmt: skip
    found = audit(released, rules, links)
    if len(found):
        raise DisclosureError(
            f"{len(found)} hidden cells could still be worked out from the shown ones, so nothing was released.",
            "Publish fewer splits, levels or periods, or raise minimum_count.",
        )
    return released


def links_of(counted: Counted) -> Links:
    """How what is published is tied together, beyond the totals that a table itself shows."""
    from yjd import ethnicity
    from yjd.disclosure import Links, related_periods

    groups, stages = ethnicity.groups(), counted.stages
    return Links(
        subsets={name: stage.part_of for name, stage in stages.items() if stage.part_of in stages},
        parts=[(name, stage.sums) for name, stage in stages.items() if stage.sums and set(stage.sums) <= set(stages)],
        public_stages=frozenset(name for name, stage in stages.items() if stage.public),
        related_periods=related_periods(counted.periods),
        periods_add_up=frozenset(name for name, stage in stages.items() if stage.adds_up),
        headings=dict(zip(groups["detailed"], groups["heading"], strict=True)),
        denominators=[(measure.numerator, measure.denominator) for measure in counted.measures],
    )


def compute(cells: pd.DataFrame, counted: Counted, settings: Settings, *, released: bool = False) -> pd.DataFrame:
    """Every metric of every measure from cells, released or not, in the one results table."""
    from yjd.analysis import analyse

    return analyse(cells, counted.measures, counted.stages, settings, counted.evidence, released=released)


def history_url(settings: Settings) -> str:
    """Where the history of runs is: the configured database, or a file in the project's work folder."""
    if settings.history is not None:
        return settings.history.url()
    path = settings.folder / "work" / "history.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.as_posix()}"


def _earlier_runs(settings: Settings, run: str) -> list[str]:
    """The project's runs that were recorded before this one first was.

    A release that was written by a run which was then killed is recorded first: it may have left.
    """
    from yjd.history import History
    from yjd.release import read_release

    written = sorted(path.parent for path in Folders.of(settings).release.glob("[!.]*/release.json"))
    with History.open(history_url(settings)) as history:
        known = {run, *history.runs()["run"]}
        for folder in written:
            if folder.name not in known:
                history.record(read_release(folder))
        return history.before(run, settings.project.areas)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the project for one run: the operating system lets go of it when the run ends, however it ends."""
    import filelock

    path = settings.folder / "work" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError("Another run is at work on this project.", "Wait until it has finished.") from None
    try:
        yield
    finally:
        lock.release()


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


def _periods(settings: Settings) -> pd.DataFrame:
    """period, label, kind, and the first and the last day as YYYY-MM-DD."""
    import pandas as pd

    table = settings.periods.table()
    epoch = pd.Timestamp(0)

    def iso(days: pd.Series[int]) -> pd.Series[str]:
        return (epoch + pd.to_timedelta(days, unit="D")).dt.strftime("%Y-%m-%d")

    return table.assign(start=iso(table["start_day"]), end=iso(table["end_day"] - 1))


def _write_review(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """What the output checker compares the release with; it holds unprotected counts and stays on the machine."""
    for name, table in tables.items():
        partial = folder / f"{name}.partial"
        partial.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(partial, index=False, encoding="utf-8", lineterminator="\n")
        partial.replace(folder / f"{name}.csv")
