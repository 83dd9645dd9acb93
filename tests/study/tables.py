"""The tables on which ways of protecting are compared, and how they are handed to tools that know no projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tests.disclosure.leaves import Family, Project
from tests.disclosure.made import family, made
from tests.disclosure.random_projects import DETAILED
from yjd.schema import CELL_KEYS

AREAS = ("Dudley", "Sandwell", "Solihull", "Walsall", "Wolverhampton")
GROUPS = ("Asian", "Black", "Mixed", "White")
BROAD = ("Asian", "Black", "White")
STAGES = {"outcomes": [1, 1], "precourt": [1, 0], "court": [0, 1]}


@dataclass(frozen=True)
class Kind:
    """One kind of table: how one is drawn, its dimensions, and how far cells may move in the search for the fewest."""

    title: str
    draw: Callable[[int], Project]
    dimensions: tuple[tuple[str, ...], ...]
    hierarchy: bool = False
    farthest: int = 3


def _counts(seed: int, one: Family) -> np.ndarray:
    """Uneven counts with a mean of 20, of which about a quarter are 1 to 5."""
    random = np.random.default_rng([seed, 2])
    return random.poisson(random.gamma(1.0, 20.0, one.shape))


def _two_way(seed: int) -> Project:
    one = family(areas=AREAS, groups=GROUPS)
    return made(one, _counts(seed, one))


def _three_way(seed: int) -> Project:
    one = family(areas=AREAS[:3], sexes=("Female", "Male"), groups=GROUPS)
    return made(one, _counts(seed, one))


def _two_levels(seed: int) -> Project:
    detailed = [name for heading in BROAD for name in DETAILED[heading]]
    one = family(areas=AREAS[:4], groups=detailed)
    leaves = {name: one.axes["group"]["broad", name] for name in detailed}
    groups = {("broad", "All"): one.axes["group"]["broad", "All"]}
    groups |= {("broad", heading): np.any([leaves[name] for name in DETAILED[heading]], axis=0) for heading in BROAD}
    groups |= {("detailed", name): leaf for name, leaf in leaves.items()}
    headings = {name: heading for heading in BROAD for name in DETAILED[heading]}
    one = replace(one, axes={**one.axes, "group": groups})
    return made(one, _counts(seed, one), headings=headings)


def _stages(seed: int) -> Project:
    one = family(STAGES, areas=AREAS[:4], groups=GROUPS)
    subsets = {"precourt": "outcomes", "court": "outcomes"}
    return made(one, _counts(seed, one), subsets=subsets, parts=[("outcomes", ("precourt", "court"))])


def _two_releases(seed: int) -> Project:
    """Areas by groups; later the same children by sex as well."""
    one = family(areas=AREAS[:4], sexes=("Female", "Male"), groups=GROUPS)
    counts = _counts(seed, one)
    project = made(one, counts, counts)
    first, second = project.releases
    fewer = first.cells[first.cells["sex"] == "All"].reset_index(drop=True)
    return replace(project, releases=(replace(first, cells=fewer), second))


KINDS = {
    "two-way": Kind("5 areas by 4 groups, with totals", _two_way, (("area", "group"),), farthest=1),
    "three-way": Kind("3 areas by 2 sexes by 4 groups, with every total", _three_way, (("area", "sex", "group"),)),
    "two levels": Kind(
        "4 areas by 7 detailed and 3 broad groups, with totals", _two_levels, (("area", "group"),), hierarchy=True
    ),
    "stages": Kind(
        "outcomes = pre-court + court, by 4 areas and 4 groups, with totals", _stages, (("stage", "area", "group"),)
    ),
    "two releases": Kind(
        "4 areas by 4 groups; later the same children by sex as well",
        _two_releases,
        (("area", "group"), ("area", "sex", "group")),
    ),
}


def records_of(project: Project, number: int, kind: Kind) -> dict[str, list[str]]:
    """One record for each child of a release: the finest label of every dimension (and the broad group)."""
    one, counts = project.families[0], project.releases[number].counts[0]
    every = np.repeat(np.arange(counts.size), counts.ravel())
    places = dict(zip(one.axes, np.unravel_index(every, counts.shape), strict=True))
    found = {
        name: np.array(_finest(one.axes[name]), dtype=object)[places[name]].tolist() for name in kind.dimensions[number]
    }
    if kind.hierarchy:
        broad = {np.flatnonzero(leaves)[at]: label[1] for label, leaves in one.axes["group"].items()
                 if label[0] == "broad" and label[1] != "All" for at in range(leaves.sum())}  # fmt: skip
        found["heading"] = [broad[at] for at in places["group"].tolist()]
    return found


def _finest(axis: Mapping[object, np.ndarray]) -> list[str]:
    """The label of each leaf: of a group, its name without its level."""
    single = {int(np.flatnonzero(leaves)[0]): label for label, leaves in axis.items() if leaves.sum() == 1}
    return [label[1] if isinstance(label, tuple) else str(label) for _, label in sorted(single.items())]


def answered(project: Project, number: int, kind: Kind, answer: Mapping) -> tuple[pd.Series, pd.Series]:
    """Which cells of a release another tool hides, and the counts that it shows."""
    one, cells = project.families[0], project.releases[number].cells
    said = {}
    for labels, hidden, value in zip(answer["cells"], answer["hidden"], answer["values"], strict=True):
        key = dict(zip(kind.dimensions[number], labels, strict=True))
        group = key.pop("group")
        level = "detailed" if ("detailed", group) in one.axes["group"] else "broad"
        key["stage"] = "outcomes" if key.get("stage", "All") == "All" else key["stage"]
        full = {"period": "2023-24", **dict.fromkeys(("area", "sex", "age_band", "deprivation"), "All"), **key}
        said[tuple({**full, "level": level, "group": group}[name] for name in CELL_KEYS)] = (hidden, value)
    keys = cells[list(CELL_KEYS)].itertuples(index=False, name=None)
    # A cell of nobody may be missing from an answer: it is nought, and shown.
    found = [said.get(tuple(key), (False, 0.0)) for key in keys]
    hidden = pd.Series([bool(one) for one, _ in found], index=cells.index)
    return hidden, pd.Series([np.nan if value is None else value for _, value in found], index=cells.index).mask(hidden)
