"""What a doubly robust comparison has to learn first: who is in which group, and who has the event, fold by fold.

Every prediction is for a child whose own records had no part in it (cross-fitting: Chernozhukov and others 2018,
Econometrics Journal 21:C1-C68). Learners are scikit-learn's, on counts: a pattern weighs as much as it has records.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray
from yjd.models.sample import GROUP, IntArray, Sample

if TYPE_CHECKING:
    from scipy import sparse

Learner = Literal["logistic", "trees"]

FOLD = "fold"
_MOST_FOLDS = 20
_RIDGE = 10.0  # scikit-learn's C: coefficients drawn from a normal with standard deviation 3, so hardly any penalty
_ITERATIONS = 200
_TREES = 30
_LEAF = 50.0  # records in a leaf at least, or
_LEAF_SHARE = 0.001  # this share of all, whichever is more


@dataclass(frozen=True)
class Nuisance:
    """Predictions for each row of the sample, by models that did not see its fold.

    Attributes
    ----------
    propensity : array, shape (rows, groups)
        Chance of being in each group, given the adjusters: rows add up to 1.
    outcome : array, shape (rows, groups)
        Chance of the event if the group were each of them.
    converged : bool
        Whether every model came to rest.
    """

    propensity: FloatArray
    outcome: FloatArray
    converged: bool


@dataclass(frozen=True)
class _Cells:
    """Counts to learn from, in an order that does not depend on that of the data.

    Shapes: labels (cells, adjusters); group, events, base (cells,). `sizes` has the levels of each adjuster.
    """

    labels: IntArray
    group: IntArray
    events: FloatArray
    base: FloatArray
    sizes: tuple[int, ...]
    groups: int


def deal(counts: pd.DataFrame, *, folds: int = 4, seed: int = 0) -> pd.DataFrame:
    """Deal records to folds at random, for counts that come without a fold.

    Right only where each record is a child by itself: a child with several records must be in one fold.

    Parameters
    ----------
    counts : DataFrame
        Model counts with whole numbers of events and base.
    folds : int
        How many, from 2 to 20.
    seed : int
        Of the random numbers.

    Returns
    -------
    DataFrame
        The same columns and `fold`, one row for each row and fold that has records.

    Raises
    ------
    EstimationError
        A count is not whole, or there are fewer than 2 or more than 20 folds.
    """
    _check_folds(folds)
    base, events = (counts[name].to_numpy(dtype=np.float64) for name in ("base", "events"))
    for values in (base, events, base - events):
        if not (np.isfinite(values).all() and (values >= 0).all() and (values == np.round(values)).all()):
            raise EstimationError(
                "Records can be dealt to folds only where they are counted.",
                "Give whole numbers from 0, with events no more than the base.",
            )
    rng = np.random.default_rng(seed)
    with_event, without = (
        rng.multinomial(values.astype(np.int64), np.full(folds, 1 / folds)).astype(np.float64)
        for values in (events, base - events)
    )
    dealt = counts.loc[counts.index.repeat(folds)].assign(
        events=with_event.ravel(), base=(with_event + without).ravel(), fold=np.tile(np.arange(folds), len(counts))
    )
    return dealt[dealt["base"] > 0].reset_index(drop=True)


def in_order(sample: Sample, names: Sequence[str]) -> Sample:
    """Sort the rows by group and labels, so that no result depends on the order of the data."""
    order = np.lexsort([sample.factors[name].codes for name in reversed((GROUP, *names))])
    factors = {name: replace(factor, codes=factor.codes[order]) for name, factor in sample.factors.items()}
    return Sample(sample.kind, factors, sample.events[order], sample.base[order], sample.pattern[order])


def patterns(sample: Sample, names: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Number the distinct combinations of labels: the number of each row, and the labels (patterns, names)."""
    number: IntArray = np.zeros(len(sample.base), dtype=np.intp)
    for name in names:  # renumbered each time, so that no number grows large
        factor = sample.factors[name]
        number = np.unique(number * len(factor.levels) + factor.codes, return_inverse=True)[1].astype(np.intp)
    first = np.unique(number, return_index=True)[1]
    labels = [sample.factors[name].codes[first] for name in names]
    return number, np.column_stack(labels) if labels else np.zeros((len(first), 0), dtype=np.intp)


