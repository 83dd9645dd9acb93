"""An outsider who keeps every release of a project, and knows which figures were revised: linear programmes alone.

Nothing of the package is used but the files of the releases. The unknowns are the counts of each area, group and
quarter, once for every state that each was ever in; every shown count of every release is one equation. The true
counts, from the review folders, say which hidden counts are small.

Two outsiders are tried. One knows which *shown* figures were revised: a count is the same in two releases for him if it
is, and either one of them shows it, or both show the same for something of the same group that contains it (a total of
several groups stays the same when an ethnicity is filled in later). The other one knows of every
single count, hidden or not, whether it was revised: nobody does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from tests.disclosure.attacker import NEAR, Statements

KEYS = ["stage", "period", "area", "group"]
#: Stages that hold each other, as the exclusive kinds of events that each is made of.
FAMILIES: dict[str, dict[str, tuple[str, ...]]] = {
    "arrests": {"arrests": ("arrests",)},
    "searches": {"searches": ("searches",)},
    "outcomes": {"outcomes": ("precourt", "court"), "precourt": ("precourt",), "not precourt": ("court",)},
    "first-time entrants": {"first_time_entrants_pnc": ("entrants",)},
}
Place = tuple[str, str, str, str]  # kind, quarter, area, group
Leaf = tuple[Place, float, int]  # what it was at the time, and the number of its state


@dataclass(frozen=True)
class Seen:
    """One release: its cells, with what is true and what is shown, and the quarters of each period."""

    cells: pd.DataFrame  # KEYS, true, n
    quarters: Mapping[str, Sequence[str]]


def read(project: Path, run: str) -> Seen:
    """The cells of a release, at the broad level, as published, beside the true counts."""
    work = project / "work"
    results = pd.read_csv(work / "release" / run / "results.csv", dtype={"area": str}, keep_default_na=False)
    manifest = json.loads((work / "release" / run / "release.json").read_text(encoding="utf-8"))
    results = results[(results["quantity"] == "rate") & (results["level"] == "broad")]
    shown: dict[tuple[str, ...], float] = {}
    for measure in manifest["measures"]:
        rows = results[results["measure"] == measure["id"]]
        for side in ("numerator", "denominator"):
            for *key, n in rows[[*KEYS[1:], side]].itertuples(index=False, name=None):
                if n != "":
                    shown[measure[side], *key] = float(n)
    true = pd.read_csv(work / "review" / run / "cells.csv", keep_default_na=False)
    true = true[(true["level"] == "broad") & (true["n"] != "")]
    cells = true[KEYS].assign(true=true["n"].astype(float))
    cells["n"] = [shown.get(tuple(key), np.nan) for key in cells[KEYS].itertuples(index=False, name=None)]
    return Seen(cells.reset_index(drop=True), quarters_of(manifest["periods"]))


def quarters_of(periods: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """The quarters within each period; `periods` have period, kind, start and end (YYYY-MM-DD)."""
    return {
        one["period"]: [
            other["period"] for other in periods
            if other["kind"] == "quarter" and one["start"] <= other["start"] and other["end"] <= one["end"]
        ]
        for one in periods
    }  # fmt: skip


def attack(releases: Sequence[Seen], family: str, *, width: int, minimum: int, knows_all: bool = False) -> pd.DataFrame:
    """Every count of 1 to `minimum` - 1 that a release hid, and how many values all releases together leave it.

    Parameters
    ----------
    releases : sequence of Seen
        The oldest first.
    family : str
        One of `FAMILIES`.
    width, minimum : int
        What the rules say.
    knows_all : bool
        Whether he knows of every single count whether it was revised.

    Returns
    -------
    DataFrame
        `KEYS`, true, low, high, today (whether no later release has it otherwise), exact (one value is left) and narrow
        (fewer than `width` are). A count that several releases hid is one row as long as it was the same.
    """
    kinds = FAMILIES[family]
    states = _States(knows_all)
    places: dict[Leaf, int] = {}
    rows: dict[tuple[int, ...], float] = {}
    targets: dict[tuple[int, ...], tuple[tuple[str, ...], float]] = {}
    newest: dict[tuple[str, ...], tuple[tuple[int, ...], float]] = {}
    for seen in releases:
        cells = _with_complements(seen.cells, kinds)
        made_of = _leaves(cells, seen.quarters, kinds)
        leaf = states.leaves(cells, made_of)
        for (*key, true, n), inside in zip(cells[[*KEYS, "true", "n"]].itertuples(index=False), made_of, strict=True):
            leaves = [leaf[place] for place in inside]
            if gap := true - sum(value for _, value, _ in leaves):  # of a year not all quarters are published
                leaves.append((("rest", *key[1:]), gap, len(newest)))
            row = tuple(sorted(places.setdefault(one, len(places)) for one in leaves))
            newest[tuple(key)] = row, true
            if not np.isnan(n):
                assert n == true, "a release shows another count than the true one"
                rows[row] = n
            elif 0 < true < minimum:
                targets[row] = (tuple(key), true)
    found = pd.DataFrame([(*key, true) for key, true in targets.values()], columns=[*KEYS, "true"])
    found["today"] = [newest[key] == (row, true) for row, (key, true) in targets.items()]
    found["low"], found["high"] = _ends(
        list(rows), list(rows.values()), list(targets), np.array([value for _, value, _ in places]),
        lambda low, high: _possible(low, high, minimum) >= width,
    )  # fmt: skip
    narrow = _possible(found["low"], found["high"], minimum) < width
    return found.assign(exact=found["high"] - found["low"] < NEAR, narrow=narrow)


class _States:
    """The states that each leaf was in, as far as the outsider can tell them apart."""

    def __init__(self, knows_all: bool) -> None:
        self.knows_all = knows_all
        self.before: list[tuple[dict[Place, Leaf], dict[tuple[str, ...], float]]] = []  # of each release

    def leaves(self, cells: pd.DataFrame, made_of: list[list[Place]]) -> dict[Place, Leaf]:
        """The leaves of a release, each in the state of an earlier release where it is known to be the same."""
        keys = list(cells[KEYS].itertuples(index=False, name=None))
        shown = {key: n for key, n in zip(keys, cells["n"], strict=True) if not np.isnan(n)}
        holds: dict[Place, list[tuple[str, ...]]] = {}
        single: dict[Place, tuple[tuple[str, ...], float]] = {}
        for key, true, inside in zip(keys, cells["true"], made_of, strict=True):
            for place in inside:
                if key[3] == place[3]:
                    holds.setdefault(place, []).append(key)
            if len(inside) == 1 and key[1:] == inside[0][1:]:
                single[inside[0]] = key, true
        found: dict[Place, Leaf] = {}
        for place, (own, value) in single.items():
            found[place] = (place, value, 0 if self.knows_all else len(self.before))
            for leaves, told in reversed(self.before):
                same = place in leaves and leaves[place][1] == value
                if same and (own in shown or own in told or any(
                    key in told and told[key] == shown.get(key) for key in holds.get(place, ())
                )):  # fmt: skip
                    found[place] = leaves[place]
                    break
        self.before.append((found, shown))
        return found


def _leaves(
    cells: pd.DataFrame, quarters: Mapping[str, Sequence[str]], kinds: Mapping[str, tuple[str, ...]]
) -> list[list[Place]]:
    """The leaves of each cell."""
    finest, there = _finest(cells), set(cells[KEYS].itertuples(index=False, name=None))
    stage_of = {made_of[0]: stage for stage, made_of in kinds.items() if len(made_of) == 1}
    stage_of |= {kind: stage for stage, made_of in kinds.items() for kind in made_of if kind not in stage_of}
    return [
        [
            (kind, quarter, *leaf)
            for quarter in quarters[period] for leaf in finest(area, group) for kind in kinds[stage]
            if (stage_of[kind], quarter, *leaf) in there
        ]
        for stage, period, area, group in cells[KEYS].itertuples(index=False)
    ]  # fmt: skip


def _possible(low, high, minimum: int):
    """How many counts of 1 to `minimum` - 1 lie between the ends."""
    return np.minimum(np.floor(high + NEAR), minimum - 1) - np.maximum(np.ceil(low - NEAR), 1) + 1


def _with_complements(cells: pd.DataFrame, kinds: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """The cells of a family, and what a stage leaves of the one that holds it, shown where both are."""
    own = cells[cells["stage"].isin(list(kinds))]
    if "not precourt" not in kinds:
        return own
    whole, part = (own[own["stage"] == name].set_index(KEYS[1:])[["true", "n"]] for name in ("outcomes", "precourt"))
    rest = (whole - part.reindex(whole.index)).dropna(subset="true").reset_index().assign(stage="not precourt")
    return pd.concat([own, rest[own.columns]], ignore_index=True)


def _finest(cells: pd.DataFrame):
    areas = [name for name in cells["area"].unique() if name != "All"]
    groups = [name for name in cells["group"].unique() if name not in ("All", "Known")]
    inside = {"All": groups, "Known": [one for one in groups if one != "Unknown"]}

    def leaves(area: str, group: str) -> Iterator[tuple[str, str]]:
        for one in areas if area == "All" else [area]:
            for other in inside.get(group, [group]):
                yield one, other

    return leaves


def _ends(
    rows: list[tuple[int, ...]], values: list[float], targets: list[tuple[int, ...]], true: np.ndarray,
    enough: Callable[[np.ndarray, np.ndarray], np.ndarray],
):  # fmt: skip
    """Least and most of each target, from the equations that hang together with it; no further where it is enough.

    Every answer is a table that agrees with all releases, and says what each other target in it can be.
    """
    matrix, wanted, value = _matrix(rows, len(true)), _matrix(targets, len(true)), np.array(values)
    hangs = sparse.csgraph.connected_components(matrix.T @ matrix, directed=False)[1]
    of_row = np.array([hangs[row[0]] for row in rows])
    low, high = wanted @ true, wanted @ true
    for at, row in enumerate(targets):
        if enough(low[[at]], high[[at]])[0]:
            continue
        parts = np.unique(hangs[list(row)])
        mine, own = np.isin(hangs, parts), np.isin(of_row, parts)
        known = Statements(matrix[own][:, mine], value[own], value[own])
        for sign in (1.0, -1.0):
            answer = known.least(sign * wanted[[at]][:, mine].toarray()[0])
            if answer is None:
                high[at] = np.inf
                continue
            other = true.copy()
            other[mine] = answer
            low, high = np.minimum(low, wanted @ other), np.maximum(high, wanted @ other)
    return low, high


def _matrix(rows: Sequence[Sequence[int]], size: int):
    number = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    place = np.concatenate([np.array(row, dtype=int) for row in rows])
    return sparse.csr_array((np.ones(len(place)), (number, place)), shape=(len(rows), size))
