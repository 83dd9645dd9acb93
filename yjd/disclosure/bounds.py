"""Bounds that an outsider can put on hidden counts by using each relation in turn."""

from __future__ import annotations

import numpy as np

from yjd.disclosure.relations import Flags, Floats, Ints, System

MOST_SWEEPS = 60


def closed_by_bounds(system: System, was_rounded: Flags, unknown: Flags) -> Flags:
    """Whether each column is pinned to one whole number by bounds alone.

    Counts are not negative and a part is no more than its whole. Relations with rounded counts are left out: their
    sums are not exact.
    """
    entries = system.matrix.tocoo()
    row, column = (coords.astype(np.int64) for coords in entries.coords)
    value = entries.data
    rows = system.matrix.shape[0]
    shown = np.where(unknown[column], 0.0, system.n[column] * value)
    target: Floats = -np.bincount(row, weights=shown, minlength=rows).astype(np.float64)
    rounded = np.bincount(row, weights=was_rounded[column], minlength=rows) > 0
    use = unknown[column] & ~rounded[row] & np.isfinite(target)[row]
    row, column, value = row[use], column[use], value[use]
    # A "part" that exceeds its whole is not a part of it, and its complement bounds nothing.
    lower = np.where(system.n < 0, -np.inf, 0.0)
    upper = np.full(unknown.size, np.inf)
    for _ in range(MOST_SWEEPS):
        least, most = _implied(row, column, value, target, lower, upper)
        before = lower.copy(), upper.copy()
        np.maximum.at(lower, column, least)
        np.minimum.at(upper, column, most)
        if np.array_equal(before[0], lower) and np.array_equal(before[1], upper):
            break
    closed: Flags = unknown & (np.floor(upper + 1e-6) == np.ceil(lower - 1e-6))
    return closed


def _implied(
    row: Ints, column: Ints, value: Floats, target: Floats, lower: Floats, upper: Floats
) -> tuple[Floats, Floats]:
    """Return the bounds that each entry's relation puts on its column (entries,), the others being at their limits."""
    low = np.where(value > 0, lower[column], -upper[column])
    high = np.where(value > 0, upper[column], -lower[column])

    def others(limit: Floats) -> Floats:
        """Sum of the other entries' limits; infinite where one of them is."""
        endless = np.isinf(limit)
        finite = np.where(endless, 0.0, limit)
        total = np.bincount(row, weights=finite, minlength=target.size)[row] - finite
        amount = np.bincount(row, weights=endless, minlength=target.size)[row] - endless
        return np.where(amount > 0, np.nan, total)

    at_most, at_least = target[row] - others(low), target[row] - others(high)
    at_most, at_least = np.where(np.isnan(at_most), np.inf, at_most), np.where(np.isnan(at_least), -np.inf, at_least)
    return np.where(value > 0, at_least, -at_most), np.where(value > 0, at_most, -at_least)
