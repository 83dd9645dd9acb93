"""Which state of the data each number of each release is about: what can be set against today's counts, and what not.

Partners send their extracts anew, and figures are revised. The attack is on the counts as they are now. A number that
was revised since is about a table that nobody has any more: it is an unknown of its own, which may still help to work
out what was not revised (an old year less its old fourth quarter is what three quarters come to today).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yjd.disclosure.audit_keys import Codes, Keys, Lookup
from yjd.disclosure.rules import Links

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Published(Protocol):
    """One release: each key once, in rising order, the bounds of its count, and what it truly is now (or NaN)."""

    @property
    def code(self) -> Codes: ...  # noqa: D102
    @property
    def low(self) -> Floats: ...  # noqa: D102
    @property
    def high(self) -> Floats: ...  # noqa: D102
    @property
    def truth(self) -> Floats: ...  # noqa: D102


def states(keys: Keys, read: Sequence[Published], links: Links) -> list[Codes]:
    """For each cell of each release (the newest first) the number of the state that its block is of; 0 is the present.

    A block is a period of the stages that hold each other. It is revised where one of its shown counts is another by
    now: then nobody can say of a count that it hid that it was not revised as well. So is a year of which a quarter
    was revised, and the quarters of a year that was revised though none of them shows it. A block is of the state of
    later ones from none of which it differs so.
    """
    together = _together(keys, links)
    found: list[dict[int, int]] = []  # of each release: block to state
    of_cells: list[Codes] = []
    for number, one in enumerate(read):
        own = together[keys.column(one.code, "stage")] * len(keys.words["period"]) + keys.column(one.code, "period")
        blocks, block = np.unique(own, return_inverse=True)
        differs = [
            _with_relatives(keys, blocks, _revised(one, block, len(blocks), other), links) for other in read[:number]
        ]
        if number:
            wrong = np.bincount(block, (one.low > one.truth) | (one.high < one.truth), len(blocks)) > 0
            differs[0] = differs[0] | _with_relatives(keys, blocks, wrong, links)
        chosen: dict[int, int] = {}
        for place, name in enumerate(blocks.tolist()):
            barred = {before.get(name, 0) for before, bad in zip(found, differs, strict=True) if bad[place]}
            known = {0, *(before[name] for before in found if name in before)}
            chosen[name] = min(known - barred, default=number)
        found.append(chosen)
        of_cells.append(np.array([chosen[name] for name in blocks.tolist()], dtype=np.int64)[block])
    return of_cells


def _revised(one: Published, block: Codes, size: int, other: Published) -> Flags:
    """Which blocks of a release have a count that is shown otherwise in a later one."""
    _, mine, theirs = np.intersect1d(one.code, other.code, assume_unique=True, return_indices=True)
    apart = mine[(one.low[mine] > other.high[theirs]) | (one.high[mine] < other.low[theirs])]
    found = np.zeros(size, dtype=bool)
    found[block[apart]] = True
    return found


def _with_relatives(keys: Keys, blocks: Codes, bad: Flags, links: Links) -> Flags:
    """These blocks, those of periods that hold one of them, and those within one that shows no other reason."""
    stage, period = np.divmod(blocks, len(keys.words["period"]))
    spans = [
        (keys.word("period", whole), [keys.word("period", part) for part in parts if part])
        for whole, parts in links.related_periods.items()
    ]
    found = bad.copy()
    reached = -1
    while found.sum() > reached:
        reached = int(found.sum())
        for whole, parts in spans:
            inside, longer = np.isin(period, parts), period == whole
            told = np.unique(stage[found & inside])
            found |= longer & np.isin(stage, told)
            found |= inside & np.isin(stage, np.setdiff1d(stage[bad & longer], told))
    return found


def _together(keys: Keys, links: Links) -> Codes:
    """For each stage, by its number, the first of those that hold it, that it holds, or that share a whole with it."""
    first = np.arange(len(keys.words["stage"]))
    pairs = [*links.subsets.items(), *((part, whole) for whole, parts in links.parts for part in parts)]
    for part, whole in pairs:
        numbers = [keys.word("stage", part), keys.word("stage", whole)]
        if min(numbers) >= 0:
            first[np.isin(first, first[numbers])] = first[numbers].min()
    return first


def variables(read: Sequence[Published], state: Sequence[Codes]) -> tuple[Codes, Codes, list[Codes]]:
    """Number the unknowns: one for each key in each state, but one for a shown count that is still true.

    The outsider is taken to know which shown figures were revised: one that was not says what the count is now,
    whatever else of its block was.

    Returns
    -------
    code, state : arrays (variables,)
        The key of each, and the state that it belongs to.
    places : list of arrays
        For each release the variable of each of its cells.
    """
    size = max((int(one.max(initial=0)) for one in state), default=0) + 1
    named = [one.code * size + own for one, own in zip(read, state, strict=True)]
    true = [names[(one.low == one.high) & (one.low == one.truth)] for one, names in zip(read, named, strict=True)]
    still = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *true]))
    named = [np.where(np.isin(names, still), names - names % size, names) for names in named]
    unique = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *named]))
    return unique // size, unique % size, [np.searchsorted(unique, names) for names in named]


def worlds(
    keys: Keys, code: Codes, read: Sequence[Published], state: Sequence[Codes], places: Sequence[Codes]
) -> list[Lookup]:
    """The cells that can be added up: those of the newest release, and of each earlier one with others of its states.

    A period that only an earlier release had, of a stage revised since, cannot be set against the newest by itself.
    """
    size = max((int(one.max(initial=0)) for one in state), default=0) + 1
    blocks = [_block(keys, one.code) * size + own for one, own in zip(read, state, strict=True)]
    revised = np.zeros(len(keys.words["stage"]), dtype=bool)
    for one, own in zip(read, state, strict=True):
        revised[keys.column(one.code[own > 0], "stage")] = True
    found: list[Lookup] = []
    newest = np.zeros(len(code), dtype=bool)
    for number, mine in enumerate(blocks):
        chosen = np.zeros(len(code), dtype=bool)
        for one, own, theirs, place in zip(read, state, blocks, places, strict=True):
            inside = np.isin(theirs, mine)
            if number == 0:
                inside |= (own == 0) & ~revised[keys.column(one.code, "stage")]
            chosen[place[inside]] = True
        if number == 0:
            newest = chosen
        if number == 0 or (chosen & ~newest).any():
            found.append(Lookup.of(code[chosen], np.flatnonzero(chosen)))
    return found


def _block(keys: Keys, codes: Codes) -> Codes:
    return keys.column(codes, "stage") * len(keys.words["period"]) + keys.column(codes, "period")
