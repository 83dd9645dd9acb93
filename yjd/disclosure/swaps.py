"""Swaps: the smallest moves of children or events between the finest cells, found without any programme.

Where a project publishes its finest split of all, every count is a sum of **leaves**: the exclusive parts of stages, in
one period, for one value of everything. One more here, one less there, and the other way round with another group,
leaves most totals as they are. Such swaps can be listed, and what each takes along can be read off, all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.columns import NONE, Flags, Floats, Ints
from yjd.disclosure.rules import Links
from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS, UNKNOWN

#: What the axes of leaves are, in order.
AXES = ("stage", "period", *SPLITS, "group")
STAGE, GROUP = 0, len(AXES) - 1
#: A swap goes through so many leaves at each side at most.
SIDES = 4
#: What a sum of whole numbers may leave of nothing.
NEARLY = 1e-9
BOTH = ""  # the level of a count that stands at every level


@dataclass(frozen=True)
class Leaves:
    """The finest counts, and what they make up.

    Attributes
    ----------
    n : array (leaves,)
        Events or children of each: those of its stage that are in none of the stages within it.
    within : sparse array (columns, leaves)
        Which leaves each count is the sum of.
    place : array
        The number of the leaf for each combination of `AXES`; -1 where there is none.
    related : array (stages, stages)
        Whether two stages hold each other, or are held by one.
    """

    n: Floats
    within: sparse.csr_array
    place: Ints
    related: Flags


@dataclass(frozen=True)
class Swaps:
    """Swaps of leaves.

    Attributes
    ----------
    more, less : arrays (swaps, `SIDES`)
        Leaves of which there is one more, and one less; the number of leaves stands for none.
    forth, back : arrays (swaps,)
        How often each can be done, and undone.
    moves : sparse array (leaves, swaps)
    """

    more: Ints
    less: Ints
    forth: Floats
    back: Floats
    moves: sparse.csr_array

    def only(self, chosen: Ints) -> Swaps:
        """Choose some."""
        return Swaps(
            self.more[chosen],
            self.less[chosen],
            self.forth[chosen],
            self.back[chosen],
            sparse.csr_array(self.moves[:, chosen]),
        )


def leaves_of(names: pd.DataFrame, n: Floats, usable: Flags, links: Links) -> Leaves:
    """Find the leaves of some counts.

    Parameters
    ----------
    names : DataFrame
        Columns of `yjd.schema.CELL_KEYS`, one row for each count.
    n, usable : arrays (columns,)
    links : Links

    Returns
    -------
    Leaves
        Of the stages whose every count is a sum of leaves.
    """
    names = names.assign(level=names["level"].mask(names["group"].isin([ALL, KNOWN, UNKNOWN]), BOTH))
    words = {name: pd.Index(sorted({*names[name].unique(), *([ALL] if name in SPLITS else [])})) for name in CELL_KEYS}
    code = {name: words[name].get_indexer(pd.Index(names[name])).astype(np.int64) for name in CELL_KEYS}
    column = np.full([len(words[name]) for name in CELL_KEYS], -1, dtype=np.int64)
    column[tuple(code[name][usable] for name in CELL_KEYS)] = np.flatnonzero(usable)
    bits = np.zeros(len(names), dtype=np.int64)
    for number, name in enumerate(SPLITS):
        bits += (code[name] != words[name].get_loc(ALL)).astype(np.int64) << number
    own = usable & ~names["stage"].isin(links.public_stages).to_numpy()
    patterns = np.unique(bits[own])
    finest = own & (bits == int(np.bitwise_or.reduce(patterns, initial=0)))
    level = "detailed" if (finest & (names["level"] == "detailed").to_numpy()).any() else "broad"
    summed = {whole for whole, parts in links.parts if {whole, *parts} <= set(words["stage"])}
    finest &= names["level"].isin([level, BOTH]).to_numpy() & ~names["group"].isin([ALL, KNOWN]).to_numpy()
    finest &= ~(names["period"].isin(list(links.related_periods)) | names["stage"].isin(sorted(summed))).to_numpy()
    finest &= n > 0
    at = {name: code[name][finest] for name in CELL_KEYS}
    within = _within(column, words, at, patterns, level, links, len(names))
    count = np.nan_to_num(n[finest])
    inside = {part: whole for part, whole in links.subsets.items() if {part, whole} <= set(words["stage"])}
    for part, whole in inside.items():
        mine = at["stage"] == words["stage"].get_loc(whole)
        key = [at[name][mine] for name in CELL_KEYS[1:]]
        found = column[(np.full(int(mine.sum()), words["stage"].get_loc(part)), *key)]
        count[mine] -= np.where(found >= 0, np.nan_to_num(n[found]), 0.0)
    related = _related(list(words["stage"]), inside)
    wrong: Flags = own & np.not_equal((within @ np.maximum(count, 0.0)), np.nan_to_num(n))
    # What does not add up is left to others, with all stages that it has to do with.
    fits = np.asarray(
        ~related[:, np.unique(np.concatenate([code["stage"][wrong], at["stage"][count < 0]]))].any(axis=1)
    )
    kept = np.flatnonzero(fits[at["stage"]])
    used, key = zip(*(np.unique(at[name][kept], return_inverse=True) for name in AXES), strict=True)
    place = np.full([one.size for one in used], -1, dtype=np.int64)
    place[key] = np.arange(kept.size)
    return Leaves(count[kept], sparse.csr_array(within[:, kept]), place, related[np.ix_(used[STAGE], used[STAGE])])


def _related(stages: Sequence[str], inside: dict[str, str]) -> Flags:
    def root(stage: str) -> str:
        while stage in inside:
            stage = inside[stage]
        return stage

    roots = np.array([root(stage) for stage in stages], dtype=object)
    found: Flags = roots[:, None] == roots[None, :]
    return found


def _within(
    column: Ints, words: dict[str, pd.Index], at: dict[str, Ints], patterns: Ints, level: str, links: Links, size: int
) -> sparse.csr_array:
    """Look up the counts that every leaf is in: those of its stage and of all that hold it, at every margin."""
    group, many = at["group"], at["group"].size

    def word(axis: str, name: str) -> int:
        return int(words[axis].get_indexer(pd.Index([name]))[0])

    def every(number: int) -> Ints:
        return np.full(many, number, dtype=np.int64)

    heading = words["group"].get_indexer(pd.Index([links.headings.get(name, "") for name in words["group"]]))
    labels = [(at["level"], group)]
    if level == "detailed":
        labels.append((every(word("level", "broad")), heading[group]))
    labels.append((every(word("level", BOTH)), np.where(group == word("group", UNKNOWN), -1, word("group", KNOWN))))
    labels.append((every(word("level", BOTH)), every(word("group", ALL))))
    holds = words["stage"].get_indexer(pd.Index([links.subsets.get(name, "") for name in words["stage"]]))
    longer = [
        (word("period", whole), [word("period", part) for part in parts])
        for whole, parts in links.related_periods.items()
        if whole in words["period"]
    ]
    periods = [at["period"], *(np.where(np.isin(at["period"], parts), whole, -1) for whole, parts in longer)]
    rows, leaves = [NONE], [NONE]
    stage = at["stage"].copy()
    while (stage >= 0).any():
        for period in periods:
            for pattern in patterns.tolist():
                place = [
                    at[name] if pattern >> number & 1 else every(word(name, ALL)) for number, name in enumerate(SPLITS)
                ]
                for of_level, of_group in labels:
                    there = np.flatnonzero((stage >= 0) & (period >= 0) & (of_level >= 0) & (of_group >= 0))
                    key = (stage, period, *place, of_level, of_group)
                    found = column[tuple(one[there] for one in key)]
                    rows.append(found[found >= 0])
                    leaves.append(there[found >= 0])
        stage = np.where(stage >= 0, holds[stage], -1)
    row, leaf = np.concatenate(rows), np.concatenate(leaves)
    return sparse.csr_array((np.ones(row.size), (row, leaf)), shape=(size, many))


def swaps_of(leaves: Leaves, kinds: Sequence[tuple[int, ...]]) -> Swaps:
    """List the swaps that can be done or undone at least once.

    Parameters
    ----------
    leaves : Leaves
    kinds : sequence of tuples
        The axes along which a swap has two values each; all else is the same.
    """
    size, none = leaves.n.size, np.full((0, SIDES), 0, dtype=np.int64)
    sides: tuple[list[Ints], list[Ints]] = ([none], [none])
    for kind in kinds:
        corners, signs = _corners(leaves, kind)
        for found, sign in zip(sides, (1, -1), strict=True):
            own = corners[signs == sign].T
            found.append(np.pad(own, ((0, 0), (0, SIDES - own.shape[1])), constant_values=size))
    more, less = (np.concatenate(found) for found in sides)
    counts = np.append(leaves.n, np.inf)
    forth, back = counts[less].min(axis=1), counts[more].min(axis=1)
    some = np.flatnonzero((forth >= 1) | (back >= 1))
    more, less, forth, back = more[some], less[some], forth[some], back[some]
    of = np.repeat(np.arange(some.size), SIDES)
    row = np.concatenate([more.ravel(), less.ravel()])
    value = np.repeat([1.0, -1.0], of.size)
    there = row < size
    moves = sparse.csr_array((value[there], (row[there], np.tile(of, 2)[there])), shape=(size, some.size))
    return Swaps(more, less, forth, back, moves)


def _corners(leaves: Leaves, kind: tuple[int, ...]) -> tuple[Ints, NDArray[np.int64]]:
    """The leaves of each swap of a kind, (corners, swaps), and whether there is one more or one less of each."""
    pairs = []
    for axis in kind:
        two = [
            pair
            for pair in combinations(range(leaves.place.shape[axis]), 2)
            if axis != STAGE or leaves.related[pair[0], pair[1]]
        ]
        pairs.append(np.array(two, dtype=np.int64).reshape(-1, 2))
    found, signs = [], []
    for corner in range(1 << len(kind)):
        taken = leaves.place
        for number, axis in enumerate(kind):
            taken = np.take(taken, pairs[number][:, corner >> number & 1], axis=axis)
        found.append(taken.ravel())
        signs.append(1 if corner.bit_count() % 2 == 0 else -1)
    every = np.stack(found)
    return every[:, (every >= 0).all(axis=0)], np.array(signs, dtype=np.int64)
