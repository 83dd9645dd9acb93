"""Every sum that an outsider can write down, read off the keys of published cells.

A relation is a whole and its parts. Where the parts are known to be all of it, the two are equal; otherwise the whole
is no less than its parts, and what they leave is a count that nobody prints and anyone can work out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from yjd.disclosure.audit_keys import Codes, Keys, Lookup, patterns, split_names
from yjd.disclosure.rules import Links
from yjd.schema import ALL, KNOWN, UNKNOWN

_MOST_SIBLINGS = 5  # of more parts of one stage, only all together and each alone are taken away from it


@dataclass(frozen=True)
class Family:
    """Relations of one kind; (parts,) means one value for every part of every relation.

    Attributes
    ----------
    name : str
        The attack: what the relation leaves, if it is derived.
    total : array of int, shape (relations,)
        The variable of the whole; -1 where nobody prints it.
    code : array of int, shape (relations,)
        The key of the whole.
    row, part : arrays of int, shape (parts,)
        The relation of each part, and its variable.
    exact : array of bool, shape (relations,)
        Whether the parts are all of the whole.
    derived : bool
        Whether what is left is a count of children or events that must be protected.
    least : bool
        Turned round: the whole is no more than its parts.
    checked : bool
        Whether the relation holds by what the words mean, or must be seen to hold before it is relied upon.
    implied : array of bool, shape (relations,), optional
        Whether another relation says as much, so that this one only names a count that can be worked out.
    """

    name: str
    total: Codes
    code: Codes
    row: Codes
    part: Codes
    exact: NDArray[np.bool_]
    derived: bool = True
    least: bool = False
    checked: bool = False
    implied: NDArray[np.bool_] | None = None


def relations(keys: Keys, world: Lookup, links: Links, *, protected: NDArray[np.bool_]) -> list[Family]:
    """Find all relations among some cells.

    Parameters
    ----------
    keys : Keys
    world : Lookup
        The cells, as keys and variables.
    links : Links
    protected : array of bool
        For every key of the world, whether its stage is one that is protected: public stages take no part in sums.
    """
    own = Lookup(world.codes[protected], world.variable[protected])
    found = [*_over_splits(keys, own), *_over_groups(keys, own, links)]
    found += [*_over_stages(keys, own, world, links), *_over_periods(keys, own, links)]
    return [family for family in found if family is not None and len(family.total)]


def _grouped(world: Lookup, name: str, total_codes: Codes, parts: Codes, **more: object) -> Family | None:
    """Parts with the same whole are one relation; those whose whole is not there are left out."""
    code, row, size = np.unique(total_codes, return_inverse=True, return_counts=True)
    total = world.find(code)
    kept = total >= 0
    if not kept.any():
        return None
    new = np.cumsum(kept) - 1
    inside = kept[row]
    expected = more.pop("expected", None)
    exact = np.ones(len(code), dtype=bool) if expected is None else size >= np.asarray(expected)
    return Family(name, total[kept], code[kept], new[row[inside]], parts[inside], exact[kept], **more)  # type: ignore[arg-type]


def _most(labels: Codes, size: Codes) -> Codes:
    """For every relation, the most parts that any relation of its label has."""
    _, place = np.unique(labels, return_inverse=True)
    most = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    np.maximum.at(most, place, size)
    return np.asarray(most[place])


def _complete(keys: Keys, codes: Codes, columns: tuple[str, ...]) -> Codes:
    """How many parts the whole of each code should have: as many as any other of the same columns has."""
    code, size = np.unique(codes, return_counts=True)
    label = np.zeros(len(code), dtype=np.int64)
    for name in columns:
        label = label * len(keys.words[name]) + keys.column(code, name)
    return _most(label, size)


def _over_splits(keys: Keys, own: Lookup) -> Iterator[Family]:
    """Totals over areas, sexes, ages and deprivation, and the margins that are not printed."""
    bits = patterns(keys, own.codes)
    block = np.zeros(len(own.codes), dtype=np.int64)
    for name in ("stage", "period", "level"):
        block = block * len(keys.words[name]) + keys.column(own.codes, name)
    _, place = np.unique(block, return_inverse=True)
    published = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(published, place, np.int64(1) << bits)
    mask = published[place]
    for kind in np.unique(mask).tolist():
        here = mask == kind
        held = [pattern for pattern in range(16) if kind >> pattern & 1]
        for finer in held:
            chosen = here & (bits == finer)
            codes, parts = own.codes[chosen], own.variable[chosen]
            for coarser in (pattern for pattern in range(16) if pattern & finer == pattern and pattern != finer):
                if _between(held, coarser, finer):
                    continue
                codes_of_total = codes
                for name in split_names(finer & ~coarser):
                    codes_of_total = keys.replaced(codes_of_total, name, keys.word(name, ALL))
                expected = _complete(keys, codes_of_total, ("stage", "level"))
                if coarser in held:
                    family = _grouped(own, "rest", codes_of_total, parts, expected=expected)
                    if family is not None:
                        yield family
                else:
                    code, row, size = np.unique(codes_of_total, return_inverse=True, return_counts=True)
                    nobody = np.full(len(code), -1, dtype=np.int64)
                    yield Family("left-out margin", nobody, code, row, parts, size >= expected)


def _between(held: list[int], coarser: int, finer: int) -> bool:
    """Whether a published pattern lies between two: then its own sums say the same."""
    return any(one not in (coarser, finer) and coarser & one == coarser and one & finer == one for one in held)


def _over_groups(keys: Keys, own: Lookup, links: Links) -> Iterator[Family | None]:
    """Groups add up to Known, Known and Unknown to All, detailed groups to broad ones; both levels agree."""
    codes, group = own.codes, keys.column(own.codes, "group")
    every, known, unknown = (keys.word("group", word) for word in (ALL, KNOWN, UNKNOWN))
    special = (group == every) | (group == known) | (group == unknown)
    has_known = own.find(keys.replaced(codes, "group", known)) >= 0
    for name, chosen, whole in (
        ("rest", ~special, known),
        ("rest", has_known & ((group == known) | (group == unknown)), every),
        ("rest", ~has_known & (group != every), every),
    ):
        totals = keys.replaced(codes[chosen], "group", whole)
        expected = _complete(keys, totals, ("stage", "level"))
        yield _grouped(own, name, totals, own.variable[chosen], expected=expected)
    # everyone else than a group: printed wherever a group is set beside all others
    ordinary = ~special & has_known
    others = _single(own, "others", keys.replaced(codes[ordinary], "group", known), codes[ordinary])
    if others is not None:
        yield replace(others, implied=~others.exact)
    broad, detailed = keys.word("level", "broad"), keys.word("level", "detailed")
    level = keys.column(codes, "level")
    chosen = special & (level == detailed)
    same = keys.replaced(codes[chosen], "level", broad)
    yield _grouped(own, "same", same, own.variable[chosen])
    yield _headings(keys, own, links, ~special & (level == detailed))


def _single(world: Lookup, name: str, totals: Codes, parts: Codes, **more: object) -> Family | None:
    """Relations of a whole and one part."""
    total, part = world.find(totals), world.find(parts)
    kept = (total >= 0) & (part >= 0)
    if not kept.any():
        return None
    count = int(kept.sum())
    return Family(
        name, total[kept], parts[kept], np.arange(count), part[kept], np.zeros(count, dtype=bool), **more  # type: ignore[arg-type]
    )  # fmt: skip


def _headings(keys: Keys, own: Lookup, links: Links, chosen: NDArray[np.bool_]) -> Family | None:
    codes = own.codes[chosen]
    heading = np.full(len(keys.words["group"]), -1, dtype=np.int64)
    for detailed, broad in links.headings.items():
        if keys.word("group", detailed) >= 0:
            heading[keys.word("group", detailed)] = keys.word("group", broad)
    whole = heading[keys.column(codes, "group")]
    kept = whole >= 0
    totals = keys.replaced(keys.replaced(codes[kept], "group", whole[kept]), "level", keys.word("level", "broad"))
    expected = _complete(keys, totals, ("stage", "group"))
    return _grouped(own, "remainder", totals, own.variable[chosen][kept], expected=expected)


def _over_stages(keys: Keys, own: Lookup, world: Lookup, links: Links) -> Iterator[Family | None]:
    """A part is no more than its whole, and several parts of one stage, or all, are taken from it."""
    summed = dict(links.parts)
    children: dict[str, list[str]] = {}
    for part, whole in links.subsets.items():
        children.setdefault(whole, []).append(part)
    covered: dict[tuple[str, str], list[Codes]] = {}  # wholes from which a part was taken with others
    for whole, parts in links.parts:
        found = _stage_sum(keys, own, world, whole, list(parts))
        yield found
        _cover(covered, whole, parts, found, keys)
    for whole, parts in children.items():
        if whole in summed:
            continue
        sizes = range(len(parts), 1, -1) if len(parts) <= _MOST_SIBLINGS else (len(parts),)
        for some in (some for size in sizes if size > 1 for some in combinations(parts, size)):
            found = _stage_sum(keys, own, world, whole, list(some))
            if found is not None:
                wholes = keys.replaced(found.code, "stage", keys.word("stage", whole))
                inside = [np.isin(wholes, _all(covered.get((whole, part)))) for part in some]
                yield replace(found, exact=~found.exact, implied=np.all(inside, axis=0))
                _cover(covered, whole, some, found, keys)
    yield from _pairs(keys, own, world, links, covered)


def _pairs(
    keys: Keys, own: Lookup, world: Lookup, links: Links, covered: dict[tuple[str, str], list[Codes]]
) -> Iterator[Family | None]:
    """A stage less one part of it, at any depth."""
    for part, whole in links.nested():
        chosen = keys.among(own.codes, "stage", [part])
        if not chosen.any() or keys.word("stage", whole) < 0:
            continue
        codes = own.codes[chosen]
        wholes = keys.replaced(codes, "stage", keys.word("stage", whole))
        found = _single(world, "complement", wholes, codes)
        if found is None:
            continue
        of_whole = keys.replaced(found.code, "stage", keys.word("stage", whole))
        implied = np.isin(of_whole, _all(covered.get((whole, part))))
        between = links.subsets.get(part, whole)
        if between != whole and keys.word("stage", between) >= 0:
            implied |= world.find(keys.replaced(found.code, "stage", keys.word("stage", between))) >= 0
        yield replace(found, implied=implied)


def _all(given: list[Codes] | None) -> Codes:
    return np.concatenate(given) if given else np.zeros(0, dtype=np.int64)


def _cover(
    covered: dict[tuple[str, str], list[Codes]], whole: str, parts: Sequence[str], found: Family | None, keys: Keys
) -> None:
    if found is not None:
        wholes = keys.replaced(found.code, "stage", keys.word("stage", whole))
        for part in parts:
            covered.setdefault((whole, part), []).append(wholes)


def _stage_sum(keys: Keys, own: Lookup, world: Lookup, whole: str, parts: list[str]) -> Family | None:
    """Stages taken together, where all of them are published."""
    chosen = keys.among(own.codes, "stage", parts)
    if not chosen.any() or keys.word("stage", whole) < 0:
        return None
    totals = keys.replaced(own.codes[chosen], "stage", keys.word("stage", whole))
    _, row, size = np.unique(totals, return_inverse=True, return_counts=True)
    together = size[row] == len(parts)
    if not together.any():
        return None
    return _grouped(world, "residual", totals[together], own.variable[chosen][together], checked=True)


def _over_periods(keys: Keys, own: Lookup, links: Links) -> Iterator[Family | None]:
    """Months in a quarter, years in three: what adds up, and what children counted once allow to say."""
    adds = keys.among(own.codes, "stage", links.periods_add_up)
    for whole, names in links.related_periods.items():
        within = [name for name in names if name]
        number = keys.word("period", whole)
        if number < 0 or not within:
            continue
        inside = keys.among(own.codes, "period", within)
        chosen = inside & adds
        if chosen.any():
            totals = keys.replaced(own.codes[chosen], "period", number)
            needed = len(within) if len(within) == len(names) else len(within) + 1
            expected = np.full(len(np.unique(totals)), needed)
            yield _grouped(own, "rest", totals, own.variable[chosen], expected=expected)
        yield from _children_over_periods(keys, own, within, number, inside & ~adds, whole=len(within) == len(names))


def _children_over_periods(
    keys: Keys, own: Lookup, within: list[str], number: int, chosen: NDArray[np.bool_], *, whole: bool
) -> Iterator[Family | None]:
    """A child that a longer period counts is counted in the first of its parts that has it.

    So the longer period has no more than its parts together, and no fewer than the first of them.
    """
    if not chosen.any():
        return
    codes, parts = own.codes[chosen], own.variable[chosen]
    totals = keys.replaced(codes, "period", number)
    if whole:
        _, row, size = np.unique(totals, return_inverse=True, return_counts=True)
        every = size[row] == len(within)
        found = _grouped(own, "children", totals[every], parts[every], derived=False, least=True, checked=True)
        if found is not None:
            yield replace(found, exact=~found.exact)
    first = keys.among(codes, "period", within[:1])
    yield _single(own, "children", totals[first], codes[first], derived=False, checked=True)
