"""Where moves start from when earlier releases hid counts that nobody counts any more."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from yjd.disclosure.starting import started
from yjd.disclosure.system import System


def system(n, equal, bound=()):
    n = np.array(n, dtype=float)
    rows = [np.array(one, dtype=float).reshape(-1, len(n)) for one in (equal, bound)]
    none = sparse.csr_array((0, len(n)))
    return System(
        np.arange(len(n)), np.zeros((len(n), 8), dtype=int), n, np.ones(len(n), dtype=bool), sparse.csr_array(rows[0]),
        sparse.csr_array(rows[1]), np.zeros(len(rows[1])), none, np.zeros(0), np.zeros((len(n), 2), dtype=int),
    )  # fmt: skip


def test_unknown_counts_get_values_that_agree_with_all_others_and_are_away_from_nothing():
    # two unknown ones are 10 together; the second is part of a stage of 7
    found = started(system([np.nan, np.nan, 10, 7], [[1, 1, -1, 0]], [[0, -1, 0, 1]]))
    np.testing.assert_allclose(found.n[:2].sum(), 10)
    assert found.n[:2].min() > 2
    np.testing.assert_allclose(found.slack, 7 - found.n[1])
    assert found.slack[0] > 0


def test_where_counts_were_revised_they_come_as_near_as_they_can():
    found = started(system([np.nan, np.nan, 10, 12], [[1, 1, -1, 0], [1, 1, 0, -1]]))
    assert 10 - 1e-6 <= found.n[:2].sum() <= 12 + 1e-6


def test_nothing_unknown_is_nothing_to_do():
    given = system([4, 6, 10], [[1, 1, -1]])
    assert started(given) is given
