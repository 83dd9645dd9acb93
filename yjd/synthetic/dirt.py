"""What real extracts have and a model has not, added to the partners' files after the truth is settled.

Rows that would move a ratio are added (copies of random children under new references), and values are
spoilt completely at random, so that the ratios of records with a known ethnicity keep their expectation.
Each kind is counted in the file as written, before exact duplicates are added, which are counted by
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from yjd.synthetic import model as m
from yjd.synthetic.files import ORDER, day_text
from yjd.synthetic.model import Calendar, Ints

MISSING_CODES: Final = ("NS", "N1", "N2", "N3", "")  # 18+1 and 16+1; the last is a blank
MISSING_WORDS: Final = ("Not stated", "Unknown", "")
NEIGHBOURS: Final = ("Bromsgrove", "Lichfield", "North Warwickshire", "Tamworth")
WORSE_AREA: Final = "Sandwell"  # with WORSE_YEAR: many arrests without an ethnicity, as in the real year
WORSE_YEAR: Final = 2021
WORSE_SHARE: Final = 0.40
ETHNICITY: Final = {
    "arrests.csv": "SELF_DEFINED_18_1", "outcomes.csv": "Ethnicity (16+1)",
    "interventions.csv": "ethnic_group",
    "searches.csv": "Self-defined ethnicity",
}  # fmt: skip
CHILD: Final = {"arrests.csv": "PERSON_REF", "outcomes.csv": "Child ID", "interventions.csv": "child_ref"}


@dataclass
class _Work:
    """The files while they are spoilt, and what has been done to them."""

    rng: np.random.Generator
    calendar: Calendar
    scale: float
    frames: dict[str, pd.DataFrame]
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    spoilt: dict[str, set[Any]] = field(default_factory=dict)  # rows whose values have been changed

    def many(self, count: int) -> int:
        """`count` at scale 1, never none."""
        return max(1, round(count * self.scale))

    def note(self, kind: str, name: str, count: int) -> None:
        """Record how many rows (or children) of a file have this kind of dirt."""
        self.counts.setdefault(kind, {})[name] = int(count)

    def take(self, name: str, count: int, mask: pd.Series | None = None) -> pd.Index[Any]:
        """Choose rows at random that nothing has spoilt yet, and mark them as spoilt."""
        frame = self.frames[name]
        rows = frame.index if mask is None else frame.index[mask]
        free = rows.difference(pd.Index(sorted(self.spoilt.setdefault(name, set()))), sort=True)
        chosen = free[np.sort(self.rng.choice(len(free), min(count, len(free)), replace=False))]
        self.spoilt[name].update(chosen)
        return chosen

    def append(self, name: str, rows: pd.DataFrame) -> None:
        """Add rows at the end; the writer puts them in order."""
        self.frames[name] = pd.concat([self.frames[name], rows], ignore_index=True)

    def sample(self, name: str, count: int, mask: pd.Series) -> pd.DataFrame:
        """Return copies of random rows."""
        rows = np.flatnonzero(mask.to_numpy())
        chosen = np.sort(self.rng.choice(rows, min(count, len(rows)), replace=False))
        return self.frames[name].iloc[chosen].copy()

    def references(self, letters: str, count: int) -> list[str]:
        """References that nothing else has: they begin with letters of their own."""
        return [f"{letters}{number:06d}" for number in range(1, count + 1)]


def spoil(
    frames: dict[str, pd.DataFrame], calendar: Calendar, scale: float, seed: int
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, int]]]:
    """Return the files with dirt, and how much of each kind."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    work = _Work(rng, calendar, scale, dict(frames))
    for step in (
        _elsewhere, _extra_arrests, _extra_outcomes, _two_services, _unknown_ethnicity, _worse_district_year,
        _conflicts, _wrong_scheme, _bad_values, _bad_outcomes,
        _count_missing, _duplicates,
    ):  # fmt: skip
        step(work)
    ordered = {name: frame.sort_values(ORDER, kind="stable", ignore_index=True) for name, frame in work.frames.items()}
    return ordered, work.counts


