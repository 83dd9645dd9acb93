"""What stages leave of the stages that hold them, at any depth, as counts that nobody prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from yjd.disclosure.columns import NONE, STAGE, Columns, Flags, Ints, match
from yjd.disclosure.relations import Small, falls
from yjd.disclosure.rules import Links

#: Of more stages than this within one it is judged less each of them and less all of them, not less every choice.
MOST_CHOICES = 5


Mark = frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Form:
    """A stage less others within it, which do not hold each other.

    Attributes
    ----------
    whole, chosen
        The stage, and those that are taken from it; none, of the stage itself.
    every : bool
        Whether these are all that it holds directly.
    through : str
        The stage that holds the chosen one directly, where there is only one.
    mark
        What it is made of: two forms with the same mark are the same count.
    """

    whole: str
    chosen: tuple[str, ...]
    every: bool
    through: str
    mark: Mark


def stage_forms(links: Links, known: Collection[str]) -> Iterator[Form]:
    """Yield what some stages are, and what can be taken from what among them: all that each holds, one, several."""
    direct: dict[str, str] = {}
    within: dict[str, list[str]] = {}
    for part, whole in links.nested():
        if part in known and whole in known:
            direct.setdefault(part, whole)
            within.setdefault(whole, []).append(part)
    holds = {whole: tuple(part for part in parts if direct[part] == whole) for whole, parts in within.items()}
    nested = {frozenset(pair) for pair in links.nested()}
    made = _made_of(links, holds, known)
    for stage in known:
        yield Form(stage, (), every=False, through="", mark=frozenset(made[stage].items()))
    forms: list[Form] = []
    for whole, parts in within.items():
        few = next((some for some in (parts, holds[whole]) if len(some) <= MOST_CHOICES), ())
        choices = dict.fromkeys([holds[whole], *((part,) for part in parts)])
        for size in range(2, len(few) + 1):
            for some in combinations(few, size):
                if not any(frozenset(pair) in nested for pair in combinations(some, 2)):
                    choices[some] = None
        for chosen in choices:
            left = Counter(made[whole])
            for part in chosen:
                left.subtract(made[part])
            if max(left.values()) > 0:  # stages that add up leave nothing
                mark = frozenset((name, times) for name, times in left.items() if times)
                forms.append(Form(whole, chosen, chosen == holds[whole], direct[chosen[0]], mark))
    yield from sorted(forms, key=lambda form: (not form.every, len(form.chosen)))


def _made_of(links: Links, holds: Mapping[str, tuple[str, ...]], known: Collection[str]) -> dict[str, Counter[str]]:
    """Say what each stage is made of: the stages that add up to it, or those that it holds and what is in none."""
    sums = {whole: tuple(parts) for whole, parts in links.parts if set(parts) <= set(known)}
    found: dict[str, Counter[str]] = {}

    def made(stage: str) -> Counter[str]:
        if stage not in found:
            own = Counter[str]() if stage in sums else Counter([stage])
            found[stage] = sum((made(part) for part in sums.get(stage, holds.get(stage, ()))), own)
        return found[stage]

    for stage in known:
        made(stage)
    return found


def relate_stages(c: Columns, rows: Ints, plain: Flags, small: Small, links: Links) -> Ints:
    """Relate stages that add up, and add what stages leave of the stages that hold them.

    What is left is added where it is small, or where it says anew that a count is not negative: where some count is
    `plain`, and not a sum of others. Columns of the second kind are returned where children are counted once.
    """
    left = _Left(c, rows, plain, small)
    printed = rows < c.printed
    for whole, parts in links.parts:
        if left.at.keys() >= {whole, *parts}:
            total, part = (np.concatenate([left.at[name] for name in names]) for names in ((whole,), parts))
            total, part = total[printed[total]], part[printed[part]]
            c.sums(rows[total], left.key[total], rows[part], left.key[part])
    once = [NONE]
    for form in stage_forms(links, left.at.keys()):
        bounds = left.add(form)
        if not {form.whole, *form.chosen} & links.periods_add_up:
            once.append(bounds)
    return np.concatenate(once)


@dataclass
class _Left:
    """What stages leave of others, as it is collected.

    Attributes
    ----------
    rows : array
        Columns that may be subtracted from each other.
    plain : array (rows,)
        Whether it is no sum of others.
    seen : dict
        For each mark of a form, the keys at which that count is there already.
    bounded : array (rows,)
        Of which it was said that all that they hold leaves nothing negative.
    """

    c: Columns
    rows: Ints
    plain: Flags
    small: Small
    key: Ints = field(init=False)
    at: dict[str, Ints] = field(init=False)
    seen: dict[Mark, list[Ints]] = field(init=False)
    bounded: Flags = field(init=False)

    def __post_init__(self) -> None:
        """Find what there is of each stage."""
        self.key = self.c.key(self.rows, without=(STAGE,))
        stage = self.c.table[self.rows, STAGE]
        self.at = {self.c.names[STAGE][code]: np.flatnonzero(stage == code) for code in np.unique(stage).tolist()}
        self.seen = {}
        self.bounded = np.zeros(self.rows.size, dtype=np.bool_)

    def add(self, form: Form) -> Ints:
        """Add what a form leaves; return those columns that say that a count is not negative."""
        outer = self.at[form.whole]
        if not form.chosen:
            self.seen.setdefault(form.mark, []).append(self.key[outer])
            return NONE
        outer = outer[~np.isin(self.key[outer], np.concatenate([NONE, *self.seen.get(form.mark, ())]))]
        inner = np.stack([self._match(outer, name) for name in form.chosen])
        whole = (inner >= 0).all(axis=0)
        self.seen.setdefault(form.mark, []).append(self.key[outer[whole]])
        # Where some of all the stages are missing, what the others leave is another of the choices.
        use = (inner >= 0).any(axis=0) if form.every else whole
        outer, inner = outer[use], inner[:, use]
        n = self.c.n
        rest = n[self.rows[outer]] - np.where(inner >= 0, n[self.rows[inner]], 0.0).sum(axis=0)
        bounds = self._bounds(form, outer, inner) & ~(rest < 0)  # a whole that is less than its parts is no whole
        if form.every:
            self.bounded[outer[bounds]] = True
        keep = bounds | self.small(rest)
        outer, inner, rest, bounds = self.rows[outer[keep]], inner[:, keep], rest[keep], bounds[keep]
        keys = self.c.table[outer]
        keys[:, STAGE] = self.c.new(STAGE, f"{form.whole} less {', '.join(form.chosen)}")
        columns = self.c.add(keys, rest, np.where(bounds, falls(rest), np.inf))
        which, of = np.nonzero(inner >= 0)
        self.c.relate(outer, self.rows[inner[which, of]], of, columns, defines=True)
        stated: Ints = columns[bounds]
        return stated

    def _bounds(self, form: Form, outer: Ints, inner: Ints) -> Flags:
        """Where no other form says that what is left is not negative."""
        plain: Flags = self.plain[outer] | ((inner >= 0) & self.plain[inner]).any(axis=0)
        if form.every:
            return plain
        if len(form.chosen) > 1:
            return plain & False
        if form.through == form.whole:
            return plain & ~self.bounded[outer]
        return plain & (self._match(outer, form.through) < 0)

    def _match(self, outer: Ints, stage: str) -> Ints:
        """Return the row of a stage at the key of each given row; -1 where there is none."""
        places = self.at[stage]
        found = match(self.key[outer], self.key[places])
        return np.asarray(np.where(found >= 0, places[found], -1), dtype=np.int64)
