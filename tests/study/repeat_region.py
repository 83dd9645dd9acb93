"""A small made-up region whose partners send their extracts anew every quarter, for the study of runs in a row.

Each delivery ends a quarter later than the one before. Of its last quarter some records come only with the next
delivery, and some ethnicities are filled in only then, as with real partners.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from yjd.project import template
from yjd.synthetic import generate

AREAS = ("Coventry", "Sandwell", "Wolverhampton")
YEARS = range(2018, 2025)  # financial years of the records
FIRST = pd.Period("2020Q2")  # the last quarter of the first delivery
LATE, BLANK = 20, 25  # of so many records of the last quarter one comes late, and one has no ethnicity yet
MEASURES = ("search_rate", "arrest_rate", "children_arrested_rate", "precourt_share", "fte_rate_pnc")


@dataclass(frozen=True)
class _File:
    """How a partner's file is written and which of its columns matter here."""

    date: str
    day_first: bool
    area: str
    ethnicity: str
    encoding: str = "utf-8"


FILES = {
    "searches": _File("Date", False, "District", "Self-defined ethnicity", "utf-8-sig"),
    "arrests": _File("ARREST_DATE", True, "DISTRICT", "SELF_DEFINED_18_1"),
    "outcomes": _File("Outcome Date", False, "Local Authority", "Ethnicity (16+1)", "cp1252"),
}

REGISTER = """
[[recommendations]]
id = "arrests-of-black-children"
source = "The study's own"
owner = "The study"
date = "2020"
gist = "Bring the arrest rate of Black children down to that of White children."
{tracks}
"""
TRACK = """
[[recommendations.tracks]]
measure = "{measure}"
groups = ["Asian", "Black"]
reference = "White"
baseline = {baseline}
"""
BY_VALUE = '{ rate = 20.0, ratio = 2.0, note = "made up" }'


class Region:
    """All records of the region, read once; `deliver` writes what has come in by the end of a quarter."""

    def __init__(self, folder: Path) -> None:
        generate(folder, years=YEARS)
        self.frames: dict[str, pd.DataFrame] = {}
        self.days: dict[str, pd.Series[pd.Timestamp]] = {}
        for name, kind in FILES.items():
            frame = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False, encoding=kind.encoding)
            mine = frame[kind.area].str.strip().str.casefold().str.startswith(tuple(one.casefold() for one in AREAS))
            self.frames[name] = frame[mine].reset_index(drop=True)
            text = self.frames[name][kind.date].str[:10]
            pattern = "%d/%m/%Y" if kind.day_first else "%Y-%m-%d"
            self.days[name] = pd.to_datetime(text, format=pattern, errors="coerce")
        people = pd.read_csv(folder / "population.csv", dtype=str, keep_default_na=False)
        self.people = people[people["Local authority"].isin(AREAS)]

    def deliver(self, project: Path, last: pd.Period, *, source: str = "self") -> None:
        """Write extracts, configuration and, if there is none, the register into the folder of a project."""
        (project / "extracts").mkdir(parents=True, exist_ok=True)
        self.people.to_csv(project / "extracts" / "population.csv", index=False)
        for name, kind in FILES.items():
            frame, day = self.frames[name], self.days[name]
            own = frame.iloc[:, 0].map(lambda text: zlib.crc32(text.encode()))
            newest = day >= last.start_time
            here = ~((day > last.end_time) | (newest & (own % LATE == 0)))
            blank = newest & (own % BLANK == 1)
            sent = frame.assign(**{kind.ethnicity: frame[kind.ethnicity].mask(blank, "")})[here]
            sent.to_csv(project / "extracts" / f"{name}.csv", index=False, encoding=kind.encoding)
        (project / "yjd.toml").write_text(configuration(last, source=source), encoding="utf-8")
        if not (project / "recommendations.toml").exists():
            (project / "recommendations.toml").write_text(register(BY_VALUE), encoding="utf-8")


def register(baseline: str) -> str:
    """A register whose tracks all have one baseline."""
    tracks = "".join(TRACK.format(measure=name, baseline=baseline) for name in ("arrest_rate", "search_rate"))
    return REGISTER.format(tracks=tracks)


def configuration(last: pd.Period, *, source: str = "self") -> str:
    """The demonstration's yjd.toml, made smaller: three areas, five measures, the quarters and years of three years."""
    text = template("demo.toml")
    head, *extracts = text.split("[[extracts]]")
    kept = [one for one in extracts if 'name = "interventions"' not in one]
    names = ", ".join(f'"{area}"' for area in AREAS)
    measures = ", ".join(f'"{one}"' for one in MEASURES)
    for pattern, new in (
        (r"(?m)^areas = .*$", f"areas = [{names}]"),
        (r"(?m)^kinds = .*$", 'kinds = ["financial_year", "quarter"]'),
        (r"(?m)^first = .*$", f"first = {last.year - 2}"),
        (r"(?m)^last = .*$", f"last = {last.year}"),
        (r"(?m)^headline = .*\n", ""),
        (r"(?m)^source = .*$", f'source = "{source}"'),
        (r"(?m)^references = .*$", 'references = ["White"]'),
        (r"(?m)^splits = .*$", f'splits = {{ broad = [[], ["area"]] }}\nimputations = 0\nmeasures = [{measures}]'),
        (r"(?m)^standardise_over = .*\n", ""),
    ):
        head, times = re.subn(pattern, new, head)
        assert times == 1, pattern
    covered = f'covers = ["{min(YEARS)}-04-01", "{last.end_time.date()}"]'
    whole = "[[extracts]]".join([f"{head}\n[models]\nmeasures = []\n\n", *kept])
    return re.sub(r"(?m)^covers = .*$", covered, whole)