def _elsewhere(work: _Work) -> None:
    """Children from outside the seven districts, and children whose first outcome was outside."""
    arrests = work.frames["arrests.csv"]
    children = np.array(sorted(set(arrests["PERSON_REF"])))
    chosen = work.rng.choice(children, work.many(180), replace=False)
    renamed = dict(zip(sorted(chosen), work.references("X", len(chosen)), strict=True))
    homes = dict(zip(renamed, work.rng.choice(NEIGHBOURS, len(renamed)), strict=True))
    rows = arrests[arrests["PERSON_REF"].isin(renamed)].copy()
    outcomes = work.frames["outcomes.csv"]
    results = outcomes[outcomes["Child ID"].isin(renamed)].copy()
    rows["DISTRICT"] = rows["PERSON_REF"].map(homes).str.upper()
    results["Local Authority"] = results["Child ID"].map(homes)
    rows["PERSON_REF"], results["Child ID"] = (
        rows["PERSON_REF"].map(renamed),
        results["Child ID"].map(renamed),
    )
    results["Shared ID"] = results["Shared ID"].where(results["Shared ID"] == "", "S" + results["Child ID"])
    rows["ARREST_REF"] = "X" + rows["ARREST_REF"]
    results["Arrest Ref"] = results["Arrest Ref"].where(results["Arrest Ref"] == "", "X" + results["Arrest Ref"])
    results["Outcome ID"] = "X" + results["Outcome ID"]
    results["Resident"] = "N"
    work.append("arrests.csv", rows)
    work.append("outcomes.csv", results)
    work.note("resident_elsewhere", "arrests.csv", len(rows))
    _first_elsewhere(work)
    elsewhere = work.frames["outcomes.csv"]["Local Authority"].isin(NEIGHBOURS)
    work.note("resident_elsewhere", "outcomes.csv", int(elsewhere.sum()))


def _first_elsewhere(work: _Work) -> None:
    """Children who had their first caution or sentence before they moved here: both systems say so."""
    frame = work.frames["outcomes.csv"]
    at_home = frame["System"].eq("PNC") & frame["Resident"].eq("Y")
    several = frame.loc[at_home, "Child ID"].value_counts()
    children = np.array(sorted(several.index[several > 1]))
    chosen = work.rng.choice(children, min(work.many(20), len(children)), replace=False)
    first = frame[at_home & frame["Child ID"].isin(chosen)].drop_duplicates("Child ID")
    keys = set(zip(first["Child ID"], first["Outcome Date"], strict=True))
    both = [pair in keys for pair in zip(frame["Child ID"], frame["Outcome Date"], strict=True)]
    rows = frame.index[np.array(both) & frame["System"].isin(["PNC", "YJS"])]
    frame = frame.copy()
    frame.loc[rows, "Local Authority"] = NEIGHBOURS[0]
    frame.loc[rows, "Resident"] = "N"
    work.frames["outcomes.csv"] = frame
    work.note("first_outcome_elsewhere_children", "outcomes.csv", len(first))


def _extra_arrests(work: _Work) -> None:
    """Adults, another force's arrests, and adults searched."""
    everyone = pd.Series(True, index=work.frames["arrests.csv"].index)
    adults = work.sample("arrests.csv", work.many(25), everyone)
    adults["AGE"] = work.rng.integers(18, 45, len(adults)).astype(str)
    railway = work.sample("arrests.csv", work.many(15), everyone)
    railway["FORCE"] = "British Transport Police"
    for kind, rows, letters in (("adult_age", adults, "AD"), ("other_force", railway, "BT")):
        rows["PERSON_REF"] = rows["ARREST_REF"] = work.references(letters, len(rows))
        work.append("arrests.csv", rows)
        work.note(kind, "arrests.csv", len(rows))
    searched = pd.Series(True, index=work.frames["searches.csv"].index)
    rows = work.sample("searches.csv", work.many(40), searched)
    rows["Age range"] = work.rng.choice(["18-24", "25-34"], len(rows))
    rows["Search reference"] = work.references("AD", len(rows))
    work.append("searches.csv", rows)
    work.note("adult_age", "searches.csv", len(rows))


def _extra_outcomes(work: _Work) -> None:
    """Rows that must not be counted: not yet assigned, of which, disposals for adults, breaches."""
    frame = work.frames["outcomes.csv"]
    police, pnc = frame["System"].eq("Police"), frame["System"].eq("PNC")
    within = frame["Resident"].eq("Y")
    pending = work.sample("outcomes.csv", work.many(60), police & within & frame["Arrest Ref"].ne(""))
    pending[["HO Outcome Type", "Disposal"]] = "0", ""
    part = work.sample("outcomes.csv", work.many(60), within & frame["HO Outcome Type"].isin(["1", "2"]))
    part["HO Outcome Type"] += "a"
    adult = work.sample("outcomes.csv", work.many(6), police & within)
    adult[["HO Outcome Type", "Disposal"]] = "", ""
    adult["HO Outcome Type"] = work.rng.choice(["3", "6", "7"], len(adult))
    room = work.calendar.last_day - 40
    breach = work.sample(
        "outcomes.csv", work.many(60), pnc & within & frame["First Hearing"].ne("") & (frame[ORDER] < room)
    )
    day = breach[ORDER].to_numpy() + work.rng.integers(10, 41, len(breach))
    breach[ORDER], breach["Outcome Date"], breach["Breach"] = day, day_text(day), "Y"
    breach["Offence Date"] = breach["First Hearing"] = breach["Outcome Date"]
    breach[["Arrest Date", "Arrest Ref", "Disposal", "Release Date"]] = "", "", "Fine", ""
    for kind, rows, letters in (
        ("outcome_type_0", pending, "ZA"), ("of_which_rows", part, "ZB"), ("adult_outcome_types", adult,
        "ZC"),
        ("breach_rows", breach, "ZD"),
    ):  # fmt: skip
        rows["Outcome ID"] = work.references(letters, len(rows))
        work.append("outcomes.csv", rows)
        work.note(kind, "outcomes.csv", len(rows))


