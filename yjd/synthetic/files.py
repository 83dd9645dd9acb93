"""The partners' files: the same events in the columns, codes and formats that differ between partners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.synthetic import events as e
from yjd.synthetic import model as m
from yjd.synthetic.model import Ints

Texts = NDArray[np.object_]
ORDER: Final = "_day"  # a column that puts rows in order and is not written
GRAVITY_5_FROM: Final = int(np.datetime64("2023-10-01", "D").astype(np.int64))
EPOCH: Final = np.datetime64("1970-01-01", "D")

# Census label after the colon: 18+1 code, 16+1 code, data.police.uk words, usual and other officer code,
# share of usual
CODES: Final[Mapping[str, tuple[str, str, str, str, str, float]]] = {
    "Bangladeshi": ("A3", "A3", "Asian/Asian British - Bangladeshi", "IC4", "IC9", 0.97),
    "Chinese": ("A4", "O1", "Asian/Asian British - Chinese", "IC5", "IC4", 0.96),
    "Indian": ("A1", "A1", "Asian/Asian British - Indian", "IC4", "IC9", 0.97),
    "Pakistani": ("A2", "A2", "Asian/Asian British - Pakistani", "IC4", "IC6", 0.96),
    "Other Asian": ("A9", "A9", "Asian/Asian British - Any other Asian background", "IC4", "IC5", 0.75),
    "African": ("B2", "B2", "Black/African/Caribbean/Black British - African", "IC3", "IC6", 0.97),
    "Caribbean": ("B1", "B1", "Black/African/Caribbean/Black British - Caribbean", "IC3", "IC9", 0.98),
    "Other Black": (
        "B9", "B9", "Black/African/Caribbean/Black British - Any other Black/African/Caribbean background",
        "IC3", "IC9", 0.97,
    ),
    "White and Asian": ("M3", "M3", "Mixed/Multiple ethnic groups - White and Asian", "IC4", "IC1", 0.65),
    "White and Black African": ("M2", "M2", "Mixed/Multiple ethnic groups - White and Black African", "IC3",
    "IC1", 0.80),
    "White and Black Caribbean": (
        "M1", "M1", "Mixed/Multiple ethnic groups - White and Black Caribbean", "IC3", "IC1", 0.75,
    ),
    "Other Mixed or Multiple ethnic groups": (
        "M9", "M9", "Mixed/Multiple ethnic groups - Any other Mixed/Multiple ethnic background", "IC3",
        "IC4", 0.55,
    ),
    "English, Welsh, Scottish, Northern Irish or British": (
        "W1", "W1", "White - English/Welsh/Scottish/Northern Irish/British", "IC1", "IC9", 0.98,
    ),
    "Irish": ("W2", "W2", "White - Irish", "IC1", "IC9", 0.98),
    "Gypsy or Irish Traveller": ("W3", "W9", "White - Gypsy or Irish Traveller", "IC1", "IC2", 0.92),
    "Roma": ("W9", "W9", "White - Any other White background", "IC2", "IC1", 0.70),
    "Other White": ("W9", "W9", "White - Any other White background", "IC1", "IC2", 0.60),
    "Arab": ("O2", "O9", "Other ethnic group - Arab", "IC6", "IC4", 0.75),
    "Any other ethnic group": ("O9", "O9", "Other ethnic group - Any other ethnic group", "IC6", "IC9", 0.55),
}  # fmt: skip
OFFICER_WORDS: Final = {
    "IC1": "White", "IC2": "White", "IC3": "Black", "IC4": "Asian", "IC5": "Asian", "IC6": "Other", "IC9": "",
}  # fmt: skip
DISPOSALS: Final = {
    "community_resolution": "Community resolution", "outcome_22": "Outcome 22 – deferred prosecution",
    "triage": "Triage", "youth_caution": "Youth caution",
    "youth_conditional_caution": "Youth conditional caution",
    "charge": "Charged or summonsed", "absolute_discharge": "Absolute discharge",
    "conditional_discharge": "Conditional discharge", "fine": "Fine", "compensation": "Compensation order",
    "reparation_order": "Reparation order", "referral_order": "Referral order",
    "youth_rehabilitation_order": "Youth rehabilitation order",
    "detention_training_order": "Detention and training order",
    "long_custody": "Section 250 – long-term detention",
}  # fmt: skip
TYPES: Final = {
    "community_resolution": "8", "outcome_22": "22", "triage": "", "youth_caution": "2",
    "youth_conditional_caution": "2",
}  # fmt: skip


@dataclass(frozen=True)
class Format:
    """How one file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"


