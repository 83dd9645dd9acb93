"""Small projects with everything linked: two dimensions and levels of ethnicity, nested stages, rolling periods."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.disclosure.attacker import recovered
from tests.disclosure.tables import RULES, links, only_threshold
from yjd import schema
from yjd.disclosure import audit, protect
from yjd.schema import CELL_KEYS

YEARS = ("2022-23", "2023-24")
VALUES = {"area": ("Dudley", "Walsall"), "sex": ("Female", "Male"), "deprivation": ("1", "5")}
HEADINGS = {"Caribbean": "Black", "African": "Black", "British": "White", "Irish": "White"}
ROLLING = "2022-24"
LEAVES = ("precourt", "court")
LINKS = links(
    subsets={"precourt": "outcomes", "court": "outcomes"},
    parts=[("outcomes", LEAVES)],
    related_periods={ROLLING: YEARS},
    headings=HEADINGS,
    denominators=[("precourt", "outcomes")],
)


def atoms_of(row, dimensions=("area", "sex")):
    """The atoms of a cell: stage, year, what it can be split by, detailed group."""
    groups = {"All": [*HEADINGS, "Unknown"], "Known": list(HEADINGS)}.get(row.group)
    if groups is None:
        inside = [name for name, heading in HEADINGS.items() if row.level == "broad" and heading == row.group]
        groups = inside or [row.group]
    return set(
        product(
            LEAVES if row.stage == "outcomes" else [row.stage],
            YEARS if row.period == ROLLING else [row.period],
            *(VALUES[name] if getattr(row, name) == "All" else [getattr(row, name)] for name in dimensions),
            groups,
        )
    )


def project(seed, mean, splits, dimensions=("area", "sex")):
    """Every published cell of a small project with random counts."""
    random = np.random.default_rng(seed)
    every = list(product(LEAVES, YEARS, *(VALUES[name] for name in dimensions), [*HEADINGS, "Unknown"]))
    count = dict(zip(every, random.poisson(random.gamma(1.0, mean, len(every))).tolist(), strict=True))
    rows = []
    levels = [("broad", group) for group in ("Black", "White", "Unknown", "Known", "All")]
    levels += [("detailed", group) for group in (*HEADINGS, "Unknown", "Known", "All")]
    for stage, period, split, (level, group) in product(("outcomes", *LEAVES), (*YEARS, ROLLING), splits, levels):
        values = (VALUES[name] if name in split else ["All"] for name in schema.SPLITS)
        rows += [(stage, period, *place, level, group) for place in product(*values)]
    frame = pd.DataFrame(rows, columns=list(CELL_KEYS))
    n = [float(sum(count[atom] for atom in atoms_of(row, dimensions))) for row in frame.itertuples(index=False)]
    return frame.assign(n=n, status="ok", disclosure="shown")


SPLITS = {
    "areas": [(), ("area",)],
    "areas and sexes": [(), ("area",), ("sex",)],
    "crossed": [(), ("area",), ("sex",), ("area", "sex")],
    "crossed, margins left out": [(), ("area", "sex")],
}


@pytest.mark.parametrize(("seed", "splits"), list(enumerate(SPLITS)), ids=SPLITS)
def test_nothing_hidden_comes_back(seed, splits):
    rules = replace(RULES, minimum_denominator=8)
    table = project(seed, 25, SPLITS[splits])
    released = protect(table, rules, LINKS)
    assert audit(released, rules, LINKS).empty
    found = table.iloc[recovered(released, atoms_of)]
    assert found.empty
    assert released["n"].notna().sum() > 0


BY_DEPRIVATION = {
    "fifths": [(), ("deprivation",)],
    "areas and fifths": [(), ("area",), ("deprivation",)],
    "crossed": [(), ("area",), ("deprivation",), ("area", "deprivation")],
    "crossed, margins left out": [(), ("area", "deprivation")],
    "sexes of fifths": [(), ("sex", "deprivation")],
}


@pytest.mark.parametrize(("seed", "splits"), list(enumerate(BY_DEPRIVATION)), ids=BY_DEPRIVATION)
def test_nothing_hidden_comes_back_by_deprivation(seed, splits):
    rules = replace(RULES, minimum_denominator=8)
    dimensions = ("sex", "deprivation") if "sex" in splits else ("area", "deprivation")
    table = project(seed, 25, BY_DEPRIVATION[splits], dimensions)
    members = partial(atoms_of, dimensions=dimensions)
    if seed < 2:
        assert recovered(only_threshold(table, rules), members)
        assert not audit(only_threshold(table, rules), rules, LINKS).empty
    released = protect(table, rules, LINKS)
    assert audit(released, rules, LINKS).empty
    assert table.iloc[recovered(released, members)].empty
    assert released.loc[released["deprivation"] != "All", "n"].notna().any()


@pytest.mark.parametrize("seed", range(2))
def test_a_threshold_alone_fails_both_attacks(seed):
    rules = replace(RULES, minimum_denominator=0)
    table = only_threshold(project(seed, 25, SPLITS["areas"]), rules)
    solver = set(recovered(table, atoms_of))
    keys = [tuple(row) for row in table[list(CELL_KEYS)].itertuples(index=False)]
    found = audit(table, rules, LINKS)
    ours = {
        keys.index(tuple(row)[: len(CELL_KEYS)])
        for row in found[found["attack"].isin(["sums", "bounds"])].itertuples(index=False)
    }
    assert solver
    assert ours <= solver
    assert len(ours) > len(solver) / 2
