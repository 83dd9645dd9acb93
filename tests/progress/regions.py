"""Made-up regions at the level of counts: many at once, each a register of its own, with a known change.

A region is an area of one counts frame, so that the metrics run once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from yjd.metrics import change, rate, relative_rate

GROUPS = ("Asian", "Black", "Mixed", "Other", "White")
CHILDREN = np.array([91_397, 33_877, 24_882, 14_360, 149_563.0])
THEN, NOW = "2020-21", "2024-25"
BETWEEN = ("2021-22", "2022-23", "2023-24")
KNOWN = 0.95  # of children have a group
# yearly first-time entrants for every 100,000, and pre-court outcomes of every 100, at the baseline
RATES = {"entrants": np.array([110, 380, 330, 120, 190.0]) / 1e5, "precourt": np.array([0.52, 0.42, 0.45, 0.5, 0.6])}
ADVERSE = {"entrants": -1.0, "precourt": 1.0}  # which direction is better
KINDS = {"entrants": "rate", "precourt": "proportion"}


@dataclass(frozen=True)
class Change:
    """What is different now, as factors: of each group's rate, of its chance of being recorded."""

    rates: Mapping[str, np.ndarray] = field(default_factory=dict)  # measure: factor of each of GROUPS
    known_then: np.ndarray = field(default_factory=lambda: np.full(5, KNOWN))
    known_now: np.ndarray = field(default_factory=lambda: np.full(5, KNOWN))
    every_year: bool = False  # count the years between too, in which rates and recording move evenly
    dispersion: float = 1.0  # of years: how much more than chance a year varies
    together: float = 0.0  # by how much a year moves the first-time entrants of all groups alike (of a log, normal)


def of(**factors: float) -> np.ndarray:
    """A factor for each of GROUPS, 1 where none is given."""
    return np.array([factors.get(group, 1.0) for group in GROUPS])


def periods(what: Change) -> tuple[str, ...]:
    """The years that are counted."""
    return (THEN, *BETWEEN, NOW) if what.every_year else (THEN, NOW)


def calendar(what: Change) -> list[dict[str, str]]:
    """The same as release.json lists them."""
    return [
        {"period": name, "kind": "financial_year", "start": f"{name[:4]}-04-01", "end": f"{int(name[:4]) + 1}-03-31"}
        for name in periods(what)
    ]


def counts(what: Change, *, regions: int, volume: float, seed: int) -> dict[str, pd.DataFrame]:
    """Counts of both measures in so many regions, with Unknown, Known and All."""
    chance = np.random.default_rng(seed)
    frames = {}
    for measure, kind in KINDS.items():
        parts = []
        years = periods(what)
        for number, period in enumerate(years):
            way = number / (len(years) - 1)
            known = (1 - way) * what.known_then + way * what.known_now
            true = RATES[measure] * what.rates.get(measure, np.ones(5)) ** way
            if kind == "rate":
                base = np.broadcast_to(CHILDREN * volume, (regions, 5))
                alike = np.exp(chance.normal(0, what.together, (regions, 1))) if what.together else 1.0
                events = _events(chance, base * true * alike, what.dispersion)
                seen = chance.binomial(events, known)
                unknown, base_unknown = events.sum(1) - seen.sum(1), np.zeros(regions)
            else:
                outcomes = chance.poisson(CHILDREN * RATES["entrants"] * 2.5 * volume, (regions, 5))
                own = np.clip(true * (1 + _noise(chance, outcomes * true, what.dispersion)), 0.001, 0.999)
                events = chance.binomial(outcomes, own)
                seen = chance.binomial(events, known)
                rest = chance.binomial(outcomes - events, known)
                base = seen + rest
                unknown = events.sum(1) - seen.sum(1)
                base_unknown = outcomes.sum(1) - base.sum(1)
            parts.append(_frame(measure, period, seen, base, unknown, base_unknown))
        frames[measure] = pd.concat(parts, ignore_index=True)
    return frames


def expected(*, volume: float) -> dict[str, pd.DataFrame]:
    """The counts to be expected of one region in which nothing changes: no chance in them."""
    frames = {}
    for measure, kind in KINDS.items():
        if kind == "rate":
            base, events = CHILDREN * volume, CHILDREN * volume * RATES[measure]
            seen, unknown, base_unknown = events * KNOWN, (events * (1 - KNOWN)).sum(), 0.0
        else:
            base = CHILDREN * RATES["entrants"] * 2.5 * volume
            events = base * RATES[measure]
            seen, unknown, base_unknown = events * KNOWN, (events * (1 - KNOWN)).sum(), (base * (1 - KNOWN)).sum()
            base = base * KNOWN
        one = [np.atleast_2d(seen), np.atleast_2d(base), np.array([unknown]), np.array([base_unknown])]
        frames[measure] = pd.concat([_frame(measure, period, *one) for period in (THEN, NOW)], ignore_index=True)
    return frames


def _noise(chance: np.random.Generator, expected: np.ndarray, dispersion: float) -> np.ndarray:
    return chance.normal(size=expected.shape) * np.sqrt((dispersion - 1) / expected)


def _events(chance: np.random.Generator, expected: np.ndarray, dispersion: float) -> np.ndarray:
    if dispersion == 1:
        return chance.poisson(expected)
    shape = expected / (dispersion - 1)
    return chance.poisson(chance.gamma(shape, expected / shape))


def _frame(
    measure: str, period: str, seen: np.ndarray, base: np.ndarray, unknown: np.ndarray, base_unknown: np.ndarray
) -> pd.DataFrame:
    regions = len(seen)
    columns = [*GROUPS, "Unknown", "Known", "All"]
    known, base_known = seen.sum(1), base.sum(1)
    events = np.column_stack([seen, unknown, known, known + unknown])
    bases = np.column_stack([base, base_unknown, base_known, base_known + base_unknown])
    return pd.DataFrame(
        {
            "measure": measure, "period": period, "area": np.repeat([f"r{i:05d}" for i in range(regions)], 8),
            "level": "broad", "group": np.tile(columns, regions), "numerator": events.ravel().astype(float),
            "denominator": bases.ravel().astype(float), "status": "ok", "disclosure": "shown",
        }
    )  # fmt: skip


def results(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The released rows that verdicts read."""
    tables = []
    for measure, frame in frames.items():
        kind = KINDS[measure]
        tables += [rate(frame, kind=kind), relative_rate(frame, kind=kind, reference="White")]
        for reference in (None, "White"):
            tables.append(change(frame, kind=kind, pairs=[(THEN, NOW)], reference=reference))
    return pd.concat(tables, ignore_index=True)


def wanted(regions: int, *, targets: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The comparisons of every region: four groups against White, two measures."""
    rows = [
        {
            "measure": measure, "area": f"r{region:05d}", "level": "broad", "group": group, "reference": "White",
            "baseline": THEN, "period": NOW, "base_rate": np.nan, "base_ratio": np.nan, "kind": KINDS[measure],
            "better": ADVERSE[measure], "target_rate": np.nan, "target_ratio": (targets or {}).get(measure, np.nan),
        }
        for region in range(regions) for measure in KINDS for group in GROUPS[:4]
    ]  # fmt: skip
    return pd.DataFrame(rows)