def cross_fit(sample: Sample, adjusters: Sequence[str], *, learner: Learner, seed: int = 0) -> Nuisance:
    """Predict group and event for each fold from all the others.

    Parameters
    ----------
    sample : Sample
        A proportion, with the factor `fold`.
    adjusters : sequence of str
        One or more of its factors.
    learner : {"logistic", "trees"}
        Regressions on main terms, hardly penalised; or forests of extremely randomised trees (Geurts, Ernst and
        Wehenkel 2006, Machine Learning 63:3-42) whose leaves hold at least 50 records.
    seed : int
        Of the trees.

    Raises
    ------
    EstimationError
        There are more than 20 folds.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    fold, groups = sample.factors[FOLD], len(sample.groups)
    _check_folds(max(len(fold.levels), 2))
    number, labels = patterns(sample, adjusters)
    sizes = tuple(len(sample.factors[name].levels) for name in adjusters)
    propensity, outcome = np.zeros((len(number), groups)), np.zeros((len(number), groups))
    converged = True
    for at in range(len(fold.levels)):
        own = fold.codes == at
        cells = _gather(sample, number, labels, ~own, sizes)
        wanted, place = np.unique(number[own], return_inverse=True)
        learn = (_logistic_groups, _logistic_events) if learner == "logistic" else (_tree_groups, _tree_events)
        for values, one in zip((propensity, outcome), learn, strict=True):
            with threadpool_limits(limits=1):  # so that sums do not depend on the number of processors
                found, rested = one(cells, labels[wanted], seed)
            values[own] = found[place]
            converged &= rested
    return Nuisance(propensity, outcome, converged)


def _check_folds(folds: int) -> None:
    if not 2 <= folds <= _MOST_FOLDS:
        raise EstimationError(
            f"Cross-fitting needs from 2 to {_MOST_FOLDS} folds.", "Give each child one of a few whole numbers."
        )


def _gather(sample: Sample, number: IntArray, labels: IntArray, rows: np.ndarray, sizes: tuple[int, ...]) -> _Cells:
    groups = len(sample.groups)
    cell, place = np.unique(number[rows] * groups + sample.factors[GROUP].codes[rows], return_inverse=True)
    events, base = (
        np.bincount(place, weights=values[rows], minlength=len(cell)).astype(np.float64)
        for values in (sample.events, sample.base)
    )
    return _Cells(labels[cell // groups], (cell % groups).astype(np.intp), events, base, sizes, groups)


def _indicators(labels: IntArray, sizes: Sequence[int]) -> sparse.csr_array:
    """One column for each level of each adjuster."""
    from scipy import sparse

    rows, factors = labels.shape
    starts = np.cumsum([0, *sizes])[:-1]
    return sparse.csr_array(
        (np.ones(rows * factors), (labels + starts).ravel(), np.arange(0, rows * factors + 1, factors)),
        shape=(rows, sum(sizes)),
    )


def _logistic_groups(cells: _Cells, at: IntArray, seed: int) -> tuple[FloatArray, bool]:  # noqa: ARG001 - as for trees
    found = np.zeros((len(at), cells.groups))
    present = np.unique(cells.group)
    if len(present) < 2:
        found[:, present] = 1.0
        return found, True
    slopes, starts, rested = _regression(_indicators(cells.labels, cells.sizes), cells.group, cells.base)
    linear = _indicators(at, cells.sizes) @ slopes.T + starts
    if len(present) == 2:
        linear = np.hstack([np.zeros((len(at), 1)), linear])
    found[:, present] = special.softmax(linear, axis=1)
    return found, rested


def _logistic_events(cells: _Cells, at: IntArray, seed: int) -> tuple[FloatArray, bool]:  # noqa: ARG001 - as for trees
    weights = np.concatenate([cells.events, cells.base - cells.events])
    has = np.repeat([1, 0], len(cells.base))
    kept = weights > 0
    if len(np.unique(has[kept])) < 2:
        return np.full((len(at), cells.groups), float(has[kept].max(initial=0))), True
    sizes = (*cells.sizes, cells.groups)
    both = np.tile(np.column_stack([cells.labels, cells.group]), (2, 1))
    slopes, start, rested = _regression(_indicators(both[kept], sizes), has[kept], weights[kept])
    linear = _indicators(at, cells.sizes) @ slopes[0, : -cells.groups] + start[0]
    return np.asarray(special.expit(linear[:, None] + slopes[0, -cells.groups :]), dtype=np.float64), rested


def _regression(
    features: sparse.csr_array, labels: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, bool]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_RIDGE, tol=1e-8, max_iter=_ITERATIONS, solver="newton-cholesky")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not at rest: said by the status
        model.fit(features, labels, sample_weight=weights)
    return model.coef_, model.intercept_, bool(np.max(model.n_iter_) < _ITERATIONS)


def _tree_groups(cells: _Cells, at: IntArray, seed: int) -> tuple[FloatArray, bool]:
    if cells.groups == 1:
        return np.ones((len(at), 1)), True
    same = np.concatenate([[True], (cells.labels[1:] != cells.labels[:-1]).any(axis=1)])
    number = np.cumsum(same) - 1
    shares = np.zeros((int(same.sum()), cells.groups))
    shares[number, cells.group] = cells.base
    total = shares.sum(axis=1)
    return _forest(cells.labels[same], shares / total[:, None], total, seed).predict(at.astype(np.float32)), True


def _tree_events(cells: _Cells, at: IntArray, seed: int) -> tuple[FloatArray, bool]:
    of_group = np.eye(cells.groups, dtype=np.float32)
    features = np.hstack([cells.labels.astype(np.float32), of_group[cells.group]])
    forest = _forest(features, cells.events / cells.base, cells.base, seed)
    found = [forest.predict(np.hstack([at.astype(np.float32), np.tile(one, (len(at), 1))])) for one in of_group]
    return np.column_stack(found), True


def _forest(features: np.ndarray, target: FloatArray, weights: FloatArray, seed: int):  # type: ignore[no-untyped-def]
    """Fit regression trees to shares: squared error is Gini's measure; the least weight of a leaf counts records."""
    from sklearn.ensemble import ExtraTreesRegressor

    least = min(max(_LEAF / weights.sum(), _LEAF_SHARE), 0.5)
    forest = ExtraTreesRegressor(_TREES, min_weight_fraction_leaf=least, random_state=seed)
    return forest.fit(features.astype(np.float32), target, sample_weight=weights)
