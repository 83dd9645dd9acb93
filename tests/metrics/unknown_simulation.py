"""Made-up children with a known truth, some of whose ethnicity is then unknown: for tests and for a study.

One period is one repetition, so that a thousand repetitions are one call of a metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from yjd.metrics.imputation import allocated_ratio, imputed_ratio
from yjd.metrics.relative import relative_rate

GROUPS = ("Asian", "Black", "White")
AREAS = ("East", "North", "West")
OFFICER = ("Asian", "Black", "White", "none")
Missing = Literal["at_random", "completely", "by_group"]

# P(area | group); P(officer-observed | group); P(event | group, area) up to `events`
_AREA = np.array([[0.5, 0.3, 0.2], [0.6, 0.2, 0.2], [0.2, 0.3, 0.5]])
_SEEN = np.array([[0.75, 0.05, 0.05, 0.15], [0.05, 0.75, 0.05, 0.15], [0.05, 0.05, 0.75, 0.15]])
_EVENT = np.array([[0.10, 0.15, 0.20], [0.20, 0.25, 0.30], [0.10, 0.12, 0.15]])
_SIZE = np.array([0.2, 0.2, 0.6])


@dataclass(frozen=True)
class Simulated:
    """Strata with Unknown, their counts over all areas, and the true ratio of Black to White."""

    strata: pd.DataFrame
    counts: pd.DataFrame
    ratio: float


def simulate(
    repetitions: int,
    *,
    children: int = 3000,
    events: float = 1.0,
    missing: Missing = "at_random",
    kind: str = "proportion",
    seed: int = 1,
) -> Simulated:
    """Draw children by group, area, officer-observed ethnicity and event, and lose the ethnicity of some.

    at_random: by area, officer-observed ethnicity and event, all of them known of every child. completely: one in
    four of all. by_group: by the group itself, which nothing in the strata tells. For a rate the base is public:
    nobody in it is unknown and it is ten times the children.
    """
    rng = np.random.default_rng(seed)
    share = _SIZE[:, None, None] * _AREA[:, :, None] * _SEEN[:, None, :]  # group, area, officer
    risk = np.minimum(_EVENT * events, 1.0)[:, :, None]
    joint = np.stack([share * (1 - risk), share * risk])  # event, group, area, officer
    cells = rng.multinomial(children, joint.ravel(), size=repetitions).reshape(repetitions, *joint.shape)
    lost = rng.binomial(cells, _lost(missing)[None])
    known, unknown = cells - lost, lost.sum(axis=2)
    frames = []
    for (e, event), (a, area), (o, officer) in product(enumerate((0, 1)), enumerate(AREAS), enumerate(OFFICER)):
        for g, group in enumerate((*GROUPS, "Unknown")):
            n = unknown[:, e, a, o] if group == "Unknown" else known[:, e, g, a, o]
            frames.append(pd.DataFrame(
                {"period": [f"{r:05}" for r in range(repetitions)], "area": area, "officer": officer,
                 "group": group, "event": event, "n": n.astype(float)}
            ))  # fmt: skip
    strata = pd.concat(frames, ignore_index=True)
    wide = strata.pivot_table(index=["period", "group"], columns="event", values="n", aggfunc="sum")
    counts = wide.reset_index().rename(columns={1: "numerator"})
    if kind == "proportion":
        counts["denominator"] = counts["numerator"] + counts[0]
    else:
        strata = strata[strata["event"] == 1]
        base = dict(zip((*GROUPS, "Unknown"), (*(10 * children * _SIZE), np.nan), strict=True))
        counts["denominator"] = counts["group"].map(base)
    rates = (_AREA * risk[:, :, 0]).sum(axis=1)
    return Simulated(strata, counts.drop(columns=[0]), float(rates[1] / rates[2]))


def _lost(missing: Missing) -> np.ndarray:
    """P(unknown) by event, group, area and officer-observed ethnicity."""
    shape = (2, len(GROUPS), len(AREAS), len(OFFICER))
    if missing == "completely":
        return np.full(shape, 0.25)
    if missing == "by_group":
        by_event = np.array([[0.1, 0.1, 0.1], [0.1, 0.5, 0.1]])
        return np.broadcast_to(by_event[:, :, None, None], shape)
    area, officer = np.array([0.3, 0.1, 0.0]), np.array([0.1, 0.4, 0.0, 0.2])
    event = np.array([0.0, 0.15])
    by_known = event[:, None, None] + area[None, :, None] + officer[None, None, :]
    return np.broadcast_to(by_known[:, None], shape)


def compare(simulated: Simulated, *, kind: str = "proportion", imputations: int = 20) -> pd.DataFrame:
    """Coverage, and the median of each estimate over the truth, of Black against White."""
    given = {"kind": kind, "reference": "White"}
    results = pd.concat([
        relative_rate(simulated.counts, **given),
        allocated_ratio(simulated.strata, simulated.counts, **given),
        imputed_ratio(simulated.strata, simulated.counts, imputations=imputations, **given),
    ])  # fmt: skip
    black = results[(results["group"] == "Black") & (results["quantity"] != "missing_information")]
    truth = simulated.ratio
    covered = (black["lower"] <= truth) & (truth <= black["upper"])
    table = black.assign(covered=covered, off=black["estimate"] / truth, used=black["status"] == "ok")
    return table.groupby("quantity").agg(covered=("covered", "mean"), off=("off", "median"), used=("used", "mean"))


def study(repetitions: int = 1000) -> pd.DataFrame:
    """Every kind and way of missing, over small and large numbers: minutes; for a written study, not for tests."""
    grid = product(
        ("proportion", "rate"), ("at_random", "completely", "by_group"), (300, 1000, 3000, 10000), (0.2, 1.0)
    )
    rows = []
    for kind, missing, children, events in grid:
        simulated = simulate(repetitions, children=children, events=events, missing=missing, kind=kind)  # type: ignore[arg-type]
        found = compare(simulated, kind=kind).reset_index()
        rows.append(found.assign(kind=kind, missing=missing, children=children, events=events))
    return pd.concat(rows, ignore_index=True)
