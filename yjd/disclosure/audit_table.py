"""What an outsider holds: every cell of every release, seen, rounded or hidden, as variables of one system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from yjd.disclosure.audit_keys import Codes, Keys, Lookup
from yjd.disclosure.audit_states import states, variables, worlds
from yjd.disclosure.rules import Links, Rules
from yjd.schema import HIDDEN

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Statement:
    """A published sum of cells: (variable, factor) of each, and the bounds of what they come to."""

    terms: tuple[tuple[int, float], ...]
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """The variables; arrays have shape (variables,).

    Attributes
    ----------
    keys : Keys
    code : array of int
        The key of each.
    low, high : array of float
        Equal where the count is seen; bounds where it is rounded or hidden.
    now, hidden, earlier : array of bool
        Whether the newest release has the cell; whether every release that has it hides it; whether an earlier
        release shows it though the newest one does not.
    present : array of bool
        Whether it is a count as it is now, as far as anybody can see, and not one that was revised since.
    truth : array of float
        The true count; NaN where the auditor does not have it.
    protected : array of bool
        Whether its stage is protected.
    worlds : list of Lookup
        Cells that can be added up with each other: see `yjd.disclosure.audit_states`.
    statements : list of Statement
    clash : array of bool
        Whether one release shows two different counts for it.
    few : array of bool
        Whether too few children stand behind the events, or one of them has too many.
    """

    keys: Keys
    code: Codes
    low: Floats
    high: Floats
    now: Flags
    hidden: Flags
    earlier: Flags
    present: Flags
    truth: Floats
    protected: Flags
    worlds: list[Lookup]
    statements: list[Statement]
    clash: Flags
    few: Flags

    @classmethod
    def of(
        cls,
        releases: Sequence[pd.DataFrame],
        rules: Rules,
        links: Links,
        cells: pd.DataFrame | None = None,
        children: pd.DataFrame | None = None,
    ) -> Table:
        """Read the releases, the newest first."""
        frames = [_seen(frame) for frame in releases]
        given = [*frames, *(frame for frame in (cells, children) if frame is not None)]
        keys = Keys.of([*given, *_keys_of_terms(frames)], _further(links))
        truth = None if cells is None else _truth(keys, cells)
        read = [_Read.of(keys, frame, rules, links, truth) for frame in frames]
        table = _joined(keys, read, links, truth, frames)
        return table if children is None else replace(table, few=_few(table, children, rules))


def _few(table: Table, children: pd.DataFrame, rules: Rules) -> Flags:
    known = children[children["children"].notna()]
    codes = table.keys.codes(known)
    order = np.argsort(codes, kind="stable")
    behind, largest = (known[name].to_numpy(dtype=np.float64)[order] for name in ("children", "largest"))
    number, most = (_true((codes[order], values), table.code) for values in (behind, largest))
    with np.errstate(invalid="ignore"):
        dominated = 100 * most > rules.largest_share_percent * table.truth
        return np.asarray((table.truth > 0) & ((number < rules.minimum_children) | dominated))


def _further(links: Links) -> dict[str, Iterable[str]]:
    stages = [*links.subsets, *links.subsets.values(), *(whole for whole, _ in links.parts)]
    periods = [*links.related_periods, *(part for parts in links.related_periods.values() for part in parts)]
    return {"stage": stages, "period": periods, "group": [*links.headings, *links.headings.values()]}


def _seen(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["n"].notna() | frame["disclosure"].isin(HIDDEN)].reset_index(drop=True)


def _keys_of_terms(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    import pandas as pd

    from yjd.schema import CELL_KEYS

    rows = {key for frame in frames if "terms" in frame for terms in frame["terms"] if terms for key, _ in terms}
    return [pd.DataFrame(sorted(rows), columns=list(CELL_KEYS))] if rows else []


def _truth(keys: Keys, cells: pd.DataFrame) -> tuple[Codes, Floats]:
    counted = cells[cells["n"].notna()]
    codes = keys.codes(counted)
    order = np.argsort(codes, kind="stable")
    return codes[order], counted["n"].to_numpy(dtype=np.float64)[order]


def _true(truth: tuple[Codes, Floats] | None, codes: Codes) -> Floats:
    if truth is None or not len(truth[0]):
        return np.full(len(codes), np.nan)
    place = np.minimum(np.searchsorted(truth[0], codes), len(truth[0]) - 1)
    return np.where(truth[0][place] == codes, truth[1][place], np.nan)


@dataclass(frozen=True)
class _Read:
    """One release: each key once, in rising order."""

    code: Codes
    low: Floats
    high: Floats
    clash: Flags
    truth: Floats

    @classmethod
    def of(
        cls, keys: Keys, frame: pd.DataFrame, rules: Rules, links: Links, truth: tuple[Codes, Floats] | None
    ) -> _Read:
        plain = frame[frame["terms"].isna()] if "terms" in frame else frame
        code = keys.codes(plain)
        low, high = bounds_of(plain, rules, links)
        order = np.argsort(code, kind="stable")
        unique, place = np.unique(code[order], return_inverse=True)
        least, most = np.zeros(len(unique)), np.full(len(unique), np.inf)
        np.maximum.at(least, place, low[order])
        np.minimum.at(most, place, high[order])
        clash = least > most
        # two different counts for one cell: nothing can be built on either
        least, most = np.where(clash, 0.0, least), np.where(clash, np.inf, most)
        return cls(unique, least, most, clash, _true(truth, unique))


def bounds_of(frame: pd.DataFrame, rules: Rules, links: Links) -> tuple[Floats, Floats]:
    """Between what bounds each published count lies: its own value, its rounding interval, or 0 and infinity.

    A count is rounded to the multiple of the base above it or below it, whichever lets totals add up; a sum of other
    stages or periods is the sum of their rounded counts.
    """
    n = frame["n"].to_numpy(dtype=np.float64)
    low, high = np.where(np.isnan(n), 0.0, n), np.where(np.isnan(n), np.inf, n)
    if rules.round_to:
        rounded = (frame["disclosure"] == "rounded").to_numpy(dtype=bool) & ~np.isnan(n)
        reach = (rules.round_to - 1) * _parts_of(frame, links)
        low = np.where(rounded, np.maximum(n - reach, 0.0), low)
        high = np.where(rounded, n + reach, high)
    for name, values, better in (("low", low, np.fmax), ("high", high, np.fmin)):
        if name in frame:
            values[:] = better(values, frame[name].to_numpy(dtype=np.float64))
    return low, high


def _parts_of(frame: pd.DataFrame, links: Links) -> Floats:
    """Of how many rounded counts each count may be the sum."""
    parts = dict(links.parts)

    def leaves(stage: str) -> int:
        return sum(map(leaves, parts.get(stage, ()))) or 1

    stages = frame["stage"].map({name: leaves(name) for name in frame["stage"].unique()})
    periods = frame["period"].map(lambda name: max(len(links.related_periods.get(name, ())), 1))
    adds_up = frame["stage"].isin(links.periods_add_up)
    # a release with nothing in these periods has words, not numbers, to map
    terms: Floats = stages.to_numpy(dtype=np.float64) * periods.where(adds_up, 1).to_numpy(dtype=np.float64)
    return terms


def _joined(
    keys: Keys, read: Sequence[_Read], links: Links, truth: tuple[Codes, Floats] | None, frames: Sequence[pd.DataFrame]
) -> Table:
    """Put the releases together: a cell of several releases is one where they are of the same state of the data."""
    state = states(keys, read, links)
    code, state_of, where = variables(read, state)
    size = len(code)
    low, high = np.zeros(size), np.full(size, np.inf)
    hidden, now, earlier, clash = np.ones(size, dtype=bool), *(np.zeros(size, dtype=bool) for _ in range(3))
    for number, (one, place) in enumerate(zip(read, where, strict=True)):
        low[place], high[place] = np.maximum(low[place], one.low), np.minimum(high[place], one.high)
        seen = np.isfinite(one.high)
        hidden[place] &= ~seen
        clash[place] |= one.clash
        if number == 0:
            now[place] = True
            was_hidden = np.zeros(size, dtype=bool)
            was_hidden[place] = ~seen
        else:
            earlier[place[seen]] = True
    if read:
        earlier &= was_hidden | ~now
    # what an earlier release says of data that were revised since has no true count here
    present = state_of == 0
    true = np.where(present, _true(truth, code), np.nan)
    protected = ~keys.among(code, "stage", links.public_stages)
    found = worlds(keys, code, read, state, where)
    statements = _statements(keys, frames, found)
    none = np.zeros(size, dtype=bool)
    return Table(
        keys, code, low, high, now, hidden, earlier, present, true, protected, found, statements, clash, few=none
    )


def _statements(keys: Keys, frames: Sequence[pd.DataFrame], worlds: Sequence[Lookup]) -> list[Statement]:
    """Published sums of cells. Those of an earlier release are read only where nothing was revised."""
    import pandas as pd

    from yjd.schema import CELL_KEYS

    found: list[Statement] = []
    for number, frame in enumerate(frames):
        if "terms" not in frame or (number and len(worlds) > 1):
            continue
        stated = frame.loc[frame["terms"].notna(), ["terms", "low", "high"]]
        every = [key for terms in stated["terms"] for key, _ in terms]
        if not every:
            continue
        place = worlds[0].find(keys.codes(pd.DataFrame(every, columns=list(CELL_KEYS)))).tolist()
        start = 0
        for terms, low, high in stated.itertuples(index=False, name=None):
            own = place[start : start + len(terms)]
            start += len(terms)
            if min(own) >= 0:
                factors = [float(factor) for _, factor in terms]
                found.append(Statement(tuple(zip(own, factors, strict=True)), float(low), float(high)))
    return found
