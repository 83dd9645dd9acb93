"""Model counts as every model reads them: checked, coded once, the same complete sample for all rungs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import Kind, check_kind
from yjd.metrics.intervals import FloatArray
from yjd.schema import ALL, KNOWN, UNKNOWN

IntArray = NDArray[np.intp]
GROUP = "group"


@dataclass(frozen=True)
class Factor:
    """One column of labels as codes.

    Attributes
    ----------
    codes : array of int, shape (rows,)
        Place of each row's label in `levels`.
    levels : tuple of str
        The labels, in alphabetical order.
    """

    codes: IntArray
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """The complete sample of a ladder: one row for each pattern of group and adjusters with a base above 0.

    Attributes
    ----------
    kind : {"proportion", "rate"}
        What base and events are.
    factors : mapping
        The group and every adjuster, by column name.
    events, base : arrays, shape (rows,)
        Events, and the number of records (proportion) or residents (rate).
    pattern : array of int, shape (rows,)
        The pattern's number in the warehouse, or its place among the rows that were given.
    """

    kind: Kind
    factors: Mapping[str, Factor]
    events: FloatArray
    base: FloatArray
    pattern: IntArray

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups in the sample."""
        return self.factors[GROUP].levels

    @property
    def inconsistent(self) -> bool:
        """Whether any pattern of a proportion has more events than records."""
        return self.kind == "proportion" and bool((self.events > self.base * (1 + 1e-12)).any())

    def by_group(self, values: FloatArray) -> FloatArray:
        """Sum values of shape (rows,) over each group: shape (groups,)."""
        group = self.factors[GROUP]
        return np.bincount(group.codes, weights=values, minlength=len(group.levels)).astype(np.float64)


def read_sample(counts: pd.DataFrame, *, kind: Kind, adjusters: Sequence[str]) -> Sample:
    """Check model counts and code their labels.

    Patterns without a base carry no information and take no part. A missing label is the level Unknown.

    Parameters
    ----------
    counts : DataFrame
        Columns group, base, events, one for each adjuster, and optionally pattern (whole numbers).
    kind : {"proportion", "rate"}
        Events of records, or events of an exposure.
    adjusters : sequence of str
        The adjusters of all rungs together.

    Raises
    ------
    EstimationError
        A column is missing, a count is not a number or below 0, a pattern comes twice, or a group is a total.
    """
    check_kind(kind)
    names = (GROUP, *dict.fromkeys(adjusters))
    missing = [name for name in (*names, "base", "events") if name not in counts.columns]
    if missing:
        raise EstimationError(
            f"The model counts have no column {', '.join(missing)}.", "Add it, or leave that adjuster out of the rungs."
        )
    if {"base", "events", "pattern"} & set(names[1:]) or GROUP in adjusters:
        raise EstimationError("The group and the counts cannot be adjusters.", "Name only columns of labels in a rung.")
    base, events = (_numbers(counts[name], name) for name in ("base", "events"))
    kept = np.flatnonzero(base > 0)
    pattern = np.arange(len(counts)) if "pattern" not in counts.columns else counts["pattern"].to_numpy(dtype=np.intp)
    if not pd.Index(pattern).is_unique:
        raise EstimationError("The model counts have a pattern twice.", "Number every row of the counts by itself.")
    factors = {name: _factor(counts[name], kept) for name in names}
    if {ALL, KNOWN} & set(factors[GROUP].levels):
        raise EstimationError(
            "The model counts have totals among their groups.", "Leave out the rows of All and Known: they count twice."
        )
    return Sample(kind, factors, events[kept], base[kept], pattern[kept])


def _factor(values: pd.Series, kept: IntArray) -> Factor:
    labels = values.iloc[kept]
    category = labels.astype("category") if isinstance(labels.dtype, pd.CategoricalDtype) else labels
    codes, found = pd.factorize(category, use_na_sentinel=True)
    words = [str(word) for word in found]
    if (codes < 0).any():
        codes = np.where(codes < 0, words.index(UNKNOWN) if UNKNOWN in words else len(words), codes)
        words = words if UNKNOWN in words else [*words, UNKNOWN]
    levels = tuple(sorted(set(words)))
    place = np.array([levels.index(word) for word in words], dtype=np.intp)
    return Factor(place[codes] if len(place) else codes.astype(np.intp), levels)


def _numbers(values: pd.Series, name: str) -> FloatArray:
    try:
        numbers = np.array(values.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise EstimationError(f"The column {name} of the model counts holds text.", "Give numbers.") from None
    wrong = int((~np.isfinite(numbers) | (numbers < 0)).sum())
    if wrong:
        raise EstimationError(
            f"The column {name} of the model counts is blank, negative or infinite in {wrong} rows.",
            "Counts start at 0, and a pattern that is not known is left out.",
        )
    return numbers
