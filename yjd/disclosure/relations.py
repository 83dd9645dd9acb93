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
from itertools import combinations

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

#: A stage of more parts than this is judged less each of them and less all of them, not less every choice of them.
MOST_CHOICES = 4
Small = Callable[[Floats], Flags]


def relate_margins(c: Columns, rows: Ints) -> Ints:
    """Add margins that nobody prints, and say what every margin is the sum of; return the new columns."""
    every = np.array([c.new(column, ALL) for column in SPLITS])
    found = [NONE]
    for level in range(len(c.names[LEVEL])):
        of_level = rows[c.table[rows, LEVEL] == level]
        split = (c.table[of_level][:, list(SPLITS)] != every) @ (1 << np.arange(len(SPLITS)))
        members = {int(pattern): of_level[split == pattern] for pattern in np.unique(split)}
        wanted = {sub for pattern in members for sub in range(1 << len(SPLITS)) if sub & pattern == sub}
        # The finest first, so that what a margin is summed from is there already.
        for pattern in sorted(wanted, key=lambda one: (-one.bit_count(), one)):
            over = [d for d in range(len(SPLITS)) if not pattern >> d & 1 and pattern | 1 << d in members]
            for d in _enough(pattern, over, members):
                parts, column = members[pattern | 1 << d], SPLITS[d]
                key = c.key(parts, without=(column,))
                if pattern not in members:
                    _, first, of = np.unique(key, return_index=True, return_inverse=True)
                    keys = c.table[parts[first]].copy()
                    keys[:, column] = every[d]
                    members[pattern] = _summed(c, parts, of.reshape(-1), keys)
                    found.append(members[pattern])
                else:
                    totals = members[pattern]
                    c.sums(totals, c.key(totals, without=(column,)), parts, key)
    return np.concatenate(found)


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


def relate_groups(c: Columns, rows: Ints, links: Links, small: Small) -> Ints:
    """Relate groups to Known and All, and detailed groups to broad ones; return broad groups that nobody prints."""
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
    for totals, parts in ((known, finer), (alone & np.isin(key, key[finer]), finer | unknown)):
        _headed(c, rows[totals], key[totals], rows[parts], key[parts])
    for totals in (known, everyone):
        _others(c, rows[totals], key[totals], rows[named], key[named], small)
    if not detailed.any():
        return NONE
    heading = _headings(c, np.unique(group[detailed]), links)
    key = c.key(rows, without=(GROUP, LEVEL)) * (len(c.names[GROUP]) + 1)
    of = key + heading[group]
    _headed(c, rows[broad], (key + group)[broad], rows[detailed], of[detailed])
    _, first, local = np.unique(of[finer], return_index=True, return_inverse=True)
    keys = c.table[rows[finer][first]].copy()
    keys[:, GROUP], keys[:, LEVEL] = heading[keys[:, GROUP]], c.new(LEVEL, "broad")
    return _summed(c, rows[finer], local.reshape(-1), keys)


def _others(c: Columns, totals: Ints, total_keys: Ints, groups: Ints, group_keys: Ints, small: Small) -> None:
    """Add, where they are few, all others than a group: whom a comparison with everyone else is about."""
    where = match(group_keys, total_keys)
    groups, totals = groups[where >= 0], totals[where[where >= 0]]
    rest = c.n[totals] - c.n[groups]
    few = small(rest)
    columns = c.add(c.table[groups[few]], rest[few], np.full(int(few.sum()), np.inf))
    c.relate(totals[few], groups[few], np.arange(columns.size), columns, defines=True)


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


def _headed(c: Columns, broad: Ints, broad_keys: Ints, detailed: Ints, detailed_keys: Ints) -> None:
    """Detailed groups, and those of whom only the broad group is known, make the broad group."""
    used, parts, of = paired(broad_keys, detailed, detailed_keys)
    totals = broad[used]
    rest = c.n[totals] - np.bincount(of, weights=c.n[parts], minlength=used.size)
    some = rest > 0  # where the detailed groups are all of it, they add up
    c.relate(totals[~some], *_among(~some, parts, of))
    kept = totals[some]
    columns = c.add(c.table[kept], rest[some], rest[some])
    c.relate(kept, *_among(some, parts, of), columns, defines=True)


def _among(chosen: Flags, parts: Ints, of: Ints) -> tuple[Ints, Ints]:
    """Return the parts of chosen totals, and which of those each belongs to."""
    inside = chosen[of]
    return parts[inside], (np.cumsum(chosen) - 1)[of[inside]]


