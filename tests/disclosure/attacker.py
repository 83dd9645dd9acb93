"""An outsider with a linear-programming solver, who has read none of the package.

Atoms are the counts behind everything: stage, single period, area, sex, age band, detailed group. A published
cell is a sum of atoms, whatever it is called; a hidden one is bounded by the least and the most that it can
be while every shown cell is what it is. Atoms of a stage that others make up are those of its parts.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog


def intervals(released, members):
    """Least and most of each hidden cell.

    `members(row)` gives the set of atoms of a cell, as hashable names.
    """
    rows = [members(row) for row in released.itertuples(index=False)]
    atoms = sorted(set().union(*rows))
    place = {atom: number for number, atom in enumerate(atoms)}
    matrix = np.zeros((len(rows), len(atoms)))
    for number, row in enumerate(rows):
        matrix[number, [place[atom] for atom in row]] = 1
    shown = released["n"].notna().to_numpy()
    seen = sparse.csr_array(matrix[shown])
    found = {}
    for number in np.flatnonzero(~shown).tolist():
        ends = []
        for sign in (1, -1):
            answer = linprog(
                sign * matrix[number],
                A_eq=seen if shown.any() else None,
                b_eq=released["n"].to_numpy()[shown] if shown.any() else None,
                bounds=(0, None),
                method="highs",
            )
            ends.append(sign * answer.fun if answer.status == 0 else sign * -np.inf)
        found[number] = tuple(ends)
    return found


def recovered(released, members):
    """Positions of the hidden cells that can be one number only."""
    return [number for number, (low, high) in intervals(released, members).items() if high - low < 1e-6]


def by_area_and_group(areas, groups):
    """`members` of an areas-by-groups table with totals."""

    def members(row):
        chosen_areas = areas if row.area == "All" else [row.area]
        chosen_groups = {"All": groups, "Known": [g for g in groups if g != "Unknown"]}.get(row.group, [row.group])
        return {(row.stage, area, group) for area in chosen_areas for group in chosen_groups}

    return members
