"""Everything that an outsider can add up or subtract, about the counts that releases print.

Besides printed counts there are **derived** ones, which nobody prints and anybody can work out: margins that were left
out, the rest of a period, what the detailed groups leave of their broad group, whatever a stage leaves of a stage that
holds it (the whole less its part, at any depth, or less several of its parts).

Relations are taken to hold whether or not the data bear them out: an alternative table has to keep every one of them
as it stands, so a relation too many can only hide more. Left out are the years of children who are counted once in a
rolling period: they can add up to more, and nobody can subtract them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from yjd.disclosure.columns import (
    GROUP,
    LEVEL,
    NONE,
    PERIOD,
    SPLITS,
    STAGE,
    Columns,
    Flags,
    Floats,
    Ints,
    match,
    paired,
)
from yjd.disclosure.rules import Links
from yjd.errors import DisclosureError
from yjd.schema import ALL, KNOWN, UNKNOWN

Small = Callable[[Floats], Flags]


def relate_margins(c: Columns, rows: Ints) -> tuple[Ints, bool]:
    """Add margins that nobody prints, and say what every margin is the sum of.

    Returns
    -------
    tuple of array and bool
        The new columns, and whether all stages, periods and levels are split in the same ways.
    """
    every = np.array([c.new(column, ALL) for column in SPLITS])
    split = (c.table[rows][:, list(SPLITS)] != every) @ (1 << np.arange(len(SPLITS)))
    block = np.unique(c.table[rows][:, [STAGE, PERIOD, LEVEL]], axis=0, return_inverse=True)[1].reshape(-1)
    splits = np.zeros(block.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(splits, block, np.int64(1) << split)
    kinds = np.unique(splits)
    found = [NONE]
    for kind in kinds:
        own = splits[block] == kind
        members = {int(pattern): rows[own & (split == pattern)] for pattern in np.unique(split[own])}
        found.extend(_margins_of(c, members, every))
    return np.concatenate(found), kinds.size <= 1


def _margins_of(c: Columns, members: dict[int, Ints], every: Ints) -> Iterator[Ints]:
    """Relate the margins of what is split in the same ways; yield those that nobody prints."""
    wanted = {sub for pattern in members for sub in range(1 << len(SPLITS)) if sub & pattern == sub}
    # The finest first, so that what a margin is summed from is there already.
    for pattern in sorted(wanted, key=lambda one: (-one.bit_count(), one)):
        over = [d for d in range(len(SPLITS)) if not pattern >> d & 1 and pattern | 1 << d in members]
        for d in _enough(pattern, over, members):
            parts, column = members[pattern | 1 << d], SPLITS[d]
            key, totals = c.key(parts, without=(column,)), members.get(pattern, NONE)
            total_key = c.key(totals, without=(column,))
            c.sums(totals, total_key, parts, key)
            missing = ~np.isin(key, total_key)
            _, first, of = np.unique(key[missing], return_index=True, return_inverse=True)
            keys = c.table[parts[missing][first]]
            keys[:, column] = every[d]
            new = _summed(c, parts[missing], of.reshape(-1), keys)
            members[pattern] = np.concatenate([totals, new])
            yield new


def _enough(pattern: int, over: list[int], members: dict[int, Ints]) -> list[int]:
    """Choose the dimensions to sum over: two that a finer margin joins say the same."""
    joined: list[set[int]] = []
    for d in over:
        near = {d} | {e for e in over if pattern | 1 << d | 1 << e in members}
        touching = [group for group in joined if group & near]
        joined = [group for group in joined if not group & near] + [near.union(*touching)]
    return [min(group) for group in joined]


def _summed(c: Columns, parts: Ints, of: Ints, keys: Ints) -> Ints:
    """Add sums of columns: of which sum each is a part, and the keys of the sums."""
    n = np.bincount(of, weights=c.n[parts], minlength=len(keys)).astype(np.float64)
    columns = c.add(keys, n, np.full(len(keys), np.inf))
    c.relate(columns, parts, of, defines=True)
    return columns


def relate_groups(c: Columns, rows: Ints, links: Links, small: Small) -> tuple[Ints, Ints, Ints]:
    """Relate groups to Known and All, and detailed groups to broad ones.

    Returns
    -------
    tuple of arrays
        Columns of broad groups that nobody prints, of what detailed groups leave of broader ones, and of all others
        than a group.
    """
    group, level = c.table[rows, GROUP], c.table[rows, LEVEL]
    everyone, known, unknown = (group == c.code(GROUP, name) for name in (ALL, KNOWN, UNKNOWN))
    named = ~(everyone | known | unknown)
    key = c.key(rows, without=(GROUP, LEVEL))
    with_known = everyone & np.isin(key, key[known])
    c.sums(rows[with_known], key[with_known], rows[known | unknown], key[known | unknown])
    broad, detailed = (named & (level == c.code(LEVEL, name)) for name in ("broad", "detailed"))
    alone = everyone & ~with_known
    for totals, parts in ((known, named & ~detailed), (alone, (named & ~detailed) | unknown)):
        c.sums(rows[totals], key[totals], rows[parts], key[parts])
    # Detailed groups by themselves: where broad ones stand at the same margin, these say what they add up to.
    finer = detailed & ~np.isin(key, key[broad])
    rests = [
        _headed(c, rows[totals], key[totals], rows[parts], key[parts])
        for totals, parts in ((known, finer), (alone & np.isin(key, key[finer]), finer | unknown))
    ]
    others = [
        _others(c, rows[totals], key[totals], rows[those], key[those], few)
        for those in (named & ~detailed, detailed)
        for totals, few in ((known | alone, None), (with_known, small))
    ]
    others = others[0::2]  # with those of unknown ethnicity they are worth a look where they are few, and no more
    if not detailed.any():
        return NONE, np.concatenate(rests), np.concatenate(others)
    heading = _headings(c, np.unique(group[detailed]), links)
    key = c.key(rows, without=(GROUP, LEVEL)) * (len(c.names[GROUP]) + 1)
    of = key + heading[group]
    rests.append(_headed(c, rows[broad], (key + group)[broad], rows[detailed], of[detailed]))
    _, first, local = np.unique(of[finer], return_index=True, return_inverse=True)
    keys = c.table[rows[finer][first]].copy()
    keys[:, GROUP], keys[:, LEVEL] = heading[keys[:, GROUP]], c.new(LEVEL, "broad")
    return _summed(c, rows[finer], local.reshape(-1), keys), np.concatenate(rests), np.concatenate(others)


def _others(c: Columns, totals: Ints, total_keys: Ints, groups: Ints, group_keys: Ints, small: Small | None) -> Ints:
    """Add all others than a group: whom a comparison with everyone else is about. Of two groups, that is the other."""
    where = match(group_keys, total_keys)
    groups, totals = groups[where >= 0], totals[where[where >= 0]]
    _, pair, size = np.unique(totals, return_inverse=True, return_counts=True)
    together = np.bincount(pair, weights=c.n[groups], minlength=size.size)
    rest = c.n[totals] - c.n[groups]
    kept = (size[pair] != 2) | (together[pair] != c.n[totals])
    kept &= True if small is None else small(rest)
    totals, groups, rest = totals[kept], groups[kept], rest[kept]
    keys = c.table[groups]
    keys[:, GROUP] = c.renamed(GROUP, keys[:, GROUP], "others than {}")
    columns = c.add(keys, rest, np.full(rest.size, np.inf))
    c.relate(totals, groups, np.arange(columns.size), columns, defines=True)
    return columns


def _headings(c: Columns, groups: Ints, links: Links) -> Ints:
    """Return the code of the broad group of each code of a group; -1 where it has none."""
    names = {int(code): c.names[GROUP][code] for code in groups}
    for name in names.values():
        if name not in links.headings:
            raise DisclosureError(
                f"The detailed group '{name}' has no broad group, so what adds up to what is not known.",
                "Give every detailed group its heading in the ethnicity crosswalk.",
            )
    found = {code: c.new(GROUP, links.headings[name]) for code, name in names.items()}
    heading = np.full(len(c.names[GROUP]), -1, dtype=np.int64)
    heading[list(found)] = list(found.values())
    return heading


def _headed(c: Columns, broad: Ints, broad_keys: Ints, detailed: Ints, detailed_keys: Ints) -> Ints:
    """Detailed groups, and those of whom only the broad group is known, make the broad group; return the latter."""
    used, parts, of = paired(broad_keys, detailed, detailed_keys)
    totals = broad[used]
    rest = c.n[totals] - np.bincount(of, weights=c.n[parts], minlength=used.size)
    # Where the detailed groups are all of it everywhere, they add up.
    group = c.table[totals, GROUP]
    some = np.isin(group, group[rest > 0])
    c.relate(totals[~some], *_among(~some, parts, of))
    kept = totals[some]
    keys = c.table[kept]
    keys[:, GROUP] = c.renamed(GROUP, keys[:, GROUP], "rest of {}")
    columns = c.add(keys, rest[some], falls(rest[some]))
    c.relate(kept, *_among(some, parts, of), columns, defines=True)
    return columns


def _among(chosen: Flags, parts: Ints, of: Ints) -> tuple[Ints, Ints]:
    """Return the parts of chosen totals, and which of those each belongs to."""
    inside = chosen[of]
    return parts[inside], (np.cumsum(chosen) - 1)[of[inside]]


def relate_periods(c: Columns, rows: Ints, rests: Ints, others: Ints, links: Links) -> tuple[Ints, Ints]:
    """Relate periods to those that hold them; return what is left of some where not all of theirs are printed.

    What groups leave of each other, `rests` and `others`, adds up as they do: only what is left of a period is new.
    The second of what is returned is of `others`.
    """
    adds_up = np.isin(c.table[rows, STAGE], c.codes(STAGE, sorted(links.periods_add_up)))
    period, key = c.table[rows, PERIOD], c.key(rows, without=(PERIOD,))
    found: tuple[list[Ints], list[Ints]] = ([NONE], [NONE])
    for whole, inside in links.related_periods.items():
        codes = c.codes(PERIOD, list(inside))
        if len(codes) < len(inside):
            name = c.new(PERIOD, f"rest of {whole}")
            held = [c.code(PERIOD, whole), *codes]
            found[0].append(_rest(c, np.concatenate([rows, rests]), held, links, name, bounded=True))
            found[1].append(_rest(c, others, held, links, name, bounded=False))
            continue
        total, part = period == c.code(PERIOD, whole), np.isin(period, codes)
        # Children who are counted once add up only where at most one of the periods counts anybody.
        keys, times = np.unique(key[part & ~adds_up & (c.n[rows] != 0)], return_counts=True)
        fits = adds_up | ~np.isin(key, keys[times > 1])
        c.sums(rows[total & fits], key[total & fits], rows[part & fits], key[part & fits])
    return np.concatenate(found[0]), np.concatenate(found[1])


def _rest(c: Columns, rows: Ints, held: list[int], links: Links, code: int, *, bounded: bool) -> Ints:
    """Add what periods leave of the one that holds them, the first of those given."""
    rows = rows[np.isin(c.table[rows, STAGE], c.codes(STAGE, sorted(links.periods_add_up)))]
    period, key = c.table[rows, PERIOD], c.key(rows, without=(PERIOD,))
    total, part = period == held[0], np.isin(period, held[1:])
    used, parts, of = paired(key[total], rows[part], key[part])
    totals = rows[total][used]
    rest = c.n[totals] - np.bincount(of, weights=c.n[parts], minlength=used.size)
    keys = c.table[totals]
    keys[:, PERIOD] = code
    columns = c.add(keys, rest, falls(rest) if bounded else np.full(rest.size, np.inf))
    c.relate(totals, parts, of, columns, defines=True)
    return columns


def relate_once(c: Columns, rows: Ints, links: Links) -> None:
    """Children who are counted once: no fewer than in each of the periods, and no more than in all of them together.

    Whatever the counts do not bear out (a child of another area, or in another stage, next year) bounds nothing.
    """
    period, key = c.table[rows, PERIOD], c.key(rows, without=(PERIOD,))
    for whole, inside in links.related_periods.items():
        codes = c.codes(PERIOD, list(inside))
        total, part = period == c.code(PERIOD, whole), np.isin(period, codes)
        used, parts, of = paired(key[total], rows[part], key[part])
        totals = rows[total][used]
        if len(codes) == len(inside):
            over = np.bincount(of, weights=c.n[parts], minlength=used.size) - c.n[totals]
            columns = c.add(c.table[totals], np.full(used.size, np.nan), falls(over))
            c.relate(totals, parts, of, columns, defines=True, excess=True)
        more = c.n[totals[of]] - c.n[parts]
        columns = c.add(c.table[parts], np.full(parts.size, np.nan), falls(more))
        c.relate(totals[of], parts, np.arange(parts.size), columns, defines=True)


def falls(rest: Floats) -> Floats:
    """How far what is left can fall. A whole that is smaller than its parts is no whole, and bounds nothing."""
    return np.where(np.isnan(rest), 0.0, np.where(rest < 0, np.inf, rest))
