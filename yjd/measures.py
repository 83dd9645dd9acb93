"""The registry of stages and measures.

A stage is one file of ``sql/stages``: its SQL is its definition and its header says what it counts. A measure
is two stages and a scale. Nothing else in the package names a particular stage.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yjd.errors import ConfigurationError
from yjd.schema import CELL_KEYS, DISCLOSURES, HIDDEN

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["child", "event"]
Kind = Literal["proportion", "rate"]
Adverse = Literal["higher", "lower", "neither"]

_HEADER = re.compile(r"--\s*([a-z_]+):\s*(.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REQUIRED = ("title", "counts", "unit", "source", "date", "reads")
_OPTIONAL = ("follow_up_months", "public", "part_of", "sums", "systems", "once", "note")
STATUS_ORDER = ("ok", "break", "censored", "not_available")  # from best to worst

FAMILIES = ("search", "arrest", "precourt", "fte", "reoffending", "intervention")  # the pathway, in order


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A set of counted rows, defined by one SQL file.

    Attributes
    ----------
    id : str
        Name of the file without its suffix.
    title, counts, source, date, note : str
        A short name, the plain sentence of what is counted, and where and when the definition was taken from.
    unit : {'child', 'event'}
        A child is counted once in a period, at its first row; an event is counted every time.
    reads : tuple of str
        The clean tables that the SQL reads.
    follow_up_months : int
        Months after a period that an extract must reach before the stage can be judged.
    public : bool
        True when the counts are published by others already, so that they need no protection.
    part_of : str
        The stage that this one is a subset of, or ''.
    sums : tuple of str
        The stages that add up to this one exactly, if any.
    systems : tuple of str
        Record systems of outcomes in order of preference: only the first that holds any record is counted.
    once : bool
        True where a child can be counted once in a lifetime, so that counts of years add up over years.
    sql : str
        The SELECT.
    """

    id: str
    title: str
    counts: str
    unit: Unit
    source: str
    date: str
    reads: tuple[str, ...]
    sql: str
    follow_up_months: int = 0
    public: bool = False
    part_of: str = ""
    sums: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    once: bool = False
    note: str = ""

    @property
    def sha256(self) -> str:
        """Hash of all that decides what is counted: not of its words."""
        decides = (self.sql, self.unit, self.reads, self.follow_up_months, self.sums, self.systems, self.once)
        return hashlib.sha256(repr(decides).encode()).hexdigest()

    @property
    def adds_up(self) -> bool:
        """Whether counts of shorter periods add up to those of a longer one."""
        return self.unit == "event" or self.once


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Two stages and a scale.

    Attributes
    ----------
    numerator, denominator : str
        Stages.
    kind : {'proportion', 'rate'}
        Proportion: what is counted above is part of the base. Rate: it is not, and it may exceed it.
    per : int
        The scale.
    adverse : {'higher', 'lower', 'neither'}
        The direction that is worse for children.
    unit : str
        What is counted, in the plural: "arrests".
    per_words : str
        The base in words, with ``{group}`` for the group: "for every 1,000 {group} children aged 10 to 17".
    likely_to : str
        Ends "... times as likely as White children to": "re-offend". '' where no such sentence is fair: of a rate of
        events, of which a child can have several.
    adjusted : bool
        Whether models are fitted unless the configuration says which.
    """

    id: str
    title: str
    family: str
    numerator: str
    denominator: str
    kind: Kind
    per: int
    adverse: Adverse
    unit: str
    per_words: str
    likely_to: str = ""
    adjusted: bool = False

    @property
    def sentence(self) -> str:
        """The rate in words, with ``{rate}`` and ``{group}`` to be filled in."""
        return f"{{rate}} {self.unit} {self.per_words}"

    @property
    def comparison(self) -> str:
        """The ratio in words, with ``{group}``, ``{ratio}`` and ``{reference}`` to be filled in."""
        if self.likely_to:
            start = "{group} children were {ratio} times as likely as {reference} children to"
            return f"{start} {self.likely_to}"
        return f"the rate of {self.unit} for {{group}} children was {{ratio}} times that for {{reference}} children"


def sql_folder() -> Path:
    """Find the package's SQL: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_sql", package.parent / "sql"):
        if (folder / "stages").is_dir():
            return folder
    raise ConfigurationError("The package's folder of SQL is missing.", "Install yjd again.")


def parse_stage(path: Path) -> Stage:
    """Read one stage from its SQL file: a header of ``-- key: value`` lines, then one SELECT."""
    text = path.read_text(encoding="utf-8")
    header: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        match = _HEADER.fullmatch(line.strip())
        if match:
            last = match[1]
            header[last] = match[2].strip()
        elif last:  # a long value goes on in the next comment line
            header[last] = f"{header[last]} {line.lstrip('- ').strip()}"
    _check_header(path, header)
    unit: Unit = "child" if header["unit"] == "child" else "event"
    return Stage(
        id=path.stem,
        title=header["title"],
        counts=header["counts"],
        unit=unit,
        source=header["source"],
        date=header["date"],
        reads=_listed(header["reads"]),
        sql="\n".join(dropwhile(lambda line: line.startswith("--"), text.splitlines())).strip().rstrip(";"),
        follow_up_months=int(header.get("follow_up_months", "0")),
        public=header.get("public", "no") == "yes",
        part_of=header.get("part_of", ""),
        sums=_listed(header.get("sums", "")),
        systems=_listed(header.get("systems", "")),
        once=header.get("once", "no") == "yes",
        note=header.get("note", ""),
    )


