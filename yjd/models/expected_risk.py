"""Risk of re-offending learned from the children of other folds, without their ethnic group.

For the comparison of groups, and never for a decision about a child: see `yjd.models.expected.WARNING`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from yjd.metrics.intervals import FloatArray
from yjd.models.cohort import Cohort
from yjd.models.sample import IntArray

Learner = Literal["logistic", "boosting"]

_SEED = 20260101
_ENOUGH = 10.0  # children who re-offended, and who did not, to learn from in every fold


def expected_risk(cohort: Cohort, adjusters: Sequence[str], learner: Learner) -> tuple[FloatArray, str]:
    """Risk of re-offending of each row's children, learned from the children of the other folds.

    Returns
    -------
    risk : array, shape (rows,)
        NaN where there is none.
    status : str
        ok, no_events, too_few or not_converged.
    """
    codes = np.column_stack([cohort.sample.factors[name].codes for name in adjusters])
    folds = np.unique(cohort.fold)
    number, first, row = np.unique(
        np.column_stack([codes, cohort.fold]), axis=0, return_index=True, return_inverse=True
    )  # fmt: skip
    did = np.bincount(row.ravel(), weights=cohort.children * cohort.did, minlength=len(number))
    rest = np.bincount(row.ravel(), weights=cohort.children * (1 - cohort.did), minlength=len(number))
    nothing = np.full(len(cohort.children), np.nan)
    if did.sum() == 0:
        return nothing, "no_events"
    sizes = [len(cohort.sample.factors[name].levels) for name in adjusters]
    fold, risk = cohort.fold[first], np.full(len(number), np.nan)
    for one in folds:
        others = fold != one
        if min(did[others].sum(), rest[others].sum()) < _ENOUGH:
            return nothing, "too_few"
        learned = _learn(codes[first][others], sizes, did[others], rest[others], learner)
        if learned is None:
            return nothing, "not_converged"
        risk[~others] = learned(codes[first][~others])
    return risk[row.ravel()], "ok"


def _learn(codes: IntArray, sizes: Sequence[int], did: FloatArray, rest: FloatArray, learner: Learner) -> Any:
    """Fit on patterns; give a function from codes to risks, or None where the fit does not settle."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            if learner == "logistic":
                return _logistic(codes, sizes, did, rest)
            return _boosting(codes, sizes, did, rest)
        except ConvergenceWarning:
            return None


def _logistic(codes: IntArray, sizes: Sequence[int], did: FloatArray, rest: FloatArray) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(categories=[np.arange(size) for size in sizes]).fit(codes[:1])
    columns, outcome, weight = _twice(encoder.transform(codes), did, rest)
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8, max_iter=200).fit(
        columns, outcome, sample_weight=weight
    )
    return lambda asked: model.predict_proba(encoder.transform(asked))[:, 1]


def _boosting(codes: IntArray, sizes: Sequence[int], did: FloatArray, rest: FloatArray) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    whole = np.arange(len(codes))
    # a tree's smallest leaf counts rows, so every child is one
    rows = np.concatenate([np.repeat(whole, did.astype(np.intp)), np.repeat(whole, rest.astype(np.intp))])
    outcome = np.repeat([1.0, 0.0], [int(did.sum()), int(rest.sum())])
    few = np.array(sizes) <= 255  # the trees' own limit; beyond, codes are taken in their order
    model = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0,
        categorical_features=few, early_stopping=False, random_state=_SEED,
    ).fit(codes[rows], outcome)  # fmt: skip
    return lambda asked: model.predict_proba(asked)[:, 1]


def _twice(columns: Any, did: FloatArray, rest: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
    from scipy import sparse

    outcome = np.repeat([1.0, 0.0], len(did))
    weight = np.concatenate([did, rest])
    kept = weight > 0
    return sparse.vstack([columns, columns]).tocsr()[kept], outcome[kept], weight[kept]
