"""The re-offending cohort as its models read it: grouped children with how often and how soon they re-offended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.clusters import Clusters, Spread
from yjd.models.influence import Dense, Influence
from yjd.models.rows import Found
from yjd.models.rungs import Rung
from yjd.models.sample import IntArray, Sample, read_sample

_FURTHEST = 1000.0  # no two groups of children differ so much: a ratio beyond says that they hardly overlap
_WIDEST = 5.0  # standard error of a logarithm: limits a factor of 18,000 to either side

AGAIN, DAYS, CHILDREN, FOLD = "reoffences", "days", "n", "fold"


@dataclass(frozen=True)
class Cohort:
    """Grouped children. All arrays have shape (rows,).

    Attributes
    ----------
    sample : Sample
        Of the kind "rate": base children, with events re-offences in all.
    again : array
        Re-offences of each child of the row.
    days : array
        Days from the index day to the first re-offence, or to the end of follow-up where there is none; NaN where
        they were not asked for.
    fold : array of int
        The part of the children that a row is in; 0 where it was not asked for.
    """

    sample: Sample
    again: FloatArray
    days: FloatArray
    fold: IntArray

    @property
    def children(self) -> FloatArray:
        """Children of each row."""
        return self.sample.base

    @property
    def did(self) -> FloatArray:
        """1 where the children of the row re-offended, else 0."""
        return np.where(self.again > 0, 1.0, 0.0)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups in the cohort."""
        return self.sample.groups

    def by_group(self, values: FloatArray) -> dict[str, float]:
        """Sum values of shape (rows,) over each group."""
        return dict(zip(self.groups, self.sample.by_group(values).tolist(), strict=True))

    def of_children(self) -> Sample:
        """The same sample with each child's first re-offence as its one event."""
        return Sample("rate", self.sample.factors, self.children * self.did, self.children, self.sample.pattern)


def read_cohort(counts: pd.DataFrame, *, adjusters: Sequence[str], needs: Sequence[str] = ()) -> Cohort:
    """Check counts of the cohort and code their labels.

    Parameters
    ----------
    counts : DataFrame
        Columns group, reoffences (of each child), n (children), one for each adjuster, and those of `needs`;
        optionally pattern (the number of the row in the warehouse). One row for each combination that occurs. A
        missing label is the level Unknown.
    adjusters : sequence of str
        Columns of labels.
    needs : sequence of str
        Of "days" and "fold".

    Raises
    ------
    EstimationError
        A column is missing, a number is blank, negative or not whole where it must be, or a group is a total.
    """
    missing = [name for name in (AGAIN, CHILDREN, *needs) if name not in counts.columns]
    if missing:
        raise EstimationError(
            f"The counts of the re-offending cohort have no column {', '.join(missing)}.",
            "See yjd.reoffending_counts for the columns.",
        )
    if {AGAIN, CHILDREN, DAYS, FOLD} & set(adjusters):
        raise EstimationError("What is to be explained cannot adjust.", "Name only columns of labels as adjusters.")
    if DAYS in needs:  # in the order of the days, sums over those still at risk read one stretch of memory
        days = _numbers(counts[DAYS], DAYS)
        numbered = counts if "pattern" in counts.columns else counts.assign(pattern=np.arange(len(counts)))
        order = np.argsort(days, kind="stable")
        counts, days = numbered.iloc[order], days[order]
    else:
        days = np.full(len(counts), np.nan)
    again, children = _whole(counts[AGAIN], AGAIN), _whole(counts[CHILDREN], CHILDREN)
    sample = read_sample(counts.assign(base=children, events=children * again), kind="rate", adjusters=adjusters)
    kept = children > 0
    if (days[kept] <= 0).any():
        raise EstimationError("Some children have no day at risk.", "Days start at 1, on the day after the index.")
    fold = _whole(counts[FOLD], FOLD).astype(np.intp) if FOLD in needs else np.zeros(len(counts), dtype=np.intp)
    return Cohort(sample, again[kept], days[kept], fold[kept])


