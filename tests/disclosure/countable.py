"""Which counts nobody may be able to work out: all that follow from what was ever published, if they are small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from tests.disclosure.leaves import Family, Project, Release
from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS, UNKNOWN


def marks(size: int) -> np.ndarray:
    """Numbers whose sums tell sets of leaves apart."""
    return np.random.default_rng(11).random(size)


def sensitive(project: Project, unknowns: Sequence[np.ndarray]) -> pd.DataFrame:
    """Find every count that the present rules call small, once each.

    Parameters
    ----------
    project : Project
        All its releases; the rules and the true counts of the last are what matters.
    unknowns : sequence of array
        For each family the number of the unknown that stands for each of its leaves.

    Returns
    -------
    DataFrame
        `what` (published, or how it is derived), `key`, `n`, `least` and `most` (the values that the rule hides), and
        `row`: which unknowns it is the sum of.
    """
    size = 1 + max(int(numbers.max()) for numbers in unknowns)
    release = project.releases[-1]
    frames = []
    for family, counts, numbers in zip(project.families, release.counts, unknowns, strict=True):
        if family.public:
            continue
        found = _countable(family, project.releases)
        found = _judged(found, counts, release, project)
        wide = np.zeros((len(found), size), dtype=np.uint8)
        if len(found):
            wide[:, numbers.ravel()] = np.vstack(found["row"].tolist())
        frames.append(found.assign(row=list(wide)))
    every = pd.concat(frames, ignore_index=True)
    if every.empty:
        return every
    # One count under several names is kept once, under the plainest, with the rule that asks most.
    every["mark"] = np.round(np.vstack(every["row"].tolist()) @ marks(size), 9)
    every["order"] = every["what"].map(lambda what: 0 if what == "published" else 1 + what.count("+"))
    return every.sort_values(["order"], kind="stable").drop_duplicates("mark").drop(columns=["mark", "order"])


def _judged(found: pd.DataFrame, counts: np.ndarray, release: Release, project: Project) -> pd.DataFrame:
    """Keep the counts that the rules hide, with the least and most that a count so hidden can be."""
    rules = release.rules
    rows = np.vstack(found["row"].tolist())
    found = found.assign(n=(rows @ counts.ravel()).astype(float))
    small = found["n"].between(rules.smallest_hidden, rules.minimum_count - 1)
    asked = rules.minimum_denominator or release.children is not None
    other = _for_other_reasons(found, release) & ~small if asked else ~small & False
    kept = found[small | other].copy()
    kept["least"] = np.where(small[small | other], rules.smallest_hidden, 0)
    kept["most"] = np.where(small[small | other], rules.minimum_count - 1, np.inf)
    return kept


def _for_other_reasons(found: pd.DataFrame, release: Release) -> pd.Series:
    """Published counts that are hidden for their denominator, for how few children they are of, or for one of these."""
    rules, links, cells = release.rules, release.links, release.cells
    n = pd.Series(cells["n"].to_numpy(), index=pd.MultiIndex.from_frame(cells[list(CELL_KEYS)]))
    hidden = pd.Series(False, index=n.index)
    stage = n.index.get_level_values("stage")
    below = (n > 0) & (n < rules.minimum_denominator)
    denominators = {name for _, name in links.denominators}
    hidden |= below & stage.isin(sorted(denominators - links.public_stages))
    for numerator, denominator in links.denominators:
        if denominator in links.public_stages:
            small = {key[1:] for key in below.index[below & (stage == denominator)]}
            over = np.array([key[0] == numerator and key[1:] in small for key in n.index], dtype=bool)
            hidden |= over & ((n > 0) | (not rules.zero_safe))
    if release.children is not None:
        behind = release.children.set_index(list(CELL_KEYS)).reindex(n.index)
        few = (n > 0) & (behind["children"] < rules.minimum_children)
        hidden |= few | ((n > 0) & (behind["largest"] > n * rules.largest_share_percent / 100))
    names = pd.MultiIndex.from_tuples(found["key"].tolist(), names=list(CELL_KEYS))
    return pd.Series(hidden.reindex(names).fillna(value=False).to_numpy(dtype=bool), index=found.index)


def _countable(family: Family, releases: Sequence[Release]) -> pd.DataFrame:
    """Every count that follows from what any release publishes: `what`, `key`, `row` (its leaves)."""
    cells = pd.concat([release.cells for release in releases], ignore_index=True)
    cells = cells[cells["stage"].isin(list(family.axes["stage"]))]
    stages = list(_stages(family, set(cells["stage"])))
    periods = list(_periods(family, set(cells["period"])))
    groups = list(_groups(family, set(zip(cells["level"], cells["group"], strict=True))))
    shown = {
        tuple(column != ALL for column in row) for row in cells[list(SPLITS)].drop_duplicates().itertuples(index=False)
    }
    places = list(_places(family, shown))
    sides = (stages, periods, places, groups)
    numbers = np.array(list(product(*(range(len(side)) for side in sides))))
    parts = [np.array([one[2] for one in side], dtype=np.uint8) for side in sides]
    rows = family.products([part[numbers[:, at]] for at, part in enumerate(parts)])
    what, key = [], []
    for chosen in numbers.tolist():
        names = [side[at] for side, at in zip(sides, chosen, strict=True)]
        what.append("+".join(name[0] for name in names if name[0]) or "published")
        key.append((names[0][1], names[1][1], *names[2][1], *names[3][1]))
    return pd.DataFrame({"what": what, "key": key, "row": list(rows)})


def _stages(family: Family, published: set[str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Published stages, and what they leave of a stage that holds them."""
    axis = family.axes["stage"]
    own = sorted(published)
    for stage in own:
        yield "", stage, axis[stage]
    for part, whole in product(own, own):
        if part != whole and not (axis[part] & ~axis[whole]).any():
            yield "complement", f"{whole} less {part}", axis[whole] & ~axis[part]
    for whole in own:
        for several in _apart(whole, own, axis):
            left = axis[whole] & ~np.any([axis[part] for part in several], axis=0)
            if left.any():
                yield "residual", f"{whole} less {', '.join(several)}", left