def _two_services(work: _Work) -> None:
    """Children whom two services know: the same outcome again, with the second service's own reference."""
    frame = work.frames["outcomes.csv"]
    firsts = frame["System"].eq("YJS") & frame["Resident"].eq("Y")
    firsts &= ~frame["Child ID"].where(firsts).duplicated()
    rows = work.sample("outcomes.csv", work.many(80), firsts)
    moved = {area: m.AREAS[(place + 1) % len(m.AREAS)] for place, area in enumerate(m.AREAS)}
    day = np.minimum(rows[ORDER].to_numpy() + work.rng.integers(1, 15, len(rows)), work.calendar.last_day)
    rows[ORDER], rows["Outcome Date"] = day, day_text(day)
    rows["Local Authority"] = rows["Local Authority"].map(moved)
    rows["Child ID"], rows["Outcome ID"] = work.references("T", len(rows)), work.references("ZE", len(rows))
    work.append("outcomes.csv", rows)
    work.note("known_to_two_services", "outcomes.csv", len(rows))


def _unknown_ethnicity(work: _Work) -> None:
    """Children whose ethnicity nobody recorded, completely at random: the last year's published share."""
    children = sorted({child for name, column in CHILD.items() for child in work.frames[name][column]})
    gone = set(np.array(children)[work.rng.random(len(children)) < m.UNKNOWN_SHARE])
    for name, column in CHILD.items():
        frame = work.frames[name].copy()
        rows = frame[column].isin(gone)
        words: tuple[str, ...] = MISSING_WORDS if name == "interventions.csv" else MISSING_CODES
        frame.loc[rows, ETHNICITY[name]] = work.rng.choice(words, int(rows.sum()))
        work.frames[name] = frame
        work.note("ethnicity_never_recorded_children", name, frame.loc[rows, column].nunique())
    searches = work.frames["searches.csv"].copy()
    rows = pd.Series(work.rng.random(len(searches)) < m.UNKNOWN_SHARE, index=searches.index)
    blank_or_not = work.rng.choice(["Other ethnic group - Not stated", ""], int(rows.sum()))
    searches.loc[rows, ETHNICITY["searches.csv"]] = blank_or_not
    work.frames["searches.csv"] = searches


def _worse_district_year(work: _Work) -> None:
    """One district and year in which far more records lack an ethnicity, again at random within it."""
    first, end = (_day(f"{year}-04-01") for year in (WORSE_YEAR, WORSE_YEAR + 1))
    arrests, outcomes = (work.frames[name].copy() for name in ("arrests.csv", "outcomes.csv"))
    there = arrests["DISTRICT"].eq(WORSE_AREA.upper()) & arrests[ORDER].between(first, end - 1)
    children = np.array(sorted(set(arrests.loc[there, "PERSON_REF"])))
    chosen = set(children[work.rng.random(len(children)) < WORSE_SHARE])
    rows = there & arrests["PERSON_REF"].isin(chosen)
    arrests.loc[rows, ETHNICITY["arrests.csv"]] = "NS"
    theirs = outcomes["Child ID"].isin(chosen) & outcomes[ORDER].between(first, end - 1)
    outcomes.loc[theirs, ETHNICITY["outcomes.csv"]] = "NS"
    work.frames |= {"arrests.csv": arrests, "outcomes.csv": outcomes}
    work.note("not_stated_in_one_district_year", "arrests.csv", int(rows.sum()))
    work.note("not_stated_in_one_district_year", "outcomes.csv", int(theirs.sum()))


