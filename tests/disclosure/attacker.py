"""An outsider with a solver, who has every release and has read none of the package.

The unknowns are the counts behind everything: one for each leaf (exclusive part of the stages, shortest period, finest
value of every split, finest group), none below 0. Every published number of every release is one statement about a sum
of leaves: exact, rounded (to within a base for each term) or hidden (no statement). What the outsider can work out of
any other sum of leaves is the least and the most that it can be: linear programmes (`scipy.optimize.milp`, HiGHS), with
whole counts where the programme is told to keep them whole.

The attack is made on every count that the rules call small, whether or not anyone prints it: published cells, what is
left of a stage without its parts, of a period without its published parts, margins left out, broad groups that only
their detailed ones show, and any combination of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.disclosure.countable import marks, sensitive
from tests.disclosure.leaves import Project, Release
from yjd.disclosure import Links, Rules

NEAR = 1e-6


@dataclass(frozen=True)
class Statements:
    """What the outsider knows: ``low <= matrix @ unknowns <= high`` and ``unknowns >= 0``."""

    matrix: sparse.csr_array
    low: np.ndarray
    high: np.ndarray

    def least(self, costs: np.ndarray, *, whole: bool = False) -> np.ndarray | None:
        """The unknowns that make the sum of costs least, or None where it has no end."""
        answer = milp(
            costs,
            constraints=LinearConstraint(self.matrix, self.low, self.high) if self.matrix.shape[0] else (),
            bounds=Bounds(0, np.inf),
            integrality=np.full(len(costs), int(whole)),
        )
        # 4: HiGHS says "unbounded or infeasible" where the unknowns are whole; the truth is always feasible.
        if answer.status in (3, 4):
            return None
        assert answer.status == 0, f"the true counts do not meet what was published: {answer.message}"
        return answer.x


def attack(project: Project, published: Sequence[pd.DataFrame], *, whole: bool = False) -> pd.DataFrame:
    """What an outsider makes of the last of a project's releases, with all earlier ones at hand.

    Parameters
    ----------
    project : Project
        The truth, and what every label says about the leaves.
    published : sequence of DataFrame
        The protected cells of the releases, in order. Only `n` and `disclosure` are read besides the keys.
    whole : bool
        Whether the outsider also uses that counts are whole (integer programming; tiny projects only).

    Returns
    -------
    DataFrame
        A row for each different count that the rules call small: `what` (its kind), `key`, `n`, `low`, `high`,
        `possible` (how many of the values that the rule hides can be), `needed`, `broken` (fewer can be than the
        rules ask, and than the earlier releases by themselves left) and `exact` (broken, and only one value can be).
    """
    present = project.releases[-1]
    known = _statements(project, published)
    targets = sensitive(project, number_leaves(project))
    if targets.empty:
        return targets.assign(low=[], high=[], possible=[], needed=[], broken=[], exact=[])
    rows = sparse.csr_array(np.vstack(targets["row"].tolist()).astype(float))
    found = targets.drop(columns="row").reset_index(drop=True)
    found["low"], found["high"] = _ends(known, rows, found, present, whole=whole)
    found["needed"] = present.rules.interval_width
    found["possible"] = _possible(found, found["low"], found["high"])
    found["broken"] = found["possible"] < found["needed"]
    if found["broken"].any() and len(published) > 1:
        # What the earlier releases gave away cannot be taken back, but the last may not give away more.
        before = _statements(project, published[:-1])
        own = np.flatnonzero(found["broken"])
        left = _possible(found.iloc[own], *_ends(before, rows[own], found.iloc[own], present, whole=whole))
        found.loc[own, "broken"] = found["possible"].iloc[own].to_numpy() < left
    found["exact"] = found["broken"] & (found["high"] - found["low"] < NEAR)
    return found


def _possible(found: pd.DataFrame, low, high) -> np.ndarray:
    """How many of the values that the rule hides lie between the ends."""
    least = np.maximum(np.ceil(np.asarray(low) - NEAR), found["least"])
    most = np.minimum(np.floor(np.asarray(high) + NEAR), found["most"])
    return np.maximum(most - least + 1, 0).to_numpy()


def number_leaves(project: Project) -> list[np.ndarray]:
    """Number the leaves of every family: the unknowns are their counts as they are now."""
    found, fresh = [], 0
    for counts in project.releases[-1].counts:
        found.append(np.arange(fresh, fresh + counts.size).reshape(counts.shape))
        fresh += counts.size
    return found


def _statements(project: Project, published: Sequence[pd.DataFrame]) -> Statements:
    """Put every number that was published as a statement about the leaves as they are now.

    A number that was revised since is about another table and says nothing here; one that was not still holds.
    """
    unknowns, present = number_leaves(project), project.releases[-1]
    size = 1 + max(int(numbers.max()) for numbers in unknowns)
    blocks, lows, highs = [], [], []
    for release, cells in zip(project.releases, published, strict=False):
        shown = cells[cells["n"].notna()]
        for at, (family, own) in enumerate(zip(project.families, unknowns, strict=True)):
            mine = shown[shown["stage"].isin(list(family.axes["stage"]))]
            if family.public or mine.empty:
                continue
            rows = family.rows(mine).astype(float)
            holds = rows @ release.counts[at].ravel() == rows @ present.counts[at].ravel()
            wide = np.zeros((int(holds.sum()), size), dtype=np.uint8)
            wide[:, own.ravel()] = rows[holds]
            low, high = _read(mine[holds], release.rules, release.links)
            blocks.append(wide)
            lows.append(low)
            highs.append(high)
    if not blocks:
        return Statements(sparse.csr_array((0, size)), np.zeros(0), np.zeros(0))
    matrix, low, high = np.vstack(blocks), np.concatenate(lows), np.concatenate(highs)
    # The same sum published twice is one statement, as narrow as both.
    _, first, same = np.unique(np.round(matrix @ marks(size), 9), return_index=True, return_inverse=True)
    least, most = np.full(len(first), -np.inf), np.full(len(first), np.inf)
    np.maximum.at(least, same, low)
    np.minimum.at(most, same, high)
    return Statements(sparse.csr_array(matrix[first].astype(float)), least, most)


def _read(cells: pd.DataFrame, rules: Rules, links: Links) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that each published number can stand for.

    A rounded count is the multiple below or above the true one; that of a stage or period which others add up to is the
    sum of their rounded counts.
    """
    n = cells["n"].to_numpy(dtype=float)
    if not rules.round_to:
        return n, n
    stages, periods = _parts(dict(links.parts)), _parts(links.related_periods)
    terms = [
        stages(stage) * (periods(period) if stage in links.periods_add_up else 1)
        for stage, period in zip(cells["stage"], cells["period"], strict=True)
    ]
    reach = np.where(cells["disclosure"] == "rounded", np.array(terms, dtype=float) * (rules.round_to - 1), 0.0)
    return np.maximum(n - reach, 0), n + reach


