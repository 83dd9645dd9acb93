"""Extracts: read, map columns, type, harmonise ethnicity, and set aside bad rows with their reasons.

For every extract: rows read = rows used + rows set aside + rows out of scope.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked by the configuration

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from yjd import child_ethnicity, ethnicity
from yjd.errors import ConfigurationError, SchemaError
from yjd.extracts import checks, clean, labels, source
from yjd.schema import TABLES, Table

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.config_extract import Extract
    from yjd.warehouse import Warehouse

_RECORD_COLUMNS = {
    "extract": "VARCHAR", "line": "BIGINT", "row_id": "BIGINT", "ethnicity": "VARCHAR",
    "ethnicity_recorded": "VARCHAR", "ethnicity_source": "VARCHAR", "ethnicity_missing": "VARCHAR",
    "ethnicity_self": "VARCHAR", "ethnicity_officer": "VARCHAR",
}  # fmt: skip
_COUNT_COLUMNS = {"extract": "VARCHAR", "line": "BIGINT", "start_day": "INTEGER", "end_day": "INTEGER",
                  "ethnicity": "VARCHAR", "ethnicity_missing": "VARCHAR"}  # fmt: skip
_SQL_TYPES = {"date": "INTEGER", "whole": "BIGINT", "age": "BIGINT", "flag": "INTEGER"}
_SHOWN_RULES = 8


@dataclass(frozen=True)
class Accounting:
    """Where every row of one extract went."""

    extract: str
    table: str
    read: int
    used: int
    set_aside: int
    out_of_scope: int
    sha256: str
    unmapped_ethnicity: int = 0


@dataclass(frozen=True)
class LoadedExtracts:
    """What the warehouse now holds.

    `findings` are things a reader must know that did not stop the run; `ethnicity` sums up disagreements.
    """

    accounting: list[Accounting]
    findings: list[dict[str, str]] = field(default_factory=list)
    disagreements: dict[str, int] = field(default_factory=dict)

    @property
    def hashes(self) -> dict[str, str]:
        """Extract to the hash of its content."""
        return {entry.extract: entry.sha256 for entry in self.accounting}

    @property
    def fed(self) -> set[str]:
        """The clean tables that at least one extract feeds."""
        return {entry.table for entry in self.accounting}


def clean_columns(table: Table) -> dict[str, str]:
    """The columns of a clean table and their DuckDB types."""
    own = {
        column.clean or name: _SQL_TYPES.get(column.type, "VARCHAR")
        for name, column in table.columns.items()
        if column.type != "ethnicity"
    }
    return (_COUNT_COLUMNS if table.counts else _RECORD_COLUMNS) | own


def load_extracts(
    settings: Settings, warehouse: Warehouse, sensitive: Path, progress: Callable[[str], None]
) -> LoadedExtracts:
    """Read every extract of the project into the clean tables of the warehouse.

    Parameters
    ----------
    settings : Settings
        The project.
    warehouse : Warehouse
        Where the rows go.
    sensitive : Path
        Where rows that were set aside are written, with line, rule and their text.
    progress : callable
        Told once for each extract.

    Raises
    ------
    ExtractError, SchemaError
        From reading, with every extract that is over its tolerance, or from counts that overlap.
    """
    _check_labels(settings)
    _write_lookups(settings, warehouse)
    for name, table in TABLES.items():
        warehouse.declare(name, clean_columns(table))
    accounting, findings, over = [], [], []
    _compress(warehouse, "uncompressed")  # what is dropped again soon; half of the time would go into packing it
    for extract in settings.extracts:
        progress(f"Reading {extract.name}")
        loaded = source.load(extract, settings.folder, warehouse, scratch=sensitive)
        plan = clean.plan(extract, source=settings.ethnicity.source, native_dates=loaded.native_dates)
        for name, select in plan.maps.items():
            warehouse.create(name, select)
        warehouse.create(f"typed_{extract.name}", plan.typed)
        entry = _account(extract, loaded, warehouse)
        problems = _tolerance_problems(extract, settings, entry, loaded, warehouse)
        _write_set_aside(extract, loaded, warehouse, sensitive / "set_aside")
        over += problems
        findings += _findings(extract, entry, warehouse)
        accounting.append(entry)
        for what in (*(f"TABLE {name}" for name in plan.maps), *loaded.scratch):
            warehouse.execute(f"DROP {what}")
    if over:
        listed = "\n".join(f"  - {problem}" for problem in over)
        raise SchemaError(
            f"Too many rows break the rules:\n{listed}",
            "The rows with their lines and reasons are in work/sensitive/set_aside. Mend yjd.toml or ask the partner; "
            "or raise quality.tolerance_percent if these rows are known.",
        )
    progress("Choosing one ethnicity for each child")
    disagreements = _one_ethnicity_a_child(settings, warehouse)
    _compress(warehouse, "auto")
    for position, extract in enumerate(settings.extracts):
        _add_to_clean(extract, position, settings, warehouse)
    checks.refuse_overlaps(warehouse)
    _write_coverage(settings.extracts, warehouse)
    return LoadedExtracts(accounting, findings + checks.unstated_spans(settings.extracts), disagreements)


def _compress(warehouse: Warehouse, how: Literal["auto", "uncompressed"]) -> None:
    """How DuckDB packs what is written from now on; other engines have no such setting."""
    if warehouse.duckdb is not None:
        warehouse.execute(f"SET force_compression = '{how}'")


def _check_labels(settings: Settings) -> None:
    problems = [problem for extract in settings.extracts for problem in labels.bad_labels(extract, settings)]
    if problems:
        raise ConfigurationError.of_all("yjd.toml", problems)


def _write_lookups(settings: Settings, warehouse: Warehouse) -> None:
    """The small tables that typing joins: the calendar, the crosswalk and the labels of this project."""
    import pandas as pd

    from yjd.reference_tables import write_reference_tables

    write_reference_tables(
        warehouse,
        periods=settings.periods.table(),
        areas=settings.project.areas,
        age_bands=settings.analysis.age_bands,
    )
    own = [row for extract in settings.extracts for row in ethnicity.own_labels(extract.name, extract.ethnicity.labels)]
    warehouse.write(ethnicity.crosswalk(own), "ethnicity_crosswalk", types={
        "scheme": "VARCHAR", "label": "VARCHAR", "label_key": "VARCHAR", "ethnicity": "VARCHAR",
        "missing_reason": "VARCHAR", "comparable": "BIGINT", "note": "VARCHAR",
    })  # fmt: skip
    warehouse.write(ethnicity.groups(), "ethnicity_group")
    rows = [row for extract in settings.extracts for row in labels.label_rows(extract, settings)]
    names = ["extract", "name", "label", "value"]
    warehouse.write(pd.DataFrame(rows, columns=names), "label", types=dict.fromkeys(names, "VARCHAR"))


def _account(extract: Extract, loaded: source.Loaded, warehouse: Warehouse) -> Accounting:
    missing = "SUM(CASE WHEN in_scope = 1 AND failed = '' AND ethnicity_missing = 'unmapped' THEN 1 ELSE 0 END)"
    row = warehouse.query(
        "SELECT COUNT(*) AS read_rows, COALESCE(SUM(1 - in_scope), 0) AS out_of_scope, "
        "COALESCE(SUM(CASE WHEN in_scope = 1 AND failed <> '' THEN 1 ELSE 0 END), 0) AS set_aside, "
        f"COALESCE({missing}, 0) AS unmapped FROM typed_{extract.name}"
    ).iloc[0]
    malformed = len(loaded.malformed)
    read, out, aside = loaded.rows + malformed, int(row["out_of_scope"]), int(row["set_aside"])
    if int(row["read_rows"]) != loaded.rows:
        raise SchemaError(f"Extract {extract.name}: {loaded.rows} rows were read but {row['read_rows']} were typed.")
    used = loaded.rows - out - aside
    return Accounting(
        extract.name, extract.table, read, used, aside + malformed, out, loaded.sha256, int(row["unmapped"])
    )


def _tolerance_problems(
    extract: Extract, settings: Settings, entry: Accounting, loaded: source.Loaded, warehouse: Warehouse
) -> list[str]:
    tolerance = settings.quality.tolerance_percent if extract.tolerance_percent is None else extract.tolerance_percent
    in_scope = entry.used + entry.set_aside
    problems = []
    if in_scope and entry.set_aside > in_scope * tolerance / 100:
        rules = "; ".join(_broken_rules(extract, loaded, warehouse))
        problems.append(
            f"{extract.name}: {entry.set_aside} of {in_scope} rows fail, over the tolerance of {tolerance:g}%: {rules}"
        )
    if in_scope and entry.unmapped_ethnicity > in_scope * tolerance / 100:
        problems.append(
            f"{extract.name}: {entry.unmapped_ethnicity} of {in_scope} rows have an ethnicity label that its scheme "
            "does not hold; check the scheme or add the labels to [extracts.ethnicity.labels]"
        )
    if entry.used == 0:
        problems.append(f"{extract.name}: none of its {entry.read} rows can be used; check `scope` and the columns")
    return problems


def _broken_rules(extract: Extract, loaded: source.Loaded, warehouse: Warehouse) -> list[str]:
    """Each rule broken, how often and where first. The rules are ours: no value is in them."""
    frame = warehouse.query(
        f"SELECT failed, COUNT(*) AS n, MIN(line) AS first FROM typed_{extract.name} "
        "WHERE in_scope = 1 AND failed <> '' GROUP BY failed"
    )
    tally: dict[str, tuple[int, int]] = {}
    rows = [(str(failed), int(n), int(first)) for failed, n, first in frame.itertuples(index=False)]
    rows += [(rule + ";", 1, line) for line, rule, _ in loaded.malformed]
    for failed, n, first in rows:
        for rule in failed.strip(";").split(";"):
            known, earliest = tally.get(rule, (0, first))
            tally[rule] = (known + n, min(earliest, first))
    ordered = sorted(tally.items(), key=lambda item: (-item[1][0], item[0]))[:_SHOWN_RULES]
    return [f"{rule} ({n} rows, first on line {first})" for rule, (n, first) in ordered]


def _write_set_aside(extract: Extract, loaded: source.Loaded, warehouse: Warehouse, folder: Path) -> None:
    """Nothing is lost: every row set aside, with its line, its reasons and its text."""
    path = folder / f"{extract.name}.csv"
    frame = warehouse.query(
        f"SELECT t.failed AS reasons, r.* FROM typed_{extract.name} AS t "
        f"INNER JOIN raw_{extract.name} AS r ON r.line = t.line WHERE t.in_scope = 1 AND t.failed <> '' ORDER BY r.line"
    )
    path.unlink(missing_ok=True)
    if frame.empty and not loaded.malformed:
        return
    folder.mkdir(parents=True, exist_ok=True)
    wanted = source.wanted_columns(extract)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["line", "reasons", *(wanted[name] for name in wanted), "whole row where it could not be split"]
        )
        for values in frame.to_dict("records"):
            writer.writerow([values["line"], values["reasons"], *(_blank(values[name]) for name in wanted), ""])
        for line, rule, text in loaded.malformed:
            writer.writerow([line, rule, *("" for _ in wanted), text])


def _blank(value: Any) -> Any:
    return "" if value is None or value != value else value


def _findings(extract: Extract, entry: Accounting, warehouse: Warehouse) -> list[dict[str, str]]:
    findings = []
    if entry.set_aside:
        findings.append({"severity": "note", "text": f"{extract.name}: some rows break a rule and were set aside."})
    if entry.unmapped_ethnicity:
        findings.append({
            "severity": "note",
            "text": f"{extract.name}: some rows have an ethnicity label that its scheme does not hold; "
            "they count as Unknown.",
        })  # fmt: skip
    given = clean.ethnicity_fields(extract).get("self_defined")
    if given is not None:
        notes = warehouse.query(ethnicity.not_comparable_sql(f"raw_{extract.name} AS r", given))
        findings += [{"severity": "break", "text": f"{extract.name}: {note}."} for note in notes["note"]]
    return findings


def _row_id(position: int) -> str:
    """An identifier that is unique over the extracts of a table."""
    return f"{position * 10_000_000_000} + t.line"


def _one_ethnicity_a_child(settings: Settings, warehouse: Warehouse) -> dict[str, int]:
    """Make `child_ethnicity` from the rows that will be used, and sum up how often records disagree."""
    used: dict[str, list[str]] = {}
    for position, extract in enumerate(settings.extracts):
        if not TABLES[extract.table].counts:
            used.setdefault(extract.table, []).append(
                f"SELECT t.child_id, {_row_id(position)} AS row_id, t.day, t.ethnicity_self, t.ethnicity_officer "
                f"FROM typed_{extract.name} AS t WHERE t.in_scope = 1 AND t.failed = ''"
            )
    views = {f"used_{table}": " UNION ALL ".join(used[table]) for table in TABLES if table in used}
    for name, select in views.items():
        warehouse.execute(f"CREATE VIEW {name} AS {select}")
    rule, origin = settings.ethnicity.per_child, settings.ethnicity.source
    tables = list(views) or ["arrests"]  # without any record, an empty table
    warehouse.create("child_ethnicity", child_ethnicity.child_ethnicity_sql(tables, rule=rule, source=origin))
    for name in views:
        warehouse.execute(f"DROP VIEW {name}")
    summary = warehouse.query(child_ethnicity.disagreement_sql()).iloc[0]
    return {str(name): int(value) for name, value in summary.items()}


def _add_to_clean(extract: Extract, position: int, settings: Settings, warehouse: Warehouse) -> None:
    """Rows that are in scope and break no rule go to the clean table, and keep where they came from."""
    table = TABLES[extract.table]
    columns = list(clean_columns(table))
    special = {"extract": clean.literal(extract.name), "row_id": _row_id(position)}
    join = ""
    if not table.counts:
        special["ethnicity"] = "t.ethnicity_recorded"
        if settings.ethnicity.per_child != "as_recorded":
            special["ethnicity"] = "COALESCE(c.ethnicity, t.ethnicity_recorded)"
            join = "LEFT JOIN child_ethnicity AS c ON c.child_id = t.child_id "
    picked = ", ".join(special.get(name, f't."{name}"') for name in columns)
    listed = ", ".join(f'"{name}"' for name in columns)
    warehouse.execute(
        f"INSERT INTO {extract.table} ({listed}) SELECT {picked} FROM typed_{extract.name} AS t "
        f"{join}WHERE t.in_scope = 1 AND t.failed = ''"
    )
    warehouse.execute(f"DROP TABLE typed_{extract.name}")


def _write_coverage(extracts: Sequence[Extract], warehouse: Warehouse) -> None:
    """The first and last day of each record extract: stated in the configuration, or else as observed."""
    frames: list[dict[str, Any]] = []
    calendar = "SELECT day FROM calendar WHERE iso = "
    for extract in extracts:
        if TABLES[extract.table].counts:
            continue
        if extract.covers is not None:
            first, last = (
                int(warehouse.query(f"{calendar}{clean.literal(day)}")["day"].iloc[0]) for day in extract.covers
            )
        else:
            seen = warehouse.query(
                f"SELECT MIN(day) AS first_day, MAX(day) AS last_day FROM {extract.table} "
                f"WHERE extract = {clean.literal(extract.name)}"
            ).iloc[0]
            first, last = int(seen["first_day"]), int(seen["last_day"])
        frames.append({"extract": extract.name, "table_name": extract.table, "first_day": first, "last_day": last})
    import pandas as pd

    columns = {"extract": "VARCHAR", "table_name": "VARCHAR", "first_day": "INTEGER", "last_day": "INTEGER"}
    frame: pd.DataFrame = pd.DataFrame(frames, columns=list(columns))
    warehouse.write(frame, "coverage", types=columns)