def _conflicts(work: _Work) -> None:
    """For 2% of children with records of arrest and outcome, one outcome says another heading."""
    frame, arrests = work.frames["outcomes.csv"].copy(), work.frames["arrests.csv"]
    column = ETHNICITY["outcomes.csv"]
    told = arrests.loc[~arrests[ETHNICITY["arrests.csv"]].isin(MISSING_CODES), "PERSON_REF"]
    rows = frame.index[frame["Child ID"].isin(told) & ~frame[column].isin(MISSING_CODES)]
    shuffled = rows[work.rng.permutation(len(rows))]
    one_each = shuffled[~frame.loc[shuffled, "Child ID"].duplicated()]
    chosen = one_each[: round(0.02 * len(one_each))]
    heading = frame.loc[chosen, column].replace("O1", "A4").str[0].sort_values(kind="stable")
    codes = frame.loc[heading.index, column].to_numpy()
    # Half a turn through the codes in order of heading gives everyone another heading and keeps each code as
    # frequent.
    turned = np.roll(codes, len(codes) // 2)
    frame.loc[heading.index, column] = turned
    differs = heading.to_numpy() != np.roll(heading.to_numpy(), len(codes) // 2)
    work.frames["outcomes.csv"] = frame
    work.note("conflicting_ethnicity_children", "outcomes.csv", int(differs.sum()))


def _wrong_scheme(work: _Work) -> None:
    """Chinese children's arrests with O1, the code of the 16+1, which the 18+1 has not."""
    frame = work.frames["arrests.csv"].copy()
    rows = frame.index[frame[ETHNICITY["arrests.csv"]].eq("A4")]
    chosen = rows[np.sort(work.rng.permutation(len(rows))[: (len(rows) + 1) // 2])]
    frame.loc[chosen, ETHNICITY["arrests.csv"]] = "O1"
    work.frames["arrests.csv"] = frame
    work.note("code_O1_in_18_plus_1", "arrests.csv", len(chosen))


def _bad_values(work: _Work) -> None:
    for kind, column, value, count in (
        ("age_not_known", "AGE", "n/k", 12), ("impossible_date", "ARREST_DATE", "31/02/2023", 6),
        ("sex_blank", "SEX", "", 10), ("sex_unclear", "SEX", "U", 8), ("district_blank", "DISTRICT", "", 10),
        ("offence_blank", "OFFENCE_GROUP", "", 10),
    ):  # fmt: skip
        rows = work.take("arrests.csv", work.many(count))
        work.frames["arrests.csv"].loc[rows, column] = value
        work.note(kind, "arrests.csv", len(rows))
    rows = work.take("searches.csv", work.many(60))
    work.frames["searches.csv"].loc[rows, "Gender"] = ""
    work.note("sex_blank", "searches.csv", len(rows))
    rows = work.take("interventions.csv", work.many(5))
    work.frames["interventions.csv"].loc[rows, "age"] = ""
    work.note("age_blank", "interventions.csv", len(rows))


def _bad_outcomes(work: _Work) -> None:
    """Outcome dates that cannot be, and outcomes and people that no longer count."""
    frame = work.frames["outcomes.csv"].copy()
    work.frames["outcomes.csv"] = frame
    local = frame["System"].eq("Police") & frame["Resident"].eq("Y") & frame["Arrest Date"].ne("")
    late = work.take("outcomes.csv", work.many(12), local & frame[ORDER].gt(work.calendar.last_day - 200))
    frame.loc[late, "Outcome Date"] = day_text(work.calendar.last_day + work.rng.integers(1, 200, len(late)))
    work.note("outcome_after_extract_end", "outcomes.csv", len(late))
    early = work.take("outcomes.csv", work.many(15), local)
    days: Ints = frame.loc[early, ORDER].to_numpy() - work.rng.integers(130, 400, len(early))
    frame.loc[early, "Outcome Date"] = day_text(days)
    work.note("outcome_before_arrest", "outcomes.csv", len(early))
    quashed = work.take("outcomes.csv", work.many(10), frame["System"].eq("PNC") & frame["First Hearing"].ne(""))
    frame.loc[quashed, "Quashed on Appeal"] = "Y"
    work.note("quashed_on_appeal", "outcomes.csv", len(quashed))
    deleted = work.take("outcomes.csv", work.many(5), frame["System"].eq("PNC"))
    frame.loc[deleted, "Person Deleted"] = "Y"
    work.note("person_deleted", "outcomes.csv", len(deleted))


def _count_missing(work: _Work) -> None:
    for name, column in ETHNICITY.items():
        missing = work.frames[name][column].isin({*MISSING_CODES, *MISSING_WORDS, "Other ethnic group - Not stated"})
        work.note("ethnicity_missing_rows", name, int(missing.sum()))


def _duplicates(work: _Work) -> None:
    """The same rows twice, identifier and all: taken from rows that nothing else has spoilt."""
    for name, share in (("arrests.csv", 0.005), ("outcomes.csv", 0.003), ("searches.csv", 0.003)):
        rows = work.take(name, round(share * len(work.frames[name])))
        work.append(name, work.frames[name].loc[rows])
        work.note("exact_duplicates", name, len(rows))


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))