def relate_periods(c: Columns, rows: Ints, links: Links) -> Ints:
    """Relate periods to those that hold them; return what is left of some where not all of theirs are printed."""
    adds_up = np.isin(c.table[rows, STAGE], c.codes(STAGE, sorted(links.periods_add_up)))
    period, key = c.table[rows, PERIOD], c.key(rows, without=(PERIOD,))
    found = [NONE]
    for whole, inside in links.related_periods.items():
        codes = c.codes(PERIOD, list(inside))
        total, part = period == c.code(PERIOD, whole), np.isin(period, codes)
        complete = len(codes) == len(inside)
        if not complete:
            some = total & adds_up, part & adds_up
            name = c.new(PERIOD, f"rest of {whole}")
            found.append(_rest(c, rows[some[0]], key[some[0]], rows[some[1]], key[some[1]], PERIOD, name))
            continue
        # Children who are counted once add up only where at most one of the periods counts anybody.
        keys, times = np.unique(key[part & ~adds_up & (c.n[rows] != 0)], return_counts=True)
        fits = adds_up | ~np.isin(key, keys[times > 1])
        c.sums(rows[total & fits], key[total & fits], rows[part & fits], key[part & fits])
        _once(c, rows[total & ~adds_up], key[total & ~adds_up], rows[part & ~adds_up], key[part & ~adds_up])
    return np.concatenate(found)


def _once(c: Columns, totals: Ints, total_keys: Ints, parts: Ints, part_keys: Ints) -> None:
    """Children who are counted once: no fewer than in each of the periods, and no more than in all of them together."""
    used, parts, of = paired(total_keys, parts, part_keys)
    totals = totals[used]
    over = np.bincount(of, weights=c.n[parts], minlength=used.size) - c.n[totals]
    columns = c.add(c.table[totals], np.full(used.size, np.nan), _falls(over))
    c.relate(totals, parts, of, columns, defines=True, excess=True)
    more = c.n[totals[of]] - c.n[parts]
    columns = c.add(c.table[parts], np.full(parts.size, np.nan), _falls(more))
    c.relate(totals[of], parts, np.arange(parts.size), columns, defines=True)


def _rest(c: Columns, totals: Ints, total_keys: Ints, parts: Ints, part_keys: Ints, column: int, code: int) -> Ints:
    """Add what parts leave of their totals."""
    used, parts, of = paired(total_keys, parts, part_keys)
    totals = totals[used]
    rest = c.n[totals] - np.bincount(of, weights=c.n[parts], minlength=used.size)
    keys = c.table[totals].copy()
    keys[:, column] = code
    columns = c.add(keys, rest, _falls(rest))
    c.relate(totals, parts, of, columns, defines=True)
    return columns


def _falls(rest: Floats) -> Floats:
    """How far what is left can fall. A whole that is smaller than its parts is no whole, and bounds nothing."""
    return np.where(np.isnan(rest), 0.0, np.where(rest < 0, np.inf, rest))


def relate_stages(c: Columns, rows: Ints, small: Small, links: Links) -> None:
    """Relate stages that add up, and add what stages leave of the stages that hold them."""
    key, stage = c.key(rows, without=(STAGE,)), c.table[rows, STAGE]
    printed = rows < c.printed
    for whole, inside in links.parts:
        codes = c.codes(STAGE, list(inside))
        if len(codes) == len(inside):
            total, part = printed & (stage == c.code(STAGE, whole)), printed & np.isin(stage, codes)
            c.sums(rows[total], key[total], rows[part], key[part])
    at = {name: np.flatnonzero(stage == c.code(STAGE, name)) for name in c.names[STAGE]}
    for whole, chosen, every in _subtractions(links):
        if whole in at and at.keys() >= set(chosen):
            _subtract(c, rows, key, at[whole], [at[name] for name in chosen], small, every)


def _subtractions(links: Links) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield a stage, stages to be taken from it, and whether they are all that it is known to hold."""
    inside: dict[str, list[str]] = {}
    for part, whole in links.subsets.items():
        inside.setdefault(whole, []).append(part)
    complete = [(whole, frozenset(parts)) for whole, parts in links.parts]
    for whole, parts in inside.items():
        for size in range(1, len(parts) + 1):
            for chosen in combinations(parts, size):
                sums = any(whole == w and p <= set(chosen) for w, p in complete)
                if not sums and (size in (1, len(parts)) or len(parts) <= MOST_CHOICES):
                    yield whole, chosen, size == len(parts)
    for part, whole in links.nested():
        if links.subsets[part] != whole:
            yield whole, (part,), False


def _subtract(c: Columns, rows: Ints, key: Ints, outer: Ints, inner: list[Ints], small: Small, every: bool) -> None:
    """Add what stages leave of a stage, where that is small or says anew that a count is not negative."""
    where = [
        np.where(place >= 0, parts[place], -1)
        for parts in inner
        if parts.size
        for place in [match(key[outer], key[parts])]
    ]
    if not where:
        return
    found = np.stack(where)
    # Where some of the stages are missing, what the others leave is another of the choices.
    use = (found >= 0).any(axis=0) if every else (found >= 0).all(axis=0)
    outer, found = outer[use], found[:, use]
    rest = c.n[rows[outer]] - np.where(found >= 0, c.n[rows[found]], 0.0).sum(axis=0)
    bounds = every & (rows[outer] < c.printed)
    keep = bounds | small(rest)
    outer, found, rest = rows[outer[keep]], found[:, keep], rest[keep]
    columns = c.add(c.table[outer], rest, np.where(bounds[keep] if every else False, _falls(rest), np.inf))
    which, of = np.nonzero(found >= 0)
    c.relate(outer, rows[found[which, of]], of, columns, defines=True)
