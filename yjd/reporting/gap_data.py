"""What a release says of how well ethnicity is recorded, as rows: the part without any HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yjd.reporting.classify import Verdict, classify
from yjd.reporting.view import View
from yjd.reporting.words import Measure
from yjd.schema import ALL, TABLES, UNKNOWN

SCHEMES: Mapping[str, str] = {
    "census2021_19": "Census 2021, 19 groups",
    "broad_5": "five headings",
    "police_18plus1": "police 18+1 codes",
    "police_16plus1": "police 16+1 codes",
    "police_uk_words": "self-defined, in words",
    "officer": "officer-observed codes (IC)",
    "police_uk_officer": "officer-defined, in words",
    "home_office_5": "Home Office headings",
    "yjb_5": "Youth Justice Board headings",
}
SYSTEMS: Mapping[str, str] = {
    "police": "police",
    "pnc": "Police National Computer",
    "yjs_case": "youth justice services",
}
REASONS: Mapping[str, str] = {
    "not_stated": "Not stated",
    "refused": "Refused",
    "blank": "Blank",
    "unmapped": "Label not known",
    "conflicting": "Conflicting",
}


@dataclass(frozen=True)
class Completeness:
    """How often ethnicity is not known at one stage, period and area, of every 100; NaN where it is not told."""

    measure: Measure
    area: str
    period: str
    percent: float
    verdict: Verdict

    @property
    def told(self) -> bool:
        """There is a number."""
        return math.isfinite(self.percent)

    @property
    def mark(self) -> str:
        """`[c]`, `[x]` or `[z]` where there is none."""
        return "" if self.told else self.verdict.shorthand or "[x]"


@dataclass(frozen=True)
class Slice:
    """The shares of the records of one source in one slice: part to (percent, step)."""

    source: str
    table: str
    by: str
    name: str
    percent: Mapping[str, Sequence[int]]

    def words(self, part: str) -> str:
        """The share in words of a table: '16', 'less than 1', or `[c]` where it may not be shown."""
        found = self.percent.get(part)
        return "[c]" if found is None else percent_words(*found)


def percent_words(percent: int, step: int) -> str:
    """A share rounded to a step: 0 and 100 are never none and all, because a few count alike."""
    if percent <= 0:
        return f"less than {step}"
    if percent >= 100:
        return f"more than {100 - step}"
    return f"{percent}"


def stages(view: View) -> list[Measure]:
    """One measure for each stage that is counted: the first that has it above the line."""
    found: dict[str, Measure] = {}
    for measure in view.measures:
        if view.has(measure, "composition"):
            found.setdefault(measure.numerator, measure)
    return list(found.values())


def not_known(view: View, measure: Measure, *, area: str = ALL, period: str | None = None) -> Completeness:
    """The share without known ethnicity, from the row of Unknown of the released composition."""
    wanted = period or view.period_of(measure)
    row = next(iter(view.at(area).rows(measure, "composition", period=wanted, group=UNKNOWN)), None)
    if row is None:
        return Completeness(measure, area, wanted, math.nan, Verdict("not_available"))
    verdict = classify(row)
    percent = float(row["estimate"]) if verdict.has_numbers else math.nan
    return Completeness(measure, area, wanted, percent, verdict)


def wide_period(view: View, measure: Measure) -> str:
    """The latest of the longest periods in which the stage can be judged: areas are small."""
    listed = sorted(view.manifest.get("periods", ()), key=lambda p: (_days(p), str(p.get("end"))), reverse=True)
    longest = [str(p["period"]) for p in listed if _days(p) == _days(listed[0])]
    for period in longest:
        if not_known(view, measure, period=period).verdict.outcome not in ("censored", "not_available"):
            return period
    return view.period_of(measure)


def _days(period: Mapping[str, Any]) -> int:
    from datetime import date

    start, end = (date.fromisoformat(str(period[name])) for name in ("start", "end"))
    return round((end - start).days / 30)  # months: leap years are no longer than others


def quality(view: View) -> Mapping[str, Any]:
    """The section of the manifest; empty where the release has none."""
    found = view.manifest.get("quality")
    return found if isinstance(found, Mapping) else {}


def extracts(view: View) -> list[Mapping[str, Any]]:
    """What each extract is, in the order of the configuration."""
    return list(quality(view).get("extracts", ()))


def slices(view: View, by: str) -> list[Slice]:
    """The shares of every source, for all records ('all'), by 'area' or by 'period'."""
    tables = {str(entry["extract"]): str(entry["table"]) for entry in extracts(view)}
    return [
        Slice(source_words(entry), tables.get(str(entry["extract"]), ""), by, str(one["slice"]), one["percent"])
        for entry in quality(view).get("recorded", ())
        for one in entry["slices"]
        if one["by"] == by
    ]


def source_words(entry: Mapping[str, Any]) -> str:
    """'outcomes: youth justice services'."""
    system = str(entry.get("system") or "")
    name = str(entry["extract"])
    return f"{name}: {SYSTEMS.get(system, system)}" if system else name


def scheme_words(name: str) -> str:
    """A set of labels in words: 'police 16+1 codes, and labels of its own'."""
    base, _, own = name.partition("+")
    return SCHEMES.get(base, base) + (", and labels of its own" if own else "")


def table_words(name: str) -> str:
    """What a row of an extract is."""
    table = TABLES.get(name)
    return table.meaning if table else name


def covered(entry: Mapping[str, Any], start: str, end: str) -> str:
    """'whole', 'part' or 'none' of a period that an extract covers; '' where it does not say.

    Parameters
    ----------
    entry : mapping
        An extract with `first` and `last` as YYYY-MM-DD where it states what it covers, or as YYYY-MM as observed.
    start, end : str
        The first and the last day of the period, YYYY-MM-DD.
    """
    first, last = entry.get("first"), entry.get("last")
    if not first or not last:
        return ""
    size = len(str(first))
    begins, ends = start[:size], end[:size]
    if str(first) > ends or str(last) < begins:
        return "none"
    return "whole" if str(first) <= begins and str(last) >= ends else "part"


def groups(view: View) -> list[str]:
    """The detailed groups, without those of whom only the heading is known."""
    listed = [str(name) for name in view.manifest.get("groups", {}).get("detailed", ())]
    return [name for name in listed if not name.endswith("(no detail)") and name != "Unknown"]


def expresses(view: View, scheme: str, group: str) -> bool:
    """Whether a set of labels can tell a detailed group apart."""
    return group in quality(view).get("schemes", {}).get(scheme, {}).get("detailed", ())