def _apart(whole: str, own: Sequence[str], axis) -> Iterator[tuple[str, ...]]:
    """Sets of two or more stages within one that do not overlap."""
    inside = [part for part in own if part != whole and not (axis[part] & ~axis[whole]).any()]
    for size in range(2, len(inside) + 1):
        for several in combinations(inside, size):
            if np.sum([axis[part] for part in several], axis=0).max() == 1:
                yield several


def _periods(family: Family, published: set[str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Published periods, and what those within a longer one leave of it."""
    axis = family.axes["period"]
    own = sorted(published)
    for period in own:
        yield "", period, axis[period]
    for whole in own if family.adds_up else ():
        inside = [part for part in own if part != whole and not (axis[part] & ~axis[whole]).any()]
        left = axis[whole] & ~np.any([axis[part] for part in inside], axis=0) if inside else np.zeros(1, dtype=bool)
        if left.any():
            yield "rest", f"rest of {whole}", left


def _places(family: Family, shown: set[tuple[bool, ...]]) -> Iterator[tuple[str, tuple[str, ...], np.ndarray]]:
    """Places of every published split, and of the margins of one that are left out."""
    wanted = {tuple(held and kept for held, kept in zip(split, keep, strict=True))
              for split in shown for keep in product((True, False), repeat=len(SPLITS))}  # fmt: skip
    for split in sorted(wanted):
        axes = [family.axes[name] for name in SPLITS]
        labels = [[one for one in axis if (one != ALL) == by] for axis, by in zip(axes, split, strict=True)]
        for place in product(*labels):
            row = family.products(
                [np.array([axis[one]], dtype=np.uint8) for axis, one in zip(axes, place, strict=True)]
            )
            yield ("" if split in shown else "margin"), tuple(map(str, place)), row[0]


def _groups(family: Family, published: set[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, str], np.ndarray]]:
    """Published groups, all known children but one group, broad ones that only their detailed ones show, and rests."""
    axis = family.axes["group"]
    own = sorted(published)
    for group in own:
        yield "", group, axis[group]
    for level, group in own:
        if (level, KNOWN) in published and group not in (ALL, KNOWN, UNKNOWN):
            yield "others", (level, f"{KNOWN} but {group}"), axis[level, KNOWN] & ~axis[level, group]
    fine = [axis[group] for group in own if group[0] == "detailed"]
    for group in axis if fine else ():
        if group[0] != "broad":
            continue
        inside = [one for one in fine if not (one & ~axis[group]).any()]
        if group not in published and inside:
            yield "broad", group, np.any(inside, axis=0)
        left = axis[group] & ~np.any(inside, axis=0) if inside else np.zeros(1, dtype=bool)
        if group in published and left.any():
            yield "broad rest", ("broad", f"rest of {group[1]}"), left