FORMATS: Final = {
    "population.csv": Format(),
    "searches.csv": Format(encoding="utf-8-sig"),
    "arrests.csv": Format(),
    "outcomes.csv": Format(encoding="cp1252", line_end="\r\n"),
    "interventions.csv": Format(delimiter=";"),
}


def render(simulation: e.Simulation, residents: Ints, seed: int) -> dict[str, pd.DataFrame]:
    """Return each file as a frame of text, in the order of its dates."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    officer = _officer(rng, simulation.children["group"].to_numpy())
    frames = {
        "population.csv": _population(residents),
        "searches.csv": _searches(rng, simulation),
        "arrests.csv": _arrests(simulation, officer),
        "outcomes.csv": _outcome_rows(rng, simulation),
        "interventions.csv": _interventions(simulation),
    }
    return {name: frame.sort_values(ORDER, kind="stable", ignore_index=True) for name, frame in frames.items()}


def write(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write every frame in its file's format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        form = FORMATS[name]
        text = frame.drop(columns=ORDER).to_csv(index=False, sep=form.delimiter, lineterminator=form.line_end)
        (folder / name).write_bytes(text.encode(form.encoding))


def day_text(days: pd.Series | Ints, pattern: str = "YYYY-MM-DD") -> Texts:
    """Return days as text in `pattern`; '' for a day that has not come."""
    values = np.asarray(days, dtype=np.int64)
    unique, place = np.unique(values, return_inverse=True)
    texts = []
    for iso in (EPOCH + unique).astype(str):
        year, month, day = str(iso).split("-") if not str(iso).startswith("1969") else ("", "", "")
        texts.append(pattern.replace("YYYY", year).replace("MM", month).replace("DD", day) if year else "")
    return np.array(texts, dtype=object)[place]


def child_reference(child: pd.Series | Ints, letter: str = "C") -> Texts:
    """Return a pseudonymous reference that says nothing about the order of the children."""
    step = 4_649_003 if letter == "C" else 7_368_787
    numbers = (np.asarray(child, dtype=np.int64) * step + 12_345) % 9_999_991
    return np.array([f"{letter}{number:07d}" for number in numbers.tolist()], dtype=object)


def _tails() -> list[str]:
    return [group.label.split(": ")[1] for group in m.groups()]


def _codes(place: int, groups: Ints) -> Texts:
    return np.array([CODES[tail][place] for tail in _tails()], dtype=object)[groups]


def _officer(rng: np.random.Generator, groups: Ints) -> Texts:
    usual = np.array([CODES[tail][5] for tail in _tails()])[groups]
    return np.where(rng.random(len(groups)) < usual, _codes(3, groups), _codes(4, groups))


def _named(names: tuple[str, ...], places: pd.Series | Ints) -> Texts:
    return np.array(names, dtype=object)[np.asarray(places, dtype=np.int64)]


def _population(residents: Ints) -> pd.DataFrame:
    area, group, sex, band = (axis.reshape(-1) for axis in np.indices(residents.shape))
    labels = tuple(one.label for one in m.groups())
    return pd.DataFrame({
        ORDER: 0, "Local authority": _named(m.AREAS, area), "Ethnic group": _named(labels, group),
        "Sex": _named(m.SEXES, sex), "Age": _named(m.BANDS, band), "Observation": residents.reshape(-1),
    })  # fmt: skip


def _searches(rng: np.random.Generator, simulation: e.Simulation) -> pd.DataFrame:
    found = simulation.searches
    groups = found["group"].to_numpy()
    seen = _officer(rng, groups)
    clock = [f"T{minute // 60:02d}:{minute % 60:02d}:00+00:00" for minute in found["minute"].tolist()]
    return pd.DataFrame({
        ORDER: found["day"],
        "Search reference": [f"SS{number:06d}" for number in range(1, len(found) + 1)],
        "Date": day_text(found["day"]) + np.array(clock, dtype=object),
        "Force": "west-midlands", "District": _named(m.AREAS, found["area"]), "Gender": _named(m.SEXES,
        found["sex"]),
        "Age range": _named(m.BANDS, found["band"]), "Self-defined ethnicity": _codes(2, groups),
        "Officer-defined ethnicity": [OFFICER_WORDS[code] for code in seen],
        "Object of search": _named(e.SEARCH_OBJECTS, found["object"]),
        "Outcome": _named(e.SEARCH_OUTCOMES, found["outcome"]),
    })  # fmt: skip


def _arrests(simulation: e.Simulation, officer: Texts) -> pd.DataFrame:
    ends = pd.concat([simulation.cases, simulation.no_action])
    ends = ends[ends["arrest"] != e.NEVER].set_index("arrest")
    found = simulation.arrests.assign(offence=ends["offence"])
    found = found[found["day"] >= simulation.calendar.first_day]
    child = found["child"].to_numpy()
    who = simulation.children.iloc[child]
    return pd.DataFrame({
        ORDER: found["day"].to_numpy(),
        "ARREST_REF": [_arrest_reference(number) for number in found.index],
        "PERSON_REF": child_reference(child),
        "ARREST_DATE": day_text(found["day"], "DD/MM/YYYY"),
        "DISTRICT": _named(tuple(area.upper() for area in m.AREAS), who["area"]),
        "SEX": _named(("F", "M"), who["sex"]),
        "AGE": e.ages(who["birth"].to_numpy(), found["day"].to_numpy()).astype(str).astype(object),
        "SELF_DEFINED_18_1": _codes(0, who["group"].to_numpy()),
        "OFFICER_IC": officer[child],
        "OFFENCE_GROUP": _named(e.OFFENCES, found["offence"]),
        "FORCE": "West Midlands Police",
    })  # fmt: skip


def _arrest_reference(number: int) -> str:
    return "" if number == e.NEVER else f"WM{number + 1:07d}"


def _outcome_rows(rng: np.random.Generator, simulation: e.Simulation) -> pd.DataFrame:
    calendar, cases = simulation.calendar, simulation.cases
    births = simulation.children["birth"].to_numpy()
    young = e.ages(births[cases["child"].to_numpy()], cases["offence_day"].to_numpy()) < 18
    cases = cases.assign(young=young)
    no_action = simulation.no_action.assign(disposal="", hearing_day=e.NEVER, release_day=e.NEVER, system="Police")
    police = cases[young].assign(system="Police", release_day=e.NEVER, hearing_day=e.NEVER)
    court = ~police["precourt"]
    police["disposal"] = police["disposal"].where(~court, "charge")
    police["outcome_type"] = police["disposal"].map(TYPES).where(~court, "1")
    police = pd.concat([police, no_action], ignore_index=True).assign(outcome_day=lambda frame: frame["police_day"])
    police = police[police["outcome_day"].between(calendar.first_day, calendar.last_day)]
    proven = cases[cases["formal"] | ~cases["precourt"]]
    proven = proven.assign(outcome_day=proven["pnc_day"], outcome_type="")
    adult_caution = ~proven["young"] & proven["formal"]  # nobody of 18 can have a youth caution
    pnc = proven.assign(system="PNC", disposal=proven["disposal"].where(~adult_caution, "fine"))
    informal = cases[young & cases["precourt"] & ~cases["formal"]]
    informal = informal.assign(outcome_day=informal["police_day"], outcome_type="")
    informal = informal[informal["outcome_day"] >= calendar.first_day]
    known = pd.concat([proven[proven["young"]], informal]).assign(system="YJS")
    known = known[rng.random(len(known)) < 0.97]
    rows = pd.concat([police, pnc, known], ignore_index=True)
    rows = rows[rows["outcome_day"] <= calendar.last_day]
    rows["release_day"] = rows["release_day"].where(rows["release_day"] <= calendar.last_day, e.NEVER)
    rows = rows.sort_values(["outcome_day", "system", "child"], kind="stable", ignore_index=True)
    return _outcome_columns(simulation, rows)


def _outcome_columns(simulation: e.Simulation, rows: pd.DataFrame) -> pd.DataFrame:
    child = rows["child"].to_numpy()
    who = simulation.children.iloc[child]
    birth = who["birth"].to_numpy()
    day, offence, hearing = (rows[name].to_numpy() for name in ("outcome_day", "offence_day", "hearing_day"))
    at_hearing = np.where(hearing == e.NEVER, "", e.ages(birth, np.maximum(hearing, birth)).astype(str))
    five = rows["offence_day"].to_numpy() >= GRAVITY_5_FROM
    gravity = rows["gravity"].to_numpy() + 1
    return pd.DataFrame({
        ORDER: day,
        "Outcome ID": [f"OC{number:07d}" for number in range(1, len(rows) + 1)],
        "Child ID": child_reference(child),
        "Shared ID": np.where(rows["system"] == "YJS", child_reference(child, "S"), ""),
        "System": rows["system"].to_numpy(),
        "Arrest Ref": [_arrest_reference(number) for number in rows["arrest"].tolist()],
        "Offence Date": day_text(offence), "Arrest Date": day_text(rows["arrest_day"]),
        "First Hearing": day_text(hearing), "Outcome Date": day_text(day),
        "HO Outcome Type": rows["outcome_type"].to_numpy(),
        "Disposal": [DISPOSALS.get(name, "") for name in rows["disposal"]],
        "Date of Birth": day_text(birth),
        "Age at Offence": e.ages(birth, offence), "Age at Hearing": at_hearing,
        "Age at Outcome": e.ages(birth, day),
        "Gender": _named(m.SEXES, who["sex"]), "Local Authority": _named(m.AREAS, who["area"]),
        "Ethnicity (16+1)": _codes(1, who["group"].to_numpy()), "Offence Group": _named(e.OFFENCES,
        rows["offence"]),
        "Gravity": np.where(five, gravity, np.minimum(gravity, 4)).astype(str),
        "Gravity Scheme": np.where(five, "Child gravity matrix 1-5", "ACPO matrix 1-4"),
        "Quashed on Appeal": "N", "Person Deleted": "N", "Breach": "N",
        "Release Date": day_text(rows["release_day"]), "Resident": "Y",
    })  # fmt: skip


def _interventions(simulation: e.Simulation) -> pd.DataFrame:
    offers = simulation.offers
    child = offers["child"].to_numpy()
    who = simulation.children.iloc[child]
    dates = {name: day_text(offers[f"{name}_day"], "DD.MM.YYYY") for name in ("accepted", "started", "completed")}
    return pd.DataFrame({
        ORDER: offers["day"].to_numpy(), "child_ref": child_reference(child),
        "service": _named(tuple(f"{area} YJS" for area in m.AREAS), who["area"]),
        "gender": _named(m.SEXES, who["sex"]),
        "age": e.ages(who["birth"].to_numpy(), offers["day"].to_numpy()).astype(str).astype(object),
        "ethnic_group": _named(tuple(_tails()), who["group"]),
        "programme": _named(e.PROGRAMMES, offers["programme"]), "offered": day_text(offers["day"],
        "DD.MM.YYYY"),
        **dates,
    })  # fmt: skip
