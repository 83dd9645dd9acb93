"""An outsider who keeps every release of a project, and knows which figures were revised: linear programmes alone.

Nothing of the package is used but the files of the releases. The unknowns are the counts of each area, group and
quarter, once for every state that the data of the quarter were ever in; every shown count of every release is one
equation. The true counts, from the review folders, say which hidden counts are small.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from tests.disclosure.attacker import NEAR, Statements

KEYS = ["period", "area", "group"]
STAGES = ("arrests", "searches", "outcomes")
Leaf = tuple[str, int, str, str]  # quarter, state, area, group


@dataclass(frozen=True)
class Seen:
    """One release: its cells of one stage, with what is true and what is shown, and the quarters of each period."""

    cells: pd.DataFrame  # KEYS, true, n
    quarters: dict[str, list[str]]


def read(project: Path, run: str, stage: str) -> Seen:
    """The cells of a stage in a release, at the broad level, as published, beside the true counts."""
    work = project / "work"
    results = pd.read_csv(work / "release" / run / "results.csv", dtype={"area": str}, keep_default_na=False)
    manifest = json.loads((work / "release" / run / "release.json").read_text(encoding="utf-8"))
    shown: dict[tuple[str, ...], float] = {}
    for measure in manifest["measures"]:
        for side in ("numerator", "denominator"):
            if measure[side] == stage:
                rows = results[(results["measure"] == measure["id"]) & (results["quantity"] == "rate")
                               & (results["level"] == "broad")]  # fmt: skip
                for *key, n in rows[[*KEYS, side]].itertuples(index=False, name=None):
                    if n != "":
                        shown[tuple(key)] = float(n)
    true = pd.read_csv(work / "review" / run / "cells.csv", keep_default_na=False)
    true = true[(true["stage"] == stage) & (true["level"] == "broad") & (true["n"] != "")]
    cells = true[KEYS].assign(true=true["n"].astype(float))
    cells["n"] = [shown.get(tuple(key), np.nan) for key in cells[KEYS].itertuples(index=False, name=None)]
    spans = manifest["periods"]
    quarters = {
        one["period"]: [
            other["period"] for other in spans
            if other["kind"] == "quarter" and one["start"] <= other["start"] and other["end"] <= one["end"]
        ]
        for one in spans
    }  # fmt: skip
    return Seen(cells.reset_index(drop=True), quarters)


def attack(project: Path, runs: Sequence[str], stage: str, *, width: int, minimum: int) -> pd.DataFrame:
    """Every hidden count of 1 to `minimum` - 1 of any release, and how many values all releases together leave it.

    Returns
    -------
    DataFrame
        release (its number), `KEYS`, low, high, exact (one value is left) and narrow (fewer than `width` are).
    """
    places: dict[Leaf, int] = {}
    rows, values, targets = [], [], []
    states: dict[tuple[str, tuple[float, ...]], int] = {}
    for number, run in enumerate(runs, 1):
        seen = read(project, run, stage)
        state = {
            quarter: states.setdefault((quarter, tuple(part.sort_values(KEYS)["true"])), len(states))
            for quarter, part in seen.cells.groupby("period", sort=False)
        }
        finest = _finest(seen.cells)
        for cell in seen.cells.itertuples():
            inside = [one for one in seen.quarters[cell.period] if one in state]
            leaves = [(quarter, state[quarter], *leaf) for quarter in inside for leaf in finest(cell.area, cell.group)]
            row = [places.setdefault(leaf, len(places)) for leaf in leaves]
            if not np.isnan(cell.n):
                assert cell.n == cell.true, "a release shows another count than the true one"
                rows.append(row)
                values.append(cell.n)
            elif 0 < cell.true < minimum:
                targets.append((number, cell.period, cell.area, cell.group, row))
    found = pd.DataFrame(targets, columns=["release", *KEYS, "row"])
    found["low"], found["high"] = _ends(rows, values, found["row"].tolist(), len(places))
    possible = np.minimum(np.floor(found["high"] + NEAR), minimum - 1) - np.maximum(np.ceil(found["low"] - NEAR), 1) + 1
    return found.drop(columns="row").assign(exact=found["high"] - found["low"] < NEAR, narrow=possible < width)


def _finest(cells: pd.DataFrame):
    areas = [name for name in cells["area"].unique() if name != "All"]
    groups = [name for name in cells["group"].unique() if name not in ("All", "Known")]
    inside = {"All": groups, "Known": [one for one in groups if one != "Unknown"]}

    def leaves(area: str, group: str) -> Iterator[tuple[str, str]]:
        for one in areas if area == "All" else [area]:
            for other in inside.get(group, [group]):
                yield one, other

    return leaves


def _ends(rows: list[list[int]], values: list[float], targets: list[list[int]], size: int):
    """Least and most of each target, from the equations that hang together with it."""
    matrix = _matrix(rows, size)
    hangs = sparse.csgraph.connected_components(matrix.T @ matrix, directed=False)[1]
    value, ends = np.array(values), np.zeros((2, len(targets)))
    of_row = np.array([hangs[row[0]] for row in rows])
    for at, row in enumerate(targets):
        mine = np.isin(hangs, hangs[row])
        own = np.isin(of_row, hangs[row])
        known = Statements(matrix[own][:, mine], value[own], value[own])
        costs = _matrix([row], size)[:, mine].toarray()[0]
        for side, sign in enumerate((1.0, -1.0)):
            answer = known.least(sign * costs)
            ends[side, at] = np.inf if answer is None else costs @ answer
    return ends


def _matrix(rows: list[list[int]], size: int):
    number = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    place = np.concatenate([np.array(row, dtype=int) for row in rows])
    return sparse.csr_array((np.ones(len(place)), (number, place)), shape=(len(rows), size))
