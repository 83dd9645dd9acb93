"""Swaps between the finest counts, and tables that the audit is handed."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.disclosure.attacker import attack
from tests.disclosure.leaves import Project
from tests.disclosure.made import family, made, publish
from tests.disclosure.random_projects import random_project
from tests.disclosure.tables import RULES, links
from yjd.disclosure import audit, protect
from yjd.disclosure.alternatives import Alternatives
from yjd.disclosure.protect import protected
from yjd.disclosure.swaps import leaves_of, swaps_of
from yjd.schema import CELL_KEYS

COUNTS = np.array([[[3, 14], [9, 2]], [[11, 1], [4, 21]], [[6, 12], [5, 17]]])  # areas, sexes, groups


@pytest.fixture
def everything_at_once(monkeypatch):
    """Also small blocks begin with swaps."""
    monkeypatch.setattr(sys.modules["yjd.disclosure.choose"], "MANY", 0)


def _project() -> Project:
    return made(family(areas=("A", "B", "C"), sexes=("Female", "Male")), COUNTS)


def test_every_count_is_the_sum_of_its_leaves():
    cells = _project().releases[0].cells
    found = leaves_of(cells[list(CELL_KEYS)], cells["n"].to_numpy(), np.ones(len(cells), dtype=bool), links())
    assert found.n.size == COUNTS.size
    np.testing.assert_array_equal(found.within @ found.n, cells["n"])


def test_a_swap_between_groups_and_areas_keeps_all_margins_of_both():
    cells = _project().releases[0].cells
    found = leaves_of(cells[list(CELL_KEYS)], cells["n"].to_numpy(), np.ones(len(cells), dtype=bool), links())
    area, group = 2, 6
    moved = (found.within @ swaps_of(found, [(area, group)]).moves).toarray()
    some = (cells["area"] == "All") | (cells["group"] == "All")
    assert moved.shape[1] == 3 * 2  # pairs of areas, and the sex; there is one pair of groups
    assert not moved[some.to_numpy()].any()
    assert moved[~some.to_numpy()].any(axis=0).all()


@pytest.mark.usefixtures("everything_at_once")
@pytest.mark.parametrize("seed", [3, 8, 14, 21])
def test_nothing_comes_back_where_swaps_are_chosen_first(seed):
    project = random_project(seed, small=True)
    found = attack(project, publish(project))
    assert len(found)
    assert not found["broken"].any()


@pytest.mark.usefixtures("everything_at_once")
def test_the_order_of_rows_does_not_matter():
    release = _project().releases[0]
    one = protect(release.cells, release.rules, release.links)
    other = protect(release.cells.sample(frac=1.0, random_state=1), release.rules, release.links)
    pd.testing.assert_series_equal(one["disclosure"], other["disclosure"].sort_index())


def _audited(released: pd.DataFrame, cells: pd.DataFrame, given: Alternatives | None) -> pd.DataFrame:
    return audit(released, RULES, links(), cells=cells, alternatives=given)


def test_the_audit_does_not_believe_tables_that_break_a_sum():
    cells = _project().releases[0].cells
    small = cells["n"].between(1, RULES.minimum_count - 1)
    bare = cells.assign(n=cells["n"].mask(small), disclosure=np.where(small, "hidden", "shown"))
    honest = _audited(bare, cells, None)
    assert len(honest)
    for far in (1.0, 3.0, -1.0):  # each small count by itself, all others as they are
        moves = sparse.csr_array(np.diag(np.where(small, far, 0.0)))
        given = Alternatives(cells[list(CELL_KEYS)], cells["n"].to_numpy(), moves)
        pd.testing.assert_frame_equal(_audited(bare, cells, given), honest)


def test_the_audit_does_not_believe_tables_with_counts_below_nothing():
    cells = _project().releases[0].cells
    every = cells.assign(n=np.nan, disclosure="hidden")
    few = cells.assign(n=cells["n"].where(cells["group"] != "White"), disclosure="shown")
    few["disclosure"] = np.where(few["n"].isna(), "hidden", "shown")
    _, tables = protected(cells, RULES, links())
    assert tables is not None
    doubled = replace(tables, moves=sparse.csr_array(tables.moves * 1000.0))
    assert len(_audited(few, cells, None))
    for released in (every, few):
        pd.testing.assert_frame_equal(_audited(released, cells, doubled), _audited(released, cells, None))


def test_tables_of_protection_spare_the_audit_every_programme(monkeypatch):
    cells = _project().releases[0].cells
    released, tables = protected(cells, RULES, links())
    assert released["n"].isna().any()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a programme was solved")

    monkeypatch.setattr("yjd.disclosure.audit_reach.milp", never)
    with pytest.raises(AssertionError, match="programme"):
        _audited(released, cells, None)
    assert _audited(released, cells, tables).empty


def test_periods_side_by_side_give_what_one_after_the_other_gives(monkeypatch):
    years = {"2023-24": [1, 0], "2024-25": [0, 1]}
    counts = np.stack([COUNTS, COUNTS[::-1] + 2])
    cells = made(family(periods=years, areas=("A", "B", "C"), sexes=("Female", "Male")), counts).releases[0].cells
    small = cells["n"].between(1, RULES.minimum_count - 1)
    bare = cells.assign(n=cells["n"].mask(small), disclosure=np.where(small, "hidden", "shown"))
    alone, found = protected(cells, RULES, links()), _audited(bare, cells, None)
    assert alone[0]["n"].isna().any()
    assert found["period"].nunique() == 2
    monkeypatch.setattr("yjd.parallel.ENOUGH", 0)
    together = protected(cells, RULES, links())
    pd.testing.assert_frame_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1].moves.toarray(), alone[1].moves.toarray())
    pd.testing.assert_frame_equal(_audited(bare, cells, None), found)