def _parts(sums: Mapping[str, Sequence[str]]) -> Callable[[str], int]:
    """How many terms the count of a name is the sum of, at any depth."""

    def terms(name: str) -> int:
        return sum(terms(part) for part in sums[name]) if name in sums else 1

    return terms


def _ends(known: Statements, rows, found: pd.DataFrame, release: Release, *, whole: bool):
    """The least and most of each target, as far as it takes to tell whether it is narrow.

    Two programmes push all targets up and down together, which shows most to be wide; the others get two of their own.
    """
    known, rows = _smaller(known, rows)
    wanted = found["n"].to_numpy(dtype=float) + release.rules.interval_width
    least, most = found["least"].to_numpy(dtype=float), np.minimum(found["most"].to_numpy(dtype=float), wanted)
    low = high = found["n"].to_numpy(dtype=float)
    if not whole:
        for _ in range(2):
            open_ = np.flatnonzero(_possible(found, low, high) < release.rules.interval_width)
            for sign in (1.0, -1.0):
                if len(open_):
                    end = (least if sign > 0 else most)[open_]
                    reached = rows @ _together(known, rows[open_], sign, end)
                    low, high = np.minimum(low, reached), np.maximum(high, reached)
                    open_ = open_[(_possible(found, low, high) < release.rules.interval_width)[open_]]
    low, high = low.copy(), high.copy()
    for at in np.flatnonzero(whole | (_possible(found, low, high) < release.rules.interval_width)):
        row = rows[[at]].toarray()[0]
        for sign, ends in ((1.0, low), (-1.0, high)):
            answer = known.least(sign * row, whole=whole)
            ends[at] = -sign * np.inf if answer is None else row @ answer
    return low, high