def check_rungs(rungs: Sequence[Rung], reference: str) -> list[str]:
    """Give the adjusters of all rungs; refuse rungs without a name of their own, and references that are no group."""
    names = [rung.name for rung in rungs]
    if not names or len(set(names)) < len(names) or any(len(set(one.adjusters)) < len(one.adjusters) for one in rungs):
        raise EstimationError(
            "The rungs have no names, or a name or an adjuster comes twice.", "Give each rung a name of its own."
        )
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")
    return list(dict.fromkeys(name for rung in rungs for name in rung.adjusters))


def compared(groups: Sequence[str], reference: str) -> IntArray:
    """Places of the groups that are compared with the reference, by name."""
    places = [at for at, group in enumerate(groups) if group not in (*NOT_GROUPS, reference)]
    return np.array(sorted(places, key=lambda at: groups[at]), dtype=np.intp)


def refused(cohort: Cohort, reference: str) -> str:
    """Why no comparison can be made at all; empty where one can be tried."""
    if cohort.again.sum() == 0:
        return "no_events"
    if len(compared(cohort.groups, "")) < 2:
        return "too_few"
    return "" if reference in cohort.groups else "no_reference"


def sensible(status: StrArray, value: FloatArray, error: FloatArray) -> StrArray:
    """Take back ratios that no reader could use. All arrays have shape (groups,).

    Parameters
    ----------
    status : array of str
        So far.
    value, error : arrays
        Logarithm of the ratio, and its standard error.

    Returns
    -------
    array of str
        "separated" for a ratio beyond 1,000 to 1, "too_few" for one without a standard error or with one above 5.
    """
    with np.errstate(invalid="ignore"):
        status = np.where((status == "ok") & (np.abs(value) > np.log(_FURTHEST)), "separated", status)
        return np.where((status == "ok") & ~((error > 0) & (error <= _WIDEST)), "too_few", status)


def blank(
    quantity: str, rung: str, groups: Sequence[str], status: str, levels: FloatArray, *, reference: str = "",
    term: str = "",
) -> Found:  # fmt: skip
    """Rows that have a status and no estimate."""
    nothing, wide = np.full(len(groups), np.nan), np.full((len(groups), len(levels)), np.nan)
    words: StrArray = np.full(len(groups), status)
    none: StrArray = np.full(len(groups), "")
    return Found(quantity, rung, tuple(groups), nothing, wide, wide, nothing, words, none, term, reference)


def spread_of(cohort: Cohort, influence: Influence, clusters: Clusters) -> Spread:
    """Covariance of estimates from what each child contributes to them.

    Parameters
    ----------
    cohort : Cohort
        The children.
    influence : Influence
        Its `event` part is what each child of a row contributes; its other part is 0.
    clusters : Clusters
        Which children belong together.
    """
    sample = cohort.sample
    # each child of a row is one "event", so that cluster sums count children
    every = Sample("rate", sample.factors, sample.base, sample.base, sample.pattern)
    return clusters.covariance(every, influence)


def of_each_child(values: FloatArray) -> Dense:
    """Influences of shape (rows, estimates) that each child of a row contributes."""
    return Dense(values, np.zeros_like(values))


def _numbers(values: pd.Series, name: str) -> FloatArray:
    try:
        numbers = np.array(values.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise EstimationError(f"The column {name} of the cohort's counts holds text.", "Give numbers.") from None
    wrong = int((~np.isfinite(numbers) | (numbers < 0)).sum())
    if wrong:
        raise EstimationError(
            f"The column {name} of the cohort's counts is blank, negative or infinite in {wrong} rows.",
            "Leave out children for whom it is not known.",
        )
    return numbers


def _whole(values: pd.Series, name: str) -> FloatArray:
    numbers = _numbers(values, name)
    if (numbers != np.floor(numbers)).any():
        raise EstimationError(f"The column {name} of the cohort's counts is not whole.", "Give counts of children.")
    return numbers
