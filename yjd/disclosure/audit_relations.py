"""Every sum that an outsider can write down, read off the keys of published cells.

A relation is a whole and its parts. Where the parts are known to be all of it, the two are equal; otherwise the whole
is no less than its parts, and what they leave is a count that nobody prints and anyone can work out. Such a count takes
part in further relations: what a stage leaves of another has groups and periods as every count has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from yjd.disclosure.audit_keys import Codes, Keys, Lookup, patterns, split_names
from yjd.disclosure.audit_stages import forms, over_stages
from yjd.disclosure.audit_world import Family, Flags, Floats, World
from yjd.disclosure.rules import Links
from yjd.schema import ALL, KNOWN, UNKNOWN

_REST, _OTHERS = "rest of {}", "others than {}"


def relations(keys: Keys, world: Lookup, links: Links, *, protected: NDArray[np.bool_], truth: Floats) -> list[Family]:
    """Find all relations among some cells.

    Parameters
    ----------
    keys : Keys
    world : Lookup
        The cells, as keys and variables.
    links : Links
    protected : array of bool
        For every key of the world, whether its stage is one that is protected: public stages take no part in sums.
    truth : array of float
        The true count of every variable; NaN where it is not known.
    """
    further = {
        "stage": [form.words for form in forms(links)],
        "period": [_REST.format(word) for word in keys.words["period"]],
        "group": [words.format(word) for word in keys.words["group"] for words in (_REST, _OTHERS)],
    }
    cells = World(keys, world, protected, truth, further)
    found = [*_over_splits(cells), *_over_groups(cells, links), *_over_periods(cells, links)]
    found += [*over_stages(cells, links), *_children_over_periods(cells, links)]
    return [family for family in found if family is not None and len(family.code)]


def _most(labels: Codes, size: Codes) -> Codes:
    """For every relation, the most parts that any relation of its label has."""
    _, place = np.unique(labels, return_inverse=True)
    most = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    np.maximum.at(most, place, size)
    return np.asarray(most[place])


def _grouped(w: World, totals: Codes, columns: tuple[str, ...]) -> tuple[Codes, Codes, Codes, Flags]:
    """Keys of wholes, where they stand, the whole of each part, and which have all of their parts.

    These are as many as any other whole of the same columns has.
    """
    code, row, size = np.unique(totals, return_inverse=True, return_counts=True)
    label = np.zeros(len(code), dtype=np.int64)
    for name in columns:
        label = label * len(w.keys.words[name]) + w.keys.column(code, name)
    return code, w.find(code), row, size >= _most(label, size)


def _among(chosen: Flags, row: Codes, parts: Codes) -> tuple[Codes, Codes]:
    """The parts of some wholes, and which of these each belongs to."""
    inside = chosen[row]
    return (np.cumsum(chosen) - 1)[row[inside]], parts[inside]


def _summed(w: World, totals: Codes, parts: Codes, columns: tuple[str, ...]) -> Iterator[Family | None]:
    """Parts add up to wholes; wholes that nobody prints are counts of their own."""
    code, total, row, complete = _grouped(w, totals, columns)
    there = total >= 0
    yield w.family("rest", total[there], *_among(there, row, parts), exact=complete[there])
    new = ~there & complete
    row, parts = _among(new, row, parts)
    name = w.named_as_printed(code[new])
    yield w.family("left-out margin", np.full(len(name), -1), row, parts, code=name, implied=True)
    w.add(code[new], name, row, parts, np.ones(len(row)), plain=False)


def _over_splits(w: World) -> Iterator[Family | None]:
    """Totals over areas, sexes, ages and deprivation, and the margins that are not printed."""
    own = np.flatnonzero(w.own)
    bits = patterns(w.keys, w.code[own])
    block = np.zeros(len(own), dtype=np.int64)
    for name in ("stage", "period", "level"):
        block = block * len(w.keys.words[name]) + w.column(own, name)
    _, place = np.unique(block, return_inverse=True)
    published = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(published, place, np.int64(1) << bits)
    mask = published[place]
    for kind in np.unique(mask).tolist():
        held = [pattern for pattern in range(16) if kind >> pattern & 1]
        for finer in held:
            parts = own[(mask == kind) & (bits == finer)]
            for coarser in (pattern for pattern in range(16) if pattern & finer == pattern and pattern != finer):
                if not _between(held, coarser, finer):
                    totals = w.code[parts]
                    for name in split_names(finer & ~coarser):
                        totals = w.keys.replaced(totals, name, w.keys.word(name, ALL))
                    yield from _summed(w, totals, parts, ("stage", "level"))


def _between(held: list[int], coarser: int, finer: int) -> bool:
    """Whether a published pattern lies between two: then its own sums say the same."""
    return any(one not in (coarser, finer) and coarser & one == coarser and one & finer == one for one in held)


def _over_groups(w: World, links: Links) -> Iterator[Family | None]:
    """Groups add up to Known, Known and Unknown to All, detailed groups to broad ones; both levels agree."""
    own = np.flatnonzero(w.own)
    group, level = w.column(own, "group"), w.column(own, "level")
    every, known, unknown = (w.keys.word("group", word) for word in (ALL, KNOWN, UNKNOWN))
    special = (group == every) | (group == known) | (group == unknown)
    has_known = w.find(w.moved(own, "group", known)) >= 0
    broad, detailed = w.keys.word("level", "broad"), w.keys.word("level", "detailed")
    for chosen, whole in (
        (~special, known),
        (has_known & ((group == known) | (group == unknown)), every),
        (~has_known & (group != every), every),
    ):
        totals = w.moved(own[chosen], "group", whole)
        _, total, row, complete = _grouped(w, totals, ("stage", "level"))
        there = total >= 0
        total, (row, parts) = total[there], _among(there, row, own[chosen])
        fine = w.column(total, "level") == detailed
        some = fine & _some_more(w, links, total, row, parts)
        # where broad groups stand, what detailed ones leave of them is what they leave of all
        beside = np.isin(_apart(w, total), _apart(w, own[~special & (level == broad)]))
        exact = complete[there] & ~some
        yield w.family("rest", total, row, parts, exact=exact, derived=~(some & beside))
        _left(w, total, row, parts, some & ~beside, "group")
    fine = own[special & (level == detailed)]
    same = w.find(w.moved(fine, "level", broad))
    both = np.flatnonzero(same >= 0)
    yield w.family("same", same[both], np.arange(len(both)), fine[both], exact=True)
    yield from _headings(w, links, own[~special & (level == detailed)])
    yield from _others(w, own[~special & has_known], known)


def _others(w: World, groups: Codes, known: int) -> Iterator[Family | None]:
    """Everyone else than a group: printed wherever a group is set beside all others. Of two, that is the other."""
    total = w.find(w.moved(groups, "group", known))
    _, pair, size = np.unique(total, return_inverse=True, return_counts=True)
    groups, total = groups[size[pair] != 2], total[size[pair] != 2]
    row = np.arange(len(groups))
    yield w.family("others", total, row, groups, code=w.name[groups], implied=True)
    factor = np.repeat([1.0, -1.0], len(row))
    w.add(
        w.named(groups, "group", _OTHERS), w.name[groups], np.tile(row, 2), np.concatenate([total, groups]), factor,
        plain=False,
    )  # fmt: skip


def _headings(w: World, links: Links, groups: Codes) -> Iterator[Family | None]:
    """Detailed groups make up their broad one, but for those of whom no more than that is known."""
    heading = np.full(len(w.keys.words["group"]), -1, dtype=np.int64)
    for detailed, broad in links.headings.items():
        if w.keys.word("group", detailed) >= 0:
            heading[w.keys.word("group", detailed)] = w.keys.word("group", broad)
    whole = heading[w.column(groups, "group")]
    groups, whole = groups[whole >= 0], whole[whole >= 0]
    totals = w.keys.replaced(w.moved(groups, "group", whole), "level", w.keys.word("level", "broad"))
    _, total, row, complete = _grouped(w, totals, ("stage", "group"))
    there = total >= 0
    own, parts = _among(there, row, groups)
    exact = complete[there] & ~_some_more(w, links, total[there], own, parts)
    yield w.family("remainder", total[there], own, parts, exact=exact)
    _left(w, total[there], own, parts, ~exact, "group")
    missing = _among(~there, row, np.arange(len(groups)))[1]
    yield from _summed(w, totals[missing], groups[missing], ("stage", "group"))


def _some_more(w: World, links: Links, total: Codes, row: Codes, parts: Codes) -> Flags:
    """Whether wholes are more than their parts anywhere in the periods that hang together: else they are as much."""
    with np.errstate(invalid="ignore"):
        more = w.left(total, row, parts) > 0
    label = links.together(list(w.keys.words["period"]))
    first = np.array([w.keys.words["period"][label[name]] for name in w.keys.words["period"]], dtype=np.int64)
    named = first[w.column(total, "period")] * len(w.keys.words["group"]) + w.column(total, "group")
    return np.asarray(np.isin(named, named[more]))


def _apart(w: World, cells: Codes) -> Codes:
    """The keys of cells without their group and level."""
    return w.keys.replaced(w.moved(cells, "group", 0), "level", 0)


def _left(w: World, total: Codes, row: Codes, part: Codes, chosen: Flags, name: str) -> None:
    """Add what parts leave of some totals as cells of their own."""
    row, part = _among(chosen, row, part)
    total = total[chosen]
    cell = np.concatenate([total, part])
    row = np.concatenate([np.arange(len(total)), row])
    factor = np.repeat([1.0, -1.0], [len(total), len(part)])
    w.add(w.named(total, name, _REST), w.name[total], row, cell, factor, plain=w.plain[total])


def _over_periods(w: World, links: Links) -> Iterator[Family | None]:
    """Months in a quarter, years in three: what adds up."""
    own = np.flatnonzero(w.own)
    own = own[w.keys.among(w.code[own], "stage", links.periods_add_up)]
    for whole, names in links.related_periods.items():
        within = [name for name in names if name]
        parts = own[w.keys.among(w.code[own], "period", within)]
        if w.keys.word("period", whole) < 0 or not len(parts):
            continue
        totals = w.moved(parts, "period", w.keys.word("period", whole))
        code, row, size = np.unique(totals, return_inverse=True, return_counts=True)
        total = w.find(code)
        there = total >= 0
        total, exact = total[there], (size == len(names))[there]
        row, parts = _among(there, row, parts)
        # of what is a difference itself, that it adds up follows
        follows = ~np.isin(w.column(total, "group"), np.arange(len(w.printed.words["group"])))
        yield w.family("rest", total, row, parts, exact=exact, implied=follows & exact)
        _left(w, total, row, parts, ~exact, "period")


def _children_over_periods(w: World, links: Links) -> Iterator[Family | None]:
    """A child that a longer period counts is counted in the first of its parts that has it.

    So the longer period has no more than its parts together, and no fewer than the first of them; and no fewer than
    any other where no child is in another area, or in another stage, by then.
    """
    own = np.flatnonzero(w.own & ~w.keys.among(w.code, "stage", _adding_up(links)))
    for whole, names in links.related_periods.items():
        within = [name for name in names if name]
        parts = own[w.keys.among(w.code[own], "period", within)]
        if w.keys.word("period", whole) < 0 or not len(parts):
            continue
        total = w.find(w.moved(parts, "period", w.keys.word("period", whole)))
        parts, total = parts[total >= 0], total[total >= 0]
        printed = w.column(parts, "stage") < len(w.printed.words["stage"])
        first = w.keys.among(w.code[parts], "period", within[:1]) & printed
        for chosen, proven in ((first, False), (~first, True)):
            mine = parts[chosen]
            yield w.family(
                "children", total[chosen], np.arange(len(mine)), mine, derived=False, checked=True, proven=proven
            )
        if len(within) == len(names):
            for chosen, proven in ((printed, False), (~printed, True)):
                some, row, size = np.unique(total[chosen], return_inverse=True, return_counts=True)
                every = size == len(within)
                yield w.family(
                    "children", some[every], *_among(every, row, parts[chosen]), derived=False, least=True,
                    checked=True, proven=proven,
                )  # fmt: skip


def _adding_up(links: Links) -> set[str]:
    """Stages, and what stages leave of others, of events: a child can be in each of several periods."""
    left = {form.words for form in forms(links) if {form.whole, *form.chosen} & set(links.periods_add_up)}
    return left | set(links.periods_add_up)