def _together(known: Statements, rows, sign: float, end: np.ndarray) -> np.ndarray:
    """Unknowns that bring the rows' sums up (-1) or down (1) together, none further than its end for its own sake."""
    many, width = rows.shape[0], rows.shape[1]
    matrix = sparse.block_array([[known.matrix, None], [rows, -sparse.eye_array(many)]], format="csr")
    nothing, open_ = np.zeros(many), np.full(many, np.inf)
    # A stand-in for each sum: no more than it on the way up, no less on the way down.
    up = sign < 0
    answer = milp(
        np.concatenate([np.zeros(width), np.full(many, sign)]),
        constraints=LinearConstraint(
            matrix,
            np.concatenate([known.low, nothing if up else -open_]),
            np.concatenate([known.high, open_ if up else nothing]),
        ),
        bounds=Bounds(
            np.concatenate([np.zeros(width), nothing if up else end]),
            np.concatenate([np.full(width, np.inf), end if up else open_]),
        ),
    )
    assert answer.status == 0, f"the true counts do not meet what was published: {answer.message}"
    return answer.x[:width]


def _smaller(known: Statements, rows):
    """The same question with fewer unknowns: those of a zero go, and those that always come together are one."""
    gone = (known.matrix[known.high == 0].sum(axis=0) > 0) if len(known.high) else np.zeros(rows.shape[1], dtype=bool)
    both = sparse.vstack([known.matrix, rows], format="csc")
    mark = np.where(gone, 0, np.round(both.T @ marks(both.shape[0]), 9))
    _, first = np.unique(mark, return_index=True)
    keep = np.sort(first[mark[first] > 0])
    said = known.high > 0
    return Statements(known.matrix[said][:, keep], known.low[said], known.high[said]), rows[:, keep]


def intervals(released, members):
    """Least and most of each hidden cell of one table, by its position.

    `members(row)` gives the leaves of a cell, as hashable names.
    """
    rows = [members(row) for row in released.itertuples(index=False)]
    place = {leaf: number for number, leaf in enumerate(sorted(set().union(*rows)))}
    matrix = np.zeros((len(rows), len(place)))
    for number, row in enumerate(rows):
        matrix[number, [place[leaf] for leaf in row]] = 1
    shown = released["n"].notna().to_numpy()
    n = released["n"].to_numpy(dtype=float)[shown]
    known = Statements(sparse.csr_array(matrix[shown]), n, n)
    found = {}
    for number in np.flatnonzero(~shown).tolist():
        answers = [known.least(sign * matrix[number]) for sign in (1, -1)]
        low, high = (np.nan if one is None else float(matrix[number] @ one) for one in answers)
        found[number] = (low, np.inf if np.isnan(high) else high)
    return found


def recovered(released, members):
    """Positions of the hidden cells that can be one number only."""
    return [number for number, (low, high) in intervals(released, members).items() if high - low < NEAR]


def by_area_and_group(areas, groups):
    """`members` of an areas-by-groups table with totals."""

    def members(row):
        chosen_areas = areas if row.area == "All" else [row.area]
        chosen_groups = {"All": groups, "Known": [g for g in groups if g != "Unknown"]}.get(row.group, [row.group])
        return {(row.stage, area, group) for area in chosen_areas for group in chosen_groups}

    return members
