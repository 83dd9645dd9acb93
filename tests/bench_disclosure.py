"""How long disclosure control takes on a regional project: ``python -m tests.bench_disclosure [periods]``.

19 detailed ethnic groups and 5 broad ones, 7 areas, 2 sexes, 3 age bands and 15 nested stages in 20 years, at the
margins all, area, sex, age band and area x sex x age band: about 495,000 cells. Counts are made up (Poisson, seeded).
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np
import pandas as pd

from yjd.schema import ALL, CELL_COLUMNS, KNOWN, UNKNOWN

AREAS = ("Birmingham", "Coventry", "Dudley", "Sandwell", "Solihull", "Walsall", "Wolverhampton")
AREA_SHARES = (0.45, 0.12, 0.09, 0.11, 0.05, 0.09, 0.09)
SEXES, SEX_SHARES = ("Female", "Male"), (0.18, 0.82)
AGES, AGE_SHARES = ("10-11", "12-14", "15-17"), (0.03, 0.3, 0.67)
GROUPS = {  # broad group: its detailed groups and their shares of all
    "Asian": {"Bangladeshi": 0.02, "Chinese": 0.002, "Indian": 0.03, "Pakistani": 0.1, "Other Asian": 0.03},
    "Black": {"African": 0.05, "Caribbean": 0.06, "Other Black": 0.03},
    "Mixed": {"White and Asian": 0.015, "White and African": 0.01, "White and Caribbean": 0.06, "Other Mixed": 0.02},
    "White": {"British": 0.4, "Irish": 0.006, "Gypsy or Traveller": 0.004, "Roma": 0.003, "Other White": 0.04},
    "Other": {"Arab": 0.01, "Any other": 0.02},
}
UNKNOWN_SHARE = 0.09
# Events a year that are in no smaller stage, and the stages that each one counts towards.
LEAVES = {
    ("searches",): 500, ("searches", "search_arrests"): 900, ("searches", "search_informal"): 600,
    ("searches", "search_no_further_action"): 5000, ("arrests",): 4000,
    ("outcomes", "court"): 1300, ("outcomes", "precourt"): 100,
    ("outcomes", "precourt", "community_resolutions"): 900, ("outcomes", "precourt", "outcome_22"): 400,
    ("outcomes", "precourt", "youth_cautions"): 200,
    ("interventions_offered",): 250, ("interventions_offered", "interventions_accepted"): 150,
    ("interventions_offered", "interventions_accepted", "interventions_started"): 300,
    ("interventions_offered", "interventions_accepted", "interventions_started", "interventions_completed"): 600,
}  # fmt: skip
SUBSETS = {inner: outer for leaf in LEAVES for outer, inner in pairwise(leaf)}
STAGES = tuple(dict.fromkeys(stage for leaf in LEAVES for stage in leaf))
BUDGET = 60
MARGINS = ((), (0,), (1,), (2,), (0, 1, 2))  # which of area, sex and age band are split


def project(periods: int, seed: int = 20) -> pd.DataFrame:
    """Every published cell of the regional project."""
    random = np.random.default_rng(seed)
    headings = [heading for heading, inside in GROUPS.items() for _ in inside]
    detailed = [group for inside in GROUPS.values() for group in inside]
    shares = np.array([share for inside in GROUPS.values() for share in inside.values()])
    shares = np.append(shares * (1 - UNKNOWN_SHARE) / shares.sum(), UNKNOWN_SHARE)
    mean = np.einsum("a,s,b,g->asbg", AREA_SHARES, SEX_SHARES, AGE_SHARES, shares)
    mean = mean * random.gamma(4.0, 0.25, mean.shape)
    frames = []
    for period in range(periods):
        leaves = {leaf: random.poisson(mean * size) for leaf, size in LEAVES.items()}
        for stage in STAGES:
            atoms = sum(counts for leaf, counts in leaves.items() if stage in leaf)
            frames += [_level(atoms, headings, detailed, level, margin).assign(
                stage=stage, period=f"{2004 + period}-{(5 + period) % 100:02d}"
            ) for level in ("broad", "detailed") for margin in MARGINS]  # fmt: skip
    cells = pd.concat(frames, ignore_index=True).assign(deprivation=ALL, status="ok", disclosure="shown")
    return cells[list(CELL_COLUMNS)]


def _level(atoms, headings, detailed, level, margin):
    """The cells of one stage and period at one level of ethnicity and one margin."""
    known, unknown = atoms[..., :-1], atoms[..., -1:]
    names = detailed
    groups = known
    if level == "broad":
        names = list(GROUPS)
        groups = np.stack([known[..., np.array(headings) == name].sum(-1) for name in names], axis=-1)
    whole = known.sum(-1, keepdims=True)
    table = np.concatenate([groups, unknown, whole, whole + unknown], axis=-1)
    values = [list(AREAS), list(SEXES), list(AGES)]
    for axis in range(3):
        if axis not in margin:
            table = table.sum(axis, keepdims=True)
            values[axis] = [ALL]
    names = [*names, UNKNOWN, KNOWN, ALL]
    keys = pd.MultiIndex.from_product([*values, names], names=["area", "sex", "age_band", "group"])
    return pd.DataFrame({"n": table.reshape(-1).astype(float)}, index=keys).reset_index().assign(level=level)


def links():
    """What an outsider knows of how the cells add up."""
    from yjd.disclosure import Links

    return Links(
        subsets=SUBSETS, parts=[("outcomes", ("precourt", "court"))], public_stages=frozenset(), related_periods={},
        periods_add_up=frozenset(STAGES), denominators=[],
        headings={group: heading for heading, inside in GROUPS.items() for group in inside},
    )  # fmt: skip


def main() -> None:
    """Print what protection and the audit cost, against hiding small counts alone."""
    from tests.disclosure.tables import RULES
    from yjd.disclosure import audit
    from yjd.disclosure.protect import protected

    periods = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    cells = project(periods)
    known = links()
    start = time.perf_counter()
    small = cells["n"].between(RULES.smallest_hidden, RULES.minimum_count - 1)
    cells.assign(n=cells["n"].mask(small), disclosure=np.where(small, "hidden", "shown"))
    alone = time.perf_counter() - start
    start = time.perf_counter()
    released, tables = protected(cells, RULES, known)
    protecting = time.perf_counter() - start
    start = time.perf_counter()
    found = audit(released, RULES, known, cells=cells, alternatives=tables)
    auditing = time.perf_counter() - start
    hidden = (released["disclosure"] == "hidden").sum()
    few, times = small.sum(), hidden / small.sum()
    said = "within" if protecting + auditing < BUDGET else "OVER"
    print(f"{len(cells):,} cells, {(cells['n'] > 0).sum():,} of them above 0, in {periods} periods")  # noqa: T201
    print(f"protect {protecting:.1f} s: {hidden:,} hidden, {few:,} of them small")  # noqa: T201
    print(f"audit {auditing:.1f} s: {len(found)} findings")  # noqa: T201
    print(f"both {protecting + auditing:.1f} s, {said} the budget of {BUDGET} s for 20 periods")  # noqa: T201
    print(f"threshold alone {alone:.2f} s: {few:,} hidden; protection hides {times:.2f} times as many")  # noqa: T201


if __name__ == "__main__":
    main()
