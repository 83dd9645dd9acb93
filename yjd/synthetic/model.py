"""The data-generating model: who lives where, who is arrested how often, and what the chances are after that.

Residents are those of Census 2021 and stay the same over the years: each cohort of births fills the ages 10
to 17 one after another, and where a wider age band has more children, the further ones move in with it.
Arrests of a child are a Poisson process whose rate is a product over area, ethnic heading, sex, age band
and year, times a gamma frailty of the child's own with mean 1. Everything about ethnicity, apart from the
Census counts and the published arrests of the last year, is made up. Detailed groups under one heading
behave alike.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AREAS: Final = ("Birmingham", "Coventry", "Dudley", "Sandwell", "Solihull", "Walsall", "Wolverhampton")
HEADINGS: Final = ("Asian", "Black", "Mixed", "White", "Other")
SEXES: Final = ("Female", "Male")
BANDS: Final = ("10-11", "12-14", "15-17")
BAND_OF_AGE: Final = np.array([0, 0, 1, 1, 1, 2, 2, 2])
BAND_WIDTH: Final = np.array([2.0, 3.0, 3.0])
HISTORY_YEARS: Final = 7  # a child of 17 in the first year turned 10 in the first of these

# Home Office, arrests of children by West Midlands Police in the year ending March 2025 (OGL v3); not stated:
# 187 more.
PUBLISHED_ARRESTS: Final = {"Asian": 629, "Black": 731, "Mixed": 619, "Other": 77, "White": 1707}
PUBLISHED_UNKNOWN: Final = 187
PUBLISHED_KNOWN: Final = sum(PUBLISHED_ARRESTS.values())
UNKNOWN_SHARE: Final = PUBLISHED_UNKNOWN / (PUBLISHED_KNOWN + PUBLISHED_UNKNOWN)

FRAILTY_SHAPE: Final = 0.08
# The last five years; all earlier ones are at the first level.
YEAR_LEVEL: Final = (0.80, 0.92, 0.98, 1.04, 1.0)
AREA_LEVEL: Final = np.array([1.10, 1.00, 0.85, 1.05, 0.70, 1.00, 1.15])
SEX_LEVEL: Final = np.array([0.22, 1.00])
BAND_LEVEL: Final = np.array([0.10, 0.75, 1.90])

SEARCHES_PER_YEAR: Final = 3000.0
SEARCH_RATIO: Final = {"Asian": 1.10, "Black": 2.20, "Mixed": 1.80, "Other": 0.90, "White": 1.0}

# Of arrests of children without an earlier caution or sentence; the others end without action.
RESOLVED: Final = 0.40
FORMAL: Final = 0.30  # of pre-court disposals: youth caution or youth conditional caution
PRECOURT_BY_GRAVITY: Final = np.array([0.88, 0.72, 0.50, 0.22, 0.22])
PRECOURT_RATIO: Final = {"Asian": 0.90, "Black": 0.75, "Mixed": 0.85, "Other": 0.95, "White": 1.0}
GRAVITY_SHARE: Final = {
    "Asian": (0.24, 0.30, 0.30, 0.12, 0.04),
    "Black": (0.20, 0.28, 0.32, 0.15, 0.05),
    "Mixed": (0.22, 0.30, 0.31, 0.13, 0.04),
    "Other": (0.26, 0.31, 0.29, 0.11, 0.03),
    "White": (0.26, 0.32, 0.28, 0.11, 0.03),
}
REOFFENDING: Final = {"Asian": 0.270, "Black": 0.345, "Mixed": 0.360, "Other": 0.255, "White": 0.300}
OFFERED: Final = 0.60
ACCEPTED: Final = {"Asian": 0.68, "Black": 0.60, "Mixed": 0.64, "Other": 0.72, "White": 0.80}
STARTED: Final = {"Asian": 0.855, "Black": 0.81, "Mixed": 0.855, "Other": 0.90, "White": 0.90}
COMPLETED: Final = {"Asian": 0.75, "Black": 0.6375, "Mixed": 0.675, "Other": 0.75, "White": 0.75}


@dataclass(frozen=True)
class Group:
    """One of the 19 groups of Census 2021."""

    heading: str
    label: str


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("yjd.synthetic").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def groups() -> tuple[Group, ...]:
    """Return the 19 groups, in the order of the Census table."""
    found = [Group(row["heading"], row["label"]) for row in _rows("census_2021_groups.csv")]
    return tuple(dict.fromkeys(found))


def largest_remainder(total: int, shares: Sequence[float] | Floats) -> Ints:
    """Split a whole `total` by `shares` into whole numbers that add up to it.

    Each part is rounded down, and what is left goes one by one to the largest remainders (ties to the
    earlier part).
    """
    exact = np.asarray(shares, dtype=float) * (total / np.sum(shares))
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    return parts


@cache
def _census() -> Ints:
    every = groups()
    all_ages = {(row["area"], row["label"]): int(row["n"]) for row in _rows("census_2021_groups.csv")}
    out = np.zeros((len(AREAS), len(every), len(SEXES), len(BANDS)), dtype=np.int64)
    for row in _rows("census_2021_children.csv"):
        members = [place for place, group in enumerate(every) if group.heading == row["heading"]]
        shares = [float(all_ages[row["area"], every[place].label]) for place in members]
        cell = AREAS.index(row["area"]), members, SEXES.index(row["sex"]), BANDS.index(row["age_band"])
        out[cell] = largest_remainder(int(row["n"]), shares)
    return out


def population(scale: float = 1.0) -> Ints:
    """Return resident children by area, group (19), sex and age band, times `scale` and rounded.

    The counts by heading are those of Census 2021 (RM032). Their split into detailed groups is made up: it
    applies each district's shares of all ages (TS021) inside the heading, because no table of both was at
    hand.
    """
    out: Ints = np.rint(_census() * scale).astype(np.int64)
    return out


def heading_of_group() -> Ints:
    """Return the position in `HEADINGS` of each of the 19 groups."""
    return np.array([HEADINGS.index(group.heading) for group in groups()])


def by_heading(values: dict[str, float]) -> Floats:
    """Return `values` in the order of `HEADINGS`."""
    return np.array([values[heading] for heading in HEADINGS])


def precourt_chance() -> Floats:
    """Return the chance that a case ends pre-court rather than in court, by heading and gravity."""
    out: Floats = by_heading(PRECOURT_RATIO)[:, None] * PRECOURT_BY_GRAVITY[None, :]
    return out


@dataclass(frozen=True)
class Calendar:
    """Financial years as day numbers since 1970-01-01, with the history before them."""

    first: int
    last: int
    starts: Ints = field(init=False)
    lengths: Ints = field(init=False)
    levels: Floats = field(init=False)

    def __post_init__(self) -> None:
        years = range(self.first - HISTORY_YEARS, self.last + 2)
        starts = np.array([f"{year}-04-01" for year in years], dtype="datetime64[D]").astype(np.int64)
        wanted = self.last - self.first + 1
        known = YEAR_LEVEL[-wanted:]
        levels = (YEAR_LEVEL[0],) * (HISTORY_YEARS + wanted - len(known)) + known
        object.__setattr__(self, "starts", starts[:-1])
        object.__setattr__(self, "lengths", np.diff(starts))
        object.__setattr__(self, "levels", np.array(levels))

    @property
    def years(self) -> Ints:
        """The calendar years in which the financial years begin, history included."""
        return np.arange(self.first - HISTORY_YEARS, self.last + 1)

    @property
    def first_day(self) -> int:
        """First day that the extracts cover."""
        return int(self.starts[HISTORY_YEARS])

    @property
    def last_day(self) -> int:
        """Last day that the extracts cover."""
        return int(self.starts[-1] + self.lengths[-1] - 1)

    @property
    def cohorts(self) -> Ints:
        """Financial years of birth of all children who are 10 to 17 at some time."""
        return np.arange(self.first - HISTORY_YEARS - 18, self.last - 9)

    @property
    def labels(self) -> tuple[str, ...]:
        """The years that the extracts cover, such as 2024/25."""
        return tuple(f"{year}/{(year + 1) % 100:02d}" for year in range(self.first, self.last + 1))


def birthday_offset(birthdays: Ints, length: int | Ints) -> Ints:
    """Return days from 1 April to the birthday in a year of `length` days (never on 29 February)."""
    out: Ints = birthdays + ((length == 366) & (birthdays >= 334))
    return out


def exposure(length: int) -> Floats:
    """Return years at risk times age level.

    By presence pattern (8), age turned in the year (10 to 18), birthday (365), and before or after it (2).
    A child who turns A on the birthday is A - 1 before it and A from then on. Bit b of the pattern says
    whether the child lives here while in age band b. Outside 10 to 17 nobody is at risk.
    """
    here = (np.arange(8)[:, None] >> BAND_OF_AGE[None, :]) & 1
    level = np.zeros((8, 10))  # ages 9 to 18
    level[:, 1:9] = here * BAND_LEVEL[BAND_OF_AGE]
    before = birthday_offset(np.arange(365), length) / length
    return np.stack(
        [level[:, :-1, None] * before, level[:, 1:, None] * (1 - before)],
        axis=-1,
    )


def pattern_sizes(residents: Floats) -> Floats:
    """Return how many children of one birth cohort have each presence pattern, from residents by age band.

    A cohort's children are numbered, and the first n live here at an age with n residents of that age.
    """
    a_year = residents / BAND_WIDTH
    sizes = np.zeros((*residents.shape[:-1], 8))
    for pattern in range(1, 8):
        inside = [band for band in range(3) if pattern >> band & 1]
        outside = [band for band in range(3) if not pattern >> band & 1]
        most = a_year[..., outside].max(axis=-1) if outside else 0.0
        sizes[..., pattern] = np.maximum(a_year[..., inside].min(axis=-1) - most, 0.0)
    return sizes


@dataclass(frozen=True)
class Model:
    """The calibrated model for one scale and span of years."""

    scale: float
    calendar: Calendar
    residents: Ints  # area, group, sex, age band
    arrest_level: Floats  # by heading: arrests a year at level 1 of everything else
    search_rate: Floats  # searches a year of each resident, by area, group, sex, age band, at level 1

    @property
    def cell_rate(self) -> Floats:
        """The arrest level by area, group and sex."""
        return product(self.arrest_level)

    @property
    def sizes(self) -> Floats:
        """Children of one birth cohort by area, group, sex and presence pattern."""
        return pattern_sizes(self.residents.astype(float))


def product(level: Floats) -> Floats:
    """Return area level times `level` (by heading) times sex level, by area, group and sex."""
    out: Floats = AREA_LEVEL[:, None, None] * level[heading_of_group()][None, :, None] * SEX_LEVEL[None, None, :]
    return out


def sum_by_heading(values: Floats) -> Floats:
    """Sum over all axes but the second, and groups into headings."""
    by_group = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1).sum(axis=1)
    return np.array([by_group[heading_of_group() == place].sum() for place in range(len(HEADINGS))])


def build(first: int, last: int, scale: float) -> Model:
    """Calibrate the model: the last year's expected arrests by heading are the published ones, times `scale`.

    The 187 arrests without a stated ethnicity are taken to be missing at random, so each heading's
    expectation is the published count times 3,950 / 3,763; the injected missing values bring the known ones
    back to the published count.
    """
    calendar = Calendar(first, last)
    residents = population(scale)
    sizes = pattern_sizes(residents.astype(float))
    unit = arrests_per_level(sizes, int(calendar.lengths[-1]))
    at_one = sum_by_heading(unit * product(np.ones(len(HEADINGS)))) * calendar.levels[-1]
    published = by_heading({name: float(count) for name, count in PUBLISHED_ARRESTS.items()})
    level = published * scale / (1 - UNKNOWN_SHARE) / at_one
    rate = product(by_heading(SEARCH_RATIO))[..., None] * BAND_LEVEL
    mean_level = float(np.mean(calendar.levels[HISTORY_YEARS:]))
    rate *= SEARCHES_PER_YEAR * scale / (float((rate * residents).sum()) * mean_level)
    return Model(scale, calendar, residents, level, rate)


def arrests_per_level(sizes: Floats, length: int) -> Floats:
    """Expected arrests of a year by area, group and sex, at level 1."""
    mean = exposure(length).sum(axis=-1).mean(axis=-1).sum(axis=-1)  # by pattern
    out: Floats = sizes @ mean
    return out