def stages(*folders: Path) -> dict[str, Stage]:
    """Every stage by its id, in alphabetical order.

    Parameters
    ----------
    *folders : Path
        Further folders of stage files, for a project's own; one of the same name replaces the package's.
    """
    found = dict(_package_stages())
    for folder in folders:
        found |= {path.stem: parse_stage(path) for path in sorted(folder.glob("*.sql"))}
    return dict(sorted(found.items()))


def measures(extra: Iterable[Measure] = ()) -> dict[str, Measure]:
    """Every measure by its id, in the order of the pathway.

    Parameters
    ----------
    extra : iterable of Measure
        A project's own; one of the same id replaces the package's.
    """
    from yjd.measure_list import MEASURES

    found = {measure.id: measure for measure in (*MEASURES, *extra)}
    unknown = sorted({measure.family for measure in found.values()} - set(FAMILIES))
    order = (*FAMILIES, *unknown)
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].family)))


def counts(cells: pd.DataFrame, measure: Measure, sums: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put a measure's numerator beside its denominator.

    Parameters
    ----------
    cells : DataFrame
        Columns of ``yjd.schema.CELL_COLUMNS``; released or not. It is not changed.
    measure : Measure
        The two stages.
    sums : DataFrame, optional
        Sums over children from :func:`yjd.repeats.child_sums`, of this measure and any others.

    Returns
    -------
    DataFrame
        measure, period, area, sex, age_band, level, group, numerator, denominator, status, disclosure. The
        status is the worse of the two cells'. A row is hidden if either cell is hidden. A numerator without a
        denominator cell (the Unknown group of a population base) has the denominator 0: ``no_denominator``.
        Where sums are given, their three columns besides; NaN where the row is hidden or the sums have no row.
    """
    keys = [key for key in CELL_KEYS if key != "stage"]
    columns = [*keys, "n", "status", "disclosure"]
    above = cells.loc[cells["stage"] == measure.numerator, columns]
    below = cells.loc[cells["stage"] == measure.denominator, columns]
    joined = above.merge(below, on=keys, how="left", suffixes=("_above", "_below"), validate="one_to_one")
    unmatched = joined["status_below"].isna()
    result = joined[keys].copy()
    result.insert(0, "measure", measure.id)
    result["numerator"] = joined["n_above"].astype("float64")
    result["denominator"] = joined["n_below"].astype("float64").mask(unmatched, 0.0)
    result["status"] = _outranking(joined, "status", STATUS_ORDER)
    result["disclosure"] = _outranking(joined, "disclosure", DISCLOSURES)
    return result if sums is None else _with_sums(result, sums[sums["measure"] == measure.id], keys)


def _with_sums(result: pd.DataFrame, sums: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    from yjd.metrics.counts import CHILD_SUMS

    columns = list(CHILD_SUMS)
    joined = result.merge(sums[[*keys, *columns]], on=keys, how="left", validate="one_to_one")
    joined[columns] = joined[columns].astype("float64").mask(joined["disclosure"].isin(HIDDEN))
    return joined


def _outranking(joined: pd.DataFrame, column: str, order: tuple[str, ...]) -> pd.Series[str]:
    """Keep the later in `order` of a row's two values; a missing right-hand value counts as the first."""
    rank = {value: position for position, value in enumerate(order)}
    name = dict(enumerate(order))
    above = joined[f"{column}_above"].map(rank)
    below = joined[f"{column}_below"].map(rank).fillna(0).astype(int)
    return above.where(above >= below, below).map(name)


@functools.cache
def _package_stages() -> dict[str, Stage]:
    return {path.stem: parse_stage(path) for path in sorted((sql_folder() / "stages").glob("*.sql"))}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_header(path: Path, header: dict[str, str]) -> None:
    problems = [] if _NAME.fullmatch(path.stem) else ["its name may hold lower-case letters, digits and _ only"]
    reads = _listed(header.get("reads", ""))
    problems += ["'reads' must be names of tables" for name in reads if not _NAME.fullmatch(name)]
    problems += [f"it has no line '-- {key}: ...'" for key in _REQUIRED if not header.get(key)]
    problems += [f"'{key}' is not a known key" for key in header if key not in (*_REQUIRED, *_OPTIONAL)]
    if header.get("unit") not in (None, "", "child", "event"):
        problems.append("the unit must be child or event")
    if not header.get("follow_up_months", "0").isdigit():
        problems.append("follow_up_months must be a whole number")
    if problems:
        raise ConfigurationError.of_all(f"The header of {path.name}", problems)
