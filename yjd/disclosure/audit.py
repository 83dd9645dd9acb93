"""An attack on a table that is about to leave, written without the protector's code.

The protector works with sparse matrices and floating point. The attack writes each sum that an outsider can
check as an equation in the hidden counts, in plain Python, and eliminates exactly, in whole numbers modulo a
prime. A hidden count comes out if, and only if, its equation ends with nothing else in it: every other
unknown is then given a random value, and a count that comes out the same whatever those are is known. It then
tries what it means that counts are not negative. It sees only what will be released.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil, floor, inf

import pandas as pd

from yjd.disclosure.rules import Links, Rules
from yjd.schema import ALL, CELL_KEYS, HIDDEN, KNOWN, SPLITS, UNKNOWN

PRIME = (1 << 31) - 1
AUDIT_COLUMNS = (*CELL_KEYS, "attack")
Key = tuple[str, ...]
Equation = dict[int, int]
_DIMENSIONS = {name: CELL_KEYS.index(name) for name in SPLITS}
_LEVEL = CELL_KEYS.index("level")


def audit(released: pd.DataFrame, rules: Rules, links: Links) -> pd.DataFrame:
    """Return what an outsider can work out from released cells; empty means safe.

    Parameters
    ----------
    released : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`, as they will be published. Not changed.
    rules : Rules
        The data owner's rules.
    links : Links
        How stages, periods and groups are tied to each other.

    Returns
    -------
    DataFrame
        `CELL_KEYS` and `attack`: ``shown`` (a count that the rules hide is there to be read), ``sums``
        (hidden, and given back by adding and subtracting), ``bounds`` (given back because counts are not
        negative), ``complement`` (a whole and a part that differ by a count that the rules hide) or ``rest`` (a
        period less those within it that are published leaves such a count).
    """
    table = _Table.of(released, links)
    found = [(key, "shown") for key in _plainly_shown(released, rules, links)]
    equations = table.equations(links)
    unknown = {number for number, value in enumerate(table.values) if value is None and table.published[number]}
    one, two = _solve(equations)
    # An unknown in no equation at all is in neither solution, and can be anything.
    known = {number for number in unknown if number in one and one[number] == two[number]}
    found += [(table.keys[number], "sums") for number in sorted(known)]
    if not rules.round_to:
        pinned = _pinned(equations, table, links) & (unknown - known)
        found += [(table.keys[number], "bounds") for number in sorted(pinned)]
    found += [(key, "complement") for key in _complements(table, one, two, rules, links)]
    found += [(key, "rest") for key in _rests(table, one, two, rules, links)]
    return pd.DataFrame([(*key, attack) for key, attack in found], columns=list(AUDIT_COLUMNS))


@dataclass(frozen=True)
class _Sum:
    """An equation: the terms of what is not seen add up to `rest`."""

    terms: Equation
    rest: float


def _plainly_shown(released: pd.DataFrame, rules: Rules, links: Links) -> Iterator[Key]:
    """Yield the keys of counts that break the rule in plain sight."""
    own = released[~released["stage"].isin(links.public_stages) & (released["disclosure"] != "rounded")]
    least = 1 if rules.zero_safe else 0
    wrong = own[(own["n"] >= least) & (own["n"] < rules.minimum_count)]
    marked = released[released["disclosure"].isin(HIDDEN) & released["n"].notna()]
    for row in pd.concat([wrong, marked])[list(CELL_KEYS)].itertuples(index=False, name=None):
        yield tuple(str(part) for part in row)


@dataclass
class _Table:
    """Released cells by key. A value of None is not seen."""

    keys: list[Key]
    values: list[float | None]
    published: list[bool]
    place: dict[Key, int] = field(default_factory=dict)

    @classmethod
    def of(cls, released: pd.DataFrame, links: Links) -> _Table:
        """Read the cells that an outsider reads, and name the margins that can be summed but are not printed."""
        seen = released[released["n"].notna() | released["disclosure"].isin(HIDDEN)]
        hidden = (seen["n"].isna() | seen["disclosure"].isin(HIDDEN)).tolist()
        keys = [tuple(map(str, row)) for row in seen[list(CELL_KEYS)].itertuples(index=False, name=None)]
        values = [None if hide else float(n) for hide, n in zip(hidden, seen["n"].tolist(), strict=True)]
        table = cls(keys, values, [True] * len(keys))
        table.place = {key: number for number, key in enumerate(keys)}
        for level in {key[_LEVEL] for key in keys}:
            of_level = [key for key in keys if key[_LEVEL] == level and key[0] not in links.public_stages]
            patterns = {tuple(key[d] != ALL for d in _DIMENSIONS.values()) for key in of_level}
            if not patterns >= {narrower for pattern in patterns for narrower in _narrower(pattern)}:
                for key in of_level:
                    table._add_margins(key)
        return table

    def _add_margins(self, key: Key) -> None:
        """Add every margin above a key that is not published, as an unknown that needs no protection."""
        split = [d for d in _DIMENSIONS.values() if key[d] != ALL]
        for size in range(1, len(split) + 1):
            for chosen in combinations(split, size):
                wider = tuple(ALL if d in chosen else part for d, part in enumerate(key))
                if wider not in self.place:
                    self.place[wider] = len(self.keys)
                    self.keys.append(wider)
                    self.values.append(None)
                    self.published.append(False)

    def equations(self, links: Links) -> list[_Sum]:
        """Return the sums an outsider can write down: coefficients of unknowns, and what the seen counts leave."""
        sums: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        totals: set[Key] = set()
        for number, key in enumerate(self.keys):
            for name, total in self._sums_of(key, links):
                sums[name].append((number, 1 if total else -1))
                if total:
                    totals.add(name)
        equations = []
        for name in totals:
            terms = sums[name]
            if name[0] == "period" and name[2] not in links.periods_add_up and self._in_several(terms):
                continue
            equation = {number: sign for number, sign in terms if self.values[number] is None}
            if equation and len(terms) > 1:
                rest = -sum(sign * (self.values[number] or 0.0) for number, sign in terms)
                equations.append(_Sum(equation, rest))
        return equations

    def _in_several(self, terms: list[tuple[int, int]]) -> bool:
        """Whether two single periods may count somebody: then children counted once in all of them do not add up."""
        return sum(sign < 0 and self.values[number] != 0 for number, sign in terms) > 1

    def _sums_of(self, key: Key, links: Links) -> Iterator[tuple[Key, bool]]:
        """Yield the name of each sum that a cell belongs to, and whether it is the total there."""
        stage, period = key[:2]
        if stage not in links.public_stages:
            for name, place in _DIMENSIONS.items():
                yield (name, *key[:place], *key[place + 1 :]), key[place] == ALL
            yield from self._sums_of_groups(key, links)
            for rolling, singles in links.related_periods.items():
                whole = all((stage, single, *key[2:]) in self.place for single in singles)
                if whole and (period == rolling or period in singles):
                    yield ("period", rolling, stage, *key[2:]), period == rolling
        for number, (whole_stage, parts) in enumerate(links.parts):
            if stage == whole_stage or stage in parts:
                yield ("stage", str(number), *key[1:]), stage == whole_stage

    def _sums_of_groups(self, key: Key, links: Links) -> Iterator[tuple[Key, bool]]:
        """Yield the sums over ethnic groups: All, Known, a broad group, and the same count at both levels."""
        *above, level, group = key
        special = group in (ALL, UNKNOWN, KNOWN)
        if special:
            yield ("same", *above, group), level == "broad"
        else:
            yield ("heading", *above, group if level == "broad" else links.headings[group]), level == "broad"
        with_known = (*above, level, KNOWN) in self.place
        if special or not with_known:
            yield ("everyone", *above, level), group == ALL
        if with_known and group not in (ALL, UNKNOWN):
            yield ("known", *above, level), group == KNOWN


def _narrower(pattern: tuple[bool, ...]) -> Iterator[tuple[bool, ...]]:
    """Yield every pattern of splits with some of the splits left out."""
    split = [place for place, flag in enumerate(pattern) if flag]
    for size in range(len(split)):
        for chosen in combinations(split, size):
            yield tuple(place in chosen for place in range(len(pattern)))


def _solve(sums: list[_Sum]) -> tuple[dict[int, int], dict[int, int]]:
    """Return two random solutions of the equations, modulo a prime.

    An unknown, or a difference of two, that is the same in both is the same in all (but for one chance in two
    thousand million): the equations fix its value.
    """
    rows = [{number: sign % PRIME for number, sign in one.terms.items()} for one in sums]
    rests = [round(one.rest) % PRIME for one in sums]
    where: dict[int, set[int]] = defaultdict(set)
    for row, equation in enumerate(rows):
        for number in equation:
            where[number].add(row)
    waiting = [(len(equation), row) for row, equation in enumerate(rows)]
    heapq.heapify(waiting)
    solved: list[tuple[int, Equation, int, int]] = []
    while waiting:
        size, row = heapq.heappop(waiting)
        equation = rows[row]
        if size != len(equation):
            heapq.heappush(waiting, (len(equation), row))
            continue
        if not equation:
            continue
        # The unknown in the fewest other equations: least work, and least fill.
        pivot = min(equation, key=lambda number: (len(where[number]), number))
        for number in equation:
            where[number].discard(row)
        inverse = pow(equation[pivot], -1, PRIME)
        for other in where.pop(pivot):
            factor = rows[other].pop(pivot) * inverse % PRIME
            _subtract(rows[other], other, equation, factor, pivot, where)
            rests[other] = (rests[other] - factor * rests[row]) % PRIME
        solved.append((pivot, equation, inverse, rests[row]))
        rows[row] = {}
    return _solution(solved, random.Random(1)), _solution(solved, random.Random(2))


def _solution(solved: list[tuple[int, Equation, int, int]], chance: random.Random) -> dict[int, int]:
    """Return the solution in which every unknown that is free has a random value."""
    value: dict[int, int] = {}
    for pivot, equation, inverse, rest in reversed(solved):
        for number, factor in equation.items():
            if number != pivot:
                if number not in value:
                    value[number] = chance.randrange(PRIME)
                rest -= factor * value[number]
        value[pivot] = rest * inverse % PRIME
    return value


def _subtract(
    target: Equation, row: int, equation: Equation, factor: int, pivot: int, where: dict[int, set[int]]
) -> None:
    """Take a multiple of an equation from another one, which has lost the pivot already."""
    for number, coefficient in equation.items():
        if number == pivot:
            continue
        left = (target.get(number, 0) - factor * coefficient) % PRIME
        if left:
            if number not in target:
                where[number].add(row)
            target[number] = left
        elif number in target:
            del target[number]
            where[number].discard(row)


def _pinned(sums: list[_Sum], table: _Table, links: Links) -> set[int]:
    """Return the unknowns that have one possible value because no count, and no complement, is negative."""
    low: dict[int, float] = defaultdict(float)
    high: dict[int, float] = defaultdict(lambda: inf)
    nested = _nested_pairs(table, links)
    for _ in range(40):
        changed = False
        for one in sums:
            changed |= _narrow(one.terms, one.rest, low, high)
        for part, whole in nested:
            changed |= _order(part, whole, table, low, high)
        if not changed:
            break
    return {
        number
        for number, most in high.items()
        if most != inf and low[number] != -inf and ceil(low[number] - 1e-6) == floor(most + 1e-6)
    }


def _narrow(equation: Equation, rest: float, low: dict[int, float], high: dict[int, float]) -> bool:
    """Tighten the bounds of an equation's unknowns by those of the others; say whether any moved."""
    least = [low[number] if sign > 0 else -high[number] for number, sign in equation.items()]
    most = [high[number] if sign > 0 else -low[number] for number, sign in equation.items()]
    sum_least, sum_most = (sum(v for v in side if abs(v) != inf) for side in (least, most))
    open_least, open_most = (sum(abs(v) == inf for v in side) for side in (least, most))
    changed = False
    for place, (number, sign) in enumerate(equation.items()):
        up = down = inf
        if open_least - (abs(least[place]) == inf) == 0:
            up = rest - (sum_least - (least[place] if abs(least[place]) != inf else 0.0))
        if open_most - (abs(most[place]) == inf) == 0:
            down = -(rest - (sum_most - (most[place] if abs(most[place]) != inf else 0.0)))
        new_high, new_low = (up, -down) if sign > 0 else (down, -up)
        if new_high < high[number] - 1e-9:
            high[number], changed = new_high, True
        if new_low > low[number] + 1e-9:
            low[number], changed = new_low, True
    return changed


def _order(part: int, whole: int, table: _Table, low: dict[int, float], high: dict[int, float]) -> bool:
    """Use that a part is no more than its whole; say whether a bound moved."""
    least, most = table.values[part], table.values[whole]
    changed = False
    if table.values[part] is None and (ceiling := high[whole] if most is None else most) < high[part]:
        high[part], changed = ceiling, True
    if table.values[whole] is None and (base := low[part] if least is None else least) > low[whole]:
        low[whole], changed = base, True
    return changed


def _nested_pairs(table: _Table, links: Links) -> list[tuple[int, int]]:
    """Return (part, whole) for each pair of nested cells of which one at least is not seen."""
    wholes: dict[str, list[str]] = defaultdict(list)
    for part, whole in links.nested():
        wholes[part].append(whole)
    pairs = []
    for number, key in enumerate(table.keys):
        for whole in wholes.get(key[0], []):
            other = table.place.get((whole, *key[1:]))
            if other is not None and (table.values[number] is None or table.values[other] is None):
                pairs.append((number, other))
    return pairs


def _complements(table: _Table, one: dict[int, int], two: dict[int, int], rules: Rules, links: Links) -> Iterator[Key]:
    """Yield the parts whose whole, less them, is a count that the rules hide, and is plain to see."""
    least = 1 if rules.zero_safe else 0
    for part, whole in links.nested():
        if part in links.public_stages:
            continue
        for number, key in enumerate(table.keys):
            if key[0] != part:
                continue
            other = table.place.get((whole, *key[1:]))
            if other is None:
                continue
            inner, outer = table.values[number], table.values[other]
            if inner is not None and outer is not None:
                difference = round(outer - inner)
            elif inner is None and outer is None and number in one and other in one:
                difference = (one[other] - one[number]) % PRIME
                if difference != (two[other] - two[number]) % PRIME:
                    continue
            else:  # fixed only if the one that is not seen is fixed, which `sums` reports
                continue
            if not rules.round_to and least <= difference < rules.minimum_count:
                yield key


def _rests(table: _Table, one: dict[int, int], two: dict[int, int], rules: Rules, links: Links) -> Iterator[Key]:
    """Yield the cells of a period that, less the periods within it, are a count that the rules hide."""
    if rules.round_to:
        return
    least = 1 if rules.zero_safe else 0
    published = {key[1] for key in table.keys}
    for whole, parts in links.related_periods.items():
        within = published.intersection(parts)
        if not within or within.issuperset(parts):
            continue
        for number, key in enumerate(table.keys):
            if key[1] != whole or key[0] not in links.periods_add_up:
                continue
            places = [table.place.get((key[0], part, *key[2:])) for part in within]
            terms = [(number, 1), *((place, -1) for place in places if place is not None)]
            rest = _fixed(table, terms, (one, two))
            if rest is not None and least <= rest < rules.minimum_count:
                yield key


def _fixed(table: _Table, terms: list[tuple[int, int]], solutions: tuple[dict[int, int], ...]) -> int | None:
    """Return what a sum of counts (number, sign) comes to, modulo the prime, if that is the same in every solution."""
    found = set()
    for solution in solutions:
        total = 0
        for number, sign in terms:
            seen = table.values[number]
            if seen is None and number not in solution:
                return None
            total += sign * (solution[number] if seen is None else round(seen))
        found.add(total % PRIME)
    return found.pop() if len(found) == 1 else None
