"""What an outsider can say of stages that hold each other, or add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from yjd.disclosure.audit_keys import Codes
from yjd.disclosure.audit_world import Family, Flags, World
from yjd.disclosure.rules import Links

_MOST_WITHIN = 5  # of more stages within one, only all of its own and each alone are taken away from it


@dataclass(frozen=True)
class StageForm:
    """Stages that are taken away from one that holds them; `every`: all that it holds directly."""

    whole: str
    chosen: tuple[str, ...]
    every: bool

    @property
    def words(self) -> str:
        """What is left, in words."""
        return f"{self.whole} less {', '.join(self.chosen)}"


def forms(links: Links) -> list[StageForm]:
    """What can be taken away from what: those that say most first."""
    pairs = list(links.nested())
    holds = {(part, whole) for part, whole in pairs}
    found = []
    for whole in dict.fromkeys(whole for _, whole in pairs):
        inside = [part for part, other in pairs if other == whole]
        direct = tuple(part for part in inside if links.subsets[part] == whole)
        if len(direct) > 1:
            found.append(StageForm(whole, direct, every=True))
        found += [StageForm(whole, (part,), every=(part,) == direct) for part in inside]
        few = inside if len(inside) <= _MOST_WITHIN else direct if len(direct) <= _MOST_WITHIN else ()
        for size in range(2, len(few) + 1):
            for some in combinations(few, size):
                apart = not any(pair in holds or pair[::-1] in holds for pair in combinations(some, 2))
                if apart and some != direct:
                    found.append(StageForm(whole, some, every=False))
    return sorted(found, key=lambda one: not one.every)


def over_stages(w: World, links: Links) -> Iterator[Family | None]:
    """A part is no more than its whole, and several parts of one stage, or all, are taken from it."""
    sums = {whole: set(parts) for whole, parts in links.parts}
    bounded = np.zeros(len(w.code), dtype=bool)  # wholes of which it was said that all that they hold is no more
    for whole, parts in links.parts:
        total, found = _found(w, whole, tuple(parts), len(w.code))
        every = (found >= 0).all(axis=0)
        bounded[total[every]] = True
        yield _family(w, "residual", total[every], found[:, every], exact=True, checked=True)
    last = len(w.code)
    for form in forms(links):
        total, found = _found(w, form.whole, form.chosen, last)
        use = _worth(w, form, sums, total, found)
        total, found = total[use], found[:, use]
        if not len(total):
            continue
        row, part = _entries(found)
        with np.errstate(invalid="ignore"):
            holds = ~(w.left(total, row, part) < 0)
        implied = _implied(w, links, form, total, bounded)
        if form.every:
            bounded[total[holds]] = True
        several = len(form.chosen) > 1
        yield w.family(
            "residual" if several else "complement", total, row, part, implied=implied, checked=several,
            code=w.name[total] if several else w.name[found[0]],
        )  # fmt: skip
        new = holds & ~implied & w.own[total] & w.plain[total]
        inside = new[row]
        order = np.cumsum(new) - 1
        cell = np.concatenate([total[new], part[inside]])
        factor = np.repeat([1.0, -1.0], [int(new.sum()), int(inside.sum())])
        w.add(
            w.moved(total[new], "stage", w.keys.word("stage", form.words)), w.name[total[new]],
            np.concatenate([order[new], order[row[inside]]]), cell, factor, plain=True,
        )  # fmt: skip


def _worth(w: World, form: StageForm, sums: dict[str, set[str]], total: Codes, found: Codes) -> Flags:
    """Where a form says something that a printed stage does not: of two that add up, one leaves the other."""
    use: Flags = np.asarray((found >= 0).any(axis=0) if form.every else (found >= 0).all(axis=0))
    summed = sums.get(form.whole, set())
    if summed and summed <= set(form.chosen):
        use = use & ~(found >= 0).all(axis=0)
    if len(summed - set(form.chosen)) == 1 and set(form.chosen) < summed:
        (other,) = summed - set(form.chosen)
        use = use & (w.find(w.moved(total, "stage", w.keys.word("stage", other))) < 0)
    return np.asarray(use)


def _found(w: World, whole: str, parts: tuple[str, ...], last: int) -> tuple[Codes, Codes]:
    """The cells of a stage, and those of others at the same key: (parts, cells), -1 where there is none."""
    total = np.flatnonzero(w.keys.among(w.code[:last], "stage", [whole]))
    numbers = [w.keys.word("stage", part) for part in parts]
    found = [w.find(w.moved(total, "stage", one)) if one >= 0 else np.full(len(total), -1) for one in numbers]
    return total, np.stack(found)


def _entries(found: Codes) -> tuple[Codes, Codes]:
    which, row = np.nonzero(found >= 0)
    return row, found[which, row]


def _family(w: World, name: str, total: Codes, found: Codes, *, exact: bool, checked: bool) -> Family | None:
    return w.family(name, total, *_entries(found), exact=exact, checked=checked)


def _implied(w: World, links: Links, form: StageForm, total: Codes, bounded: Flags) -> Flags:
    """Where other relations say that what is left is not negative."""
    if form.every:
        return np.zeros(len(total), dtype=bool)
    if len(form.chosen) > 1:
        return np.ones(len(total), dtype=bool)
    between = links.subsets[form.chosen[0]]
    if between == form.whole:
        return np.asarray(bounded[total])
    number = w.keys.word("stage", between)
    if number < 0:
        return np.zeros(len(total), dtype=bool)
    return np.asarray(w.find(w.moved(total, "stage", number)) >= 0)
