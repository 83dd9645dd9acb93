"""The ratios and expectations that follow from the model exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from yjd.synthetic import model as m
from yjd.synthetic.model import Floats, Model

Expected = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Ratio:
    """One true ratio of the model: `value` for the group over `reference_value` for the reference."""

    measure: str
    group: str
    rri: float
    value: float
    reference_value: float
    period: str
    adjusted_for: tuple[str, ...]
    how: str
    reference: str = "White"
    level: str = "broad"


def _children_arrested(sizes: Floats, level: Floats, length: int, year_level: float) -> Floats:
    """Return the expected children arrested at least once in a year, by heading.

    This is the exact sum over birthdays, ages and presence patterns.
    With a gamma frailty of mean 1 and shape k, a child with expected arrests L has none with chance (1 +
    L/k)^-k.
    """
    at_risk = m.exposure(length).sum(axis=-1).reshape(8, -1)
    cells = sizes.reshape(-1, 8)
    rates = np.broadcast_to(m.product(level), sizes.shape[:-1]).reshape(-1) * year_level
    out = np.zeros(len(cells))
    for pattern in range(1, 8):
        used = np.flatnonzero(cells[:, pattern] > 0)
        some = at_risk[pattern][at_risk[pattern] > 0]
        if len(used) and len(some):
            chance = 1 - (1 + rates[used, None] * some[None, :] / m.FRAILTY_SHAPE) ** -m.FRAILTY_SHAPE
            out[used] += cells[used, pattern] * chance.sum(axis=1) / 365
    return m.sum_by_heading(out.reshape(sizes.shape[:-1]))


def _ratios(measure: str, values: Floats, period: str, how: str, adjusted_for: tuple[str, ...] = ()) -> list[Ratio]:
    white = float(values[m.HEADINGS.index("White")])
    return [
        Ratio(measure, name, float(value) / white, float(value), white, period, adjusted_for, how)
        for name, value in zip(m.HEADINGS, values, strict=True) if name != "White"
    ]  # fmt: skip


def truth_of(model: Model) -> tuple[tuple[Ratio, ...], Expected]:
    """Return every ratio that the model fixes exactly, and the expected events by stage, year and heading."""
    calendar, sizes, level = model.calendar, model.sizes, model.arrest_level
    people = m.sum_by_heading(model.residents.astype(float))
    out: list[Ratio] = []
    expected: Expected = {"arrests": {}, "children_arrested": {}, "searches": {}}
    summed = "exact sum of the model's expectation over area, sex and age, divided by the residents"
    for label, length, year in zip(
        calendar.labels, calendar.lengths[m.HISTORY_YEARS :], calendar.levels[m.HISTORY_YEARS :], strict=True
    ):
        arrests = m.sum_by_heading(m.arrests_per_level(sizes, int(length)) * m.product(level)) * year
        children = _children_arrested(sizes, level, int(length), float(year))
        searches = m.sum_by_heading(model.search_rate * model.residents) * year
        for stage, events in (("arrests", arrests), ("children_arrested", children), ("searches", searches)):
            expected[stage][label] = dict(zip(m.HEADINGS, events.tolist(), strict=True))
        out += _ratios("arrest_rate", 1000 * arrests / people, label, summed)
        how = f"{summed}; a child has none with chance (1 + L/k)^-k, k = {m.FRAILTY_SHAPE}"
        out += _ratios("children_arrested_rate", 1000 * children / people, label, how)
        out += _ratios("search_rate", 1000 * searches / people, label, summed)
    strata = ("area", "sex", "age_band")
    same = "the same ratio in every stratum, by construction"
    out += _ratios("arrest_rate", level, "every", same, strata)
    out += _ratios("search_rate", m.by_heading(m.SEARCH_RATIO), "every", same, strata)
    gravity = np.array([m.GRAVITY_SHARE[heading] for heading in m.HEADINGS])
    marginal = 100 * (gravity * m.precourt_chance()).sum(axis=1)
    how = "chance at each gravity averaged over the heading's own gravity; police outcomes of children"
    out += _ratios("precourt_share", marginal, "every", how)
    out += _ratios("precourt_share", m.by_heading(m.PRECOURT_RATIO), "every", same, ("gravity",))
    own = "one chance for each heading, by construction"
    for measure, chances in (
        ("intervention_accepted", m.ACCEPTED), ("intervention_started", m.STARTED),
        ("intervention_completed", m.COMPLETED),
    ):  # fmt: skip
        out += _ratios(measure, 100 * m.by_heading(chances), "every", own)
    how = f"{own}; record system pnc, index days 18 months before the end, at release after custody"
    out += _ratios("reoffending_rate", 100 * m.by_heading(m.REOFFENDING), "every", how)
    return tuple(out), expected


def as_dict(ratio: Ratio) -> dict[str, Any]:
    """Return a ratio as plain values for truth.json."""
    return {
        "measure": ratio.measure, "level": ratio.level, "group": ratio.group, "reference": ratio.reference,
        "period": ratio.period, "adjusted_for": list(ratio.adjusted_for), "rri": ratio.rri,
        "value": ratio.value,
        "reference_value": ratio.reference_value, "how": ratio.how,
    }  # fmt: skip
