"""Drawing from the model: children, arrests, what became of them, offers of interventions, and searches.

A child's arrests come from the model. Those before the child's first caution or sentence may be resolved,
pre-court or in court; later ones end without action, because what a child does after a caution or sentence
is drawn on its own: with the heading's known chance there is one proven re-offence within 12 months (and
further informal cases in the proportion that keeps the pre-court share exact), dealt with after a summons
and without an arrest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.synthetic import model as m
from yjd.synthetic.model import Calendar, Floats, Ints, Model

INFORMAL: Final = ("community_resolution", "outcome_22", "triage")
INFORMAL_SHARE: Final = (0.66, 0.27, 0.07)
CAUTIONS: Final = ("youth_caution", "youth_conditional_caution")
CAUTION_SHARE: Final = (0.55, 0.45)
COURT: Final = (
    "absolute_discharge", "conditional_discharge", "fine", "compensation", "reparation_order",
    "referral_order",
    "youth_rehabilitation_order", "detention_training_order", "long_custody",
)  # fmt: skip
COURT_SHARE: Final = np.array([
    [0.05, 0.24, 0.10, 0.03, 0.05, 0.51, 0.02, 0.00, 0.00],
    [0.03, 0.18, 0.06, 0.03, 0.04, 0.58, 0.08, 0.00, 0.00],
    [0.01, 0.10, 0.03, 0.02, 0.02, 0.60, 0.20, 0.02, 0.00],
    [0.00, 0.03, 0.01, 0.01, 0.00, 0.50, 0.34, 0.10, 0.01],
    [0.00, 0.00, 0.00, 0.00, 0.00, 0.28, 0.42, 0.20, 0.10],
])  # fmt: skip
NO_ACTION_TYPES: Final = ("5", "9", "10", "12", "15", "16", "17", "20", "21")
NO_ACTION_SHARE: Final = (0.01, 0.03, 0.10, 0.01, 0.34, 0.35, 0.01, 0.05, 0.10)
OFFENCES: Final = (
    "Criminal damage and arson", "Drug offences", "Fraud offences", "Miscellaneous crimes against society",
    "Possession of weapons offences", "Public order offences", "Robbery", "Sexual offences", "Theft offences",
    "Violence against the person",
)  # fmt: skip
OFFENCE_SHARE: Final = np.array([
    [0.20, 0.16, 0.02, 0.04, 0.00, 0.20, 0.00, 0.00, 0.30, 0.08],
    [0.12, 0.14, 0.02, 0.05, 0.05, 0.14, 0.01, 0.01, 0.24, 0.22],
    [0.05, 0.10, 0.01, 0.06, 0.16, 0.08, 0.07, 0.03, 0.12, 0.32],
    [0.02, 0.05, 0.01, 0.05, 0.14, 0.02, 0.24, 0.11, 0.04, 0.32],
    [0.01, 0.03, 0.00, 0.04, 0.05, 0.00, 0.25, 0.22, 0.00, 0.40],
])  # fmt: skip
PROGRAMMES: Final = (
    "Family support", "Mentoring", "Restorative justice", "Speech and language support", "Turnaround",
)  # fmt: skip
SEARCH_OUTCOMES: Final = (
    "A no further action disposal", "Arrest", "Community resolution", "Khat or Cannabis warning",
    "Summons / charged by post", "Caution (simple or conditional)", "Penalty Notice for Disorder",
)  # fmt: skip
SEARCH_OUTCOME_SHARE: Final = (0.74, 0.12, 0.07, 0.02, 0.03, 0.015, 0.005)
SEARCH_OBJECTS: Final = (
    "Controlled drugs", "Offensive weapons", "Stolen goods", "Article for use in theft",
    "Articles for use in criminal damage", "Anything to threaten or harm anyone",
)  # fmt: skip
SEARCH_OBJECT_SHARE: Final = (0.50, 0.24, 0.10, 0.08, 0.04, 0.04)
NEVER: Final = -1  # a day that has not come, or an arrest that was not made


@dataclass(frozen=True)
class Simulation:
    """Everything that happened, as frames of positions and day numbers."""

    calendar: Calendar
    children: pd.DataFrame  # area, group, sex, birth
    arrests: pd.DataFrame  # child, day, gravity, offence
    cases: pd.DataFrame  # resolved: child, arrest, days, gravity, offence, precourt, formal, disposal
    no_action: pd.DataFrame  # the other arrests: child, arrest, days, gravity, offence, outcome_type
    offers: pd.DataFrame  # child, day, programme, accepted, started, completed
    searches: pd.DataFrame  # area, group, sex, band, day, outcome, object


def simulate(model: Model, seed: int) -> Simulation:
    """Draw one world from the model."""
    people, outcome, offer, search = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(4))
    children, arrests = _arrests(people, model)
    cases, no_action = _outcomes(outcome, model.calendar, children, arrests)
    offers = _offers(offer, model.calendar, children, cases)
    return Simulation(model.calendar, children, arrests, cases, no_action, offers, _searches(search, model))


def ages(birth: Ints, day: Ints) -> Ints:
    """Return completed years of age on each day."""
    dates = birth.astype("datetime64[D]"), day.astype("datetime64[D]")
    months = [date.astype("datetime64[M]") for date in dates]
    days = [(date - month).astype(np.int64) for date, month in zip(dates, months, strict=True)]
    gone = (months[1] - months[0]).astype(np.int64) - (days[1] < days[0])
    out: Ints = gone // 12
    return out


def _pick(rng: np.random.Generator, shares: Floats) -> Ints:
    """Draw a column for each row of weights (which need not add up to 1)."""
    total = np.cumsum(shares, axis=1)
    out: Ints = (rng.random(len(shares))[:, None] * total[:, -1:] >= total).sum(axis=1)
    return out


def _arrests(rng: np.random.Generator, model: Model) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Children with at least one arrest, and all their arrests since the age of 10.

    Given a child's gamma frailty arrests are Poisson, so their number is negative binomial, and given the
    number each falls in a year, before or after the birthday, in proportion to the child's rate there.
    """
    calendar = model.calendar
    cell_rate = model.cell_rate.reshape(-1)
    a_year = model.residents.reshape(-1, 3) / m.BAND_WIDTH
    by_length = {length: m.exposure(length) for length in (365, 366)}
    each = np.ceil(a_year.max(axis=1)).astype(np.int64)
    cell = np.repeat(np.arange(len(each)), each)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(each) - each, each)
    found: list[tuple[Ints, ...]] = []
    for cohort in calendar.cohorts:
        at_risk, birthdays = (
            _cohort_exposure(calendar, by_length, int(cohort)),
            rng.integers(0, 365, len(cell)),
        )
        number = place + rng.random(len(cell))
        pattern = sum(
            ((number < a_year[cell, band]).astype(np.int64) << band for band in range(3)), np.zeros_like(cell)
        )
        mean = cell_rate[cell] * at_risk.sum(axis=(2, 3))[pattern, birthdays]
        counts = rng.negative_binomial(m.FRAILTY_SHAPE, m.FRAILTY_SHAPE / (m.FRAILTY_SHAPE + mean))
        hit = np.flatnonzero(counts)
        owner = np.repeat(hit, counts[hit])
        weights = at_risk[pattern[owner], birthdays[owner]].reshape(len(owner), -1)
        piece = _pick(rng, weights) if len(owner) else owner
        day = _day_in_piece(rng, calendar, piece // 2, piece % 2, birthdays[owner])
        ident = np.cumsum(np.isin(np.arange(len(cell)), hit)) - 1
        start = int(np.datetime64(f"{cohort}-04-01", "D").astype(np.int64))
        length = int(np.datetime64(f"{cohort + 1}-04-01", "D").astype(np.int64)) - start
        found.append((cell[hit], start + m.birthday_offset(birthdays[hit], length), ident[owner], day))
    firsts = np.cumsum([0, *(len(part[0]) for part in found)])
    cells, births = (np.concatenate([part[at] for part in found]) for at in (0, 1))
    area, group, sex = np.unravel_index(cells, model.residents.shape[:3])
    children = pd.DataFrame({"area": area, "group": group, "sex": sex, "birth": births})
    arrests = pd.DataFrame({
        "child": np.concatenate([part[2] + first for part, first in zip(found, firsts[:-1], strict=True)]),
        "day": np.concatenate([part[3] for part in found]),
    })  # fmt: skip
    return children, arrests.sort_values(["day", "child"], kind="stable", ignore_index=True)


def _cohort_exposure(calendar: Calendar, by_length: dict[int, Floats], cohort: int) -> Floats:
    """Exposure of one birth cohort by pattern, birthday, year and half of the year."""
    out = np.zeros((8, 365, len(calendar.years), 2))
    for place, (year, length, level) in enumerate(zip(calendar.years, calendar.lengths, calendar.levels, strict=True)):
        turned = int(year) - cohort
        if 10 <= turned <= 18:
            out[:, :, place] = level * by_length[int(length)][:, turned - 10]
    return out


def _day_in_piece(rng: np.random.Generator, calendar: Calendar, year: Ints, half: Ints, birthdays: Ints) -> Ints:
    length = calendar.lengths[year]
    turn = m.birthday_offset(birthdays, length)
    low, high = np.where(half == 0, 0, turn), np.where(half == 0, turn, length)
    out: Ints = calendar.starts[year] + low + (rng.random(len(year)) * (high - low)).astype(np.int64)
    return out


def _marks(rng: np.random.Generator, heading: Ints) -> dict[str, NDArray[np.generic]]:
    """Gravity and, for a resolved case, the kind of disposal: independent of everything but the heading."""
    gravity = _pick(rng, np.array([m.GRAVITY_SHARE[name] for name in m.HEADINGS])[heading])
    precourt = rng.random(len(heading)) < m.precourt_chance()[heading, gravity]
    formal = precourt & (rng.random(len(heading)) < m.FORMAL)
    offence = _pick(rng, OFFENCE_SHARE[gravity])
    disposal = np.array(COURT)[_pick(rng, COURT_SHARE[gravity])].astype("<U30")
    informal = rng.choice(INFORMAL, len(heading), p=INFORMAL_SHARE)
    caution = rng.choice(CAUTIONS, len(heading), p=CAUTION_SHARE)
    disposal = np.where(formal, caution, np.where(precourt, informal, disposal))
    return {
        "gravity": gravity,
        "offence": offence,
        "precourt": precourt,
        "formal": formal,
        "disposal": disposal,
    }


def _dated(rng: np.random.Generator, cases: pd.DataFrame) -> pd.DataFrame:
    """Add the days on which the police and the court dealt with each case, and of release from custody."""
    n = len(cases)
    known = cases["offence_day"].where(cases["arrest_day"] == NEVER, cases["arrest_day"])
    police = known + rng.integers(5, 101, n)
    court = rng.integers(20, 81, n)
    hearing = police + (court * rng.uniform(0.4, 1.0, n)).astype(np.int64)
    held = rng.integers(60, 181, n)
    pnc = police.where(cases["precourt"], police + court)
    return cases.assign(
        police_day=police,
        hearing_day=hearing.where(~cases["precourt"], NEVER),
        pnc_day=pnc,
        release_day=(pnc + held).where(cases["disposal"] == "detention_training_order", NEVER),
    )


def _outcomes(
    rng: np.random.Generator, calendar: Calendar, children: pd.DataFrame, arrests: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    heading = m.heading_of_group()[children["group"].to_numpy()]
    every = arrests.rename(columns={"day": "arrest_day"}).assign(arrest=arrests.index)
    every = every.assign(**_marks(rng, heading[every["child"].to_numpy()]))
    tenth = _tenth_birthday(children["birth"].to_numpy())[every["child"].to_numpy()]
    every["offence_day"] = np.maximum(every["arrest_day"].to_numpy() - rng.integers(0, 21, len(every)), tenth)
    resolved = pd.Series(rng.random(len(every)) < m.RESOLVED, index=every.index)
    proven = resolved & (every["formal"] | ~every["precourt"])
    earlier = proven.astype(int).groupby(every["child"]).cumsum() - proven.astype(int)
    resolved &= earlier == 0
    cases = _dated(rng, every[resolved])
    later = _reoffending(rng, calendar, heading, cases)
    no_action = every.loc[~resolved, ["child", "arrest", "arrest_day", "offence_day", "gravity", "offence"]]
    no_action = no_action.assign(
        police_day=no_action["arrest_day"] + rng.integers(5, 101, len(no_action)),
        outcome_type=rng.choice(NO_ACTION_TYPES, len(no_action), p=NO_ACTION_SHARE),
    )
    columns = list(cases.columns)
    return pd.concat([cases, later[columns]], ignore_index=True), no_action.reset_index(drop=True)


def _tenth_birthday(birth: Ints) -> Ints:
    months = birth.astype("datetime64[D]").astype("datetime64[M]")
    day_of_month = birth - months.astype("datetime64[D]").astype(np.int64)
    out: Ints = (months + 120).astype("datetime64[D]").astype(np.int64) + day_of_month
    return out


def _reoffending(rng: np.random.Generator, calendar: Calendar, heading: Ints, cases: pd.DataFrame) -> pd.DataFrame:
    """Cases after a caution or sentence: a chain in which each link has the heading's chance of another.

    A proven re-offence is preceded by as many informal cases as a run of independent cases would have
    before its first caution or sentence; so, by Wald's identity, these cases have the same expected pre-
    court share as all others. Every offence is 1 to 360 days after the index day and is dealt with within
    180 days more.
    """
    chance = m.by_heading(m.REOFFENDING)
    index = cases[cases["formal"] | ~cases["precourt"]]
    found = [cases.iloc[:0]]
    while len(index):
        index = index[index["disposal"] != "long_custody"]
        base = index["pnc_day"].where(index["release_day"] == NEVER, index["release_day"])
        again = (rng.random(len(index)) < chance[heading[index["child"].to_numpy()]]) & (base <= calendar.last_day)
        pending = pd.DataFrame({"child": index["child"][again], "base": base[again]})
        proven: list[pd.DataFrame] = []
        while len(pending):
            drawn = pending.assign(arrest=NEVER, arrest_day=NEVER, **_marks(rng, heading[pending["child"].to_numpy()]))
            drawn["offence_day"] = drawn["base"] + rng.integers(1, 361, len(drawn))
            drawn = _dated(rng, drawn).drop(columns="base")
            ends = drawn["formal"] | ~drawn["precourt"]
            found.append(drawn)
            proven.append(drawn[ends])
            pending = pending[~ends]
        index = pd.concat(proven) if proven else index.iloc[:0]
    return pd.concat(found, ignore_index=True)


def _offers(rng: np.random.Generator, calendar: Calendar, children: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Offers of an intervention after a disposal other than custody: at most one a child and year."""
    custody = cases["disposal"].isin(COURT[-2:])
    offers = cases.loc[~custody, ["child", "police_day"]].copy()
    offers = offers[rng.random(len(offers)) < m.OFFERED]
    offers["day"] = offers["police_day"] + rng.integers(0, 15, len(offers))
    births = children["birth"].to_numpy()[offers["child"].to_numpy()]
    inside = offers["day"].between(calendar.first_day, calendar.last_day)
    offers = offers[inside & (ages(births, offers["day"].to_numpy()) < 18)].sort_values(["day", "child"], kind="stable")
    offers["year"] = np.searchsorted(calendar.starts, offers["day"].to_numpy(), side="right")
    offers = offers.drop_duplicates(["child", "year"]).reset_index(drop=True)
    heading = m.heading_of_group()[children["group"].to_numpy()[offers["child"].to_numpy()]]
    n = len(offers)
    accepted = rng.random(n) < m.by_heading(m.ACCEPTED)[heading]
    started = accepted & (rng.random(n) < m.by_heading(m.STARTED)[heading])
    completed = started & (rng.random(n) < m.by_heading(m.COMPLETED)[heading])
    accepted_day = offers["day"] + rng.integers(0, 22, n)
    started_day = accepted_day + rng.integers(1, 29, n)
    completed_day = started_day + rng.integers(28, 121, n)
    return offers[["child", "day"]].assign(
        programme=rng.integers(0, len(PROGRAMMES), n),
        accepted_day=accepted_day.where(accepted, NEVER),
        started_day=started_day.where(started, NEVER),
        completed_day=completed_day.where(completed, NEVER),
    )


def _searches(rng: np.random.Generator, model: Model) -> pd.DataFrame:
    calendar = model.calendar
    years = np.arange(m.HISTORY_YEARS, len(calendar.years))
    expected = (model.search_rate * model.residents)[..., None] * calendar.levels[years]
    counts = rng.poisson(expected)
    places = np.nonzero(counts)
    area, group, sex, band, year = (np.repeat(axis, counts[places]) for axis in places)
    length = calendar.lengths[years[year]]
    day = calendar.starts[years[year]] + (rng.random(len(year)) * length).astype(np.int64)
    frame = pd.DataFrame({
        "area": area, "group": group, "sex": sex, "band": band, "day": day, "minute": rng.integers(0, 1440,
        len(day)),
        "outcome": rng.choice(len(SEARCH_OUTCOMES), len(day), p=SEARCH_OUTCOME_SHARE),
        "object": rng.choice(len(SEARCH_OBJECTS), len(day), p=SEARCH_OBJECT_SHARE),
    })  # fmt: skip
    return frame.sort_values(["day", "minute"], kind="stable", ignore_index=True)
