"""Re-offending expected from what is not ethnicity, and how many of each group's children did re-offend.

A model of re-offending is learned from the children of other folds, without their ethnic group; the children whom it
expects to re-offend, summed over a group, are set beside those who did. Its calibration by group shows whether it
says the same of all groups alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.counts import confidence_levels
from yjd.metrics.intervals import FloatArray, normal_quantile, wilson
from yjd.models.clusters import Clusters
from yjd.models.cohort import FOLD, Cohort, of_each_child, read_cohort, spread_of
from yjd.models.expected_risk import Learner, expected_risk
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.sample import GROUP, IntArray
from yjd.schema import ALL

WARNING = (
    "This model is for the comparison of groups and for nothing else. It must never be used for a decision about a "
    "child: what it expects of a child is no more than how often children with the same few recorded facts were "
    "found to re-offend, and those facts carry what police, courts and services did as well as what children did."
)
FIFTHS = 5


def observed_to_expected(
    counts: pd.DataFrame,
    *,
    adjusters: Sequence[str],
    learner: Learner = "logistic",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Set the children of each group who re-offended beside those expected from factors other than ethnicity.

    For the comparison of groups, and never for a decision about a child: see `WARNING`.

    Parameters
    ----------
    counts : DataFrame
        Columns group, reoffences, n, fold (a child is in one fold only) and the adjusters: see
        `yjd.reoffending_counts`.
    adjusters : sequence of str
        What is expected from, such as age_band, sex, area, offence_group, gravity, prior_outcomes: at least one, and
        none that says ethnicity.
    learner : {"logistic", "boosting"}
        Logistic regression with a ridge penalty of 1, or gradient boosted trees, which find combinations.
    confidence : float or sequence of float
        One or more levels; each is a row.
    clusters : Clusters, optional
        Which children belong together.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; reference_numerator is the number expected. observed_expected: ratio of
        the children who re-offended to those expected. Its interval takes the expected number as fixed: what is
        left out is that the model itself was estimated. Method score: the limits r solve
        (O - rE)^2 = z^2 (rE - r^2 Q), with Q the sum of the squared expectations, which is Wilson's interval where
        all are expected alike; with clusters, Wald's on the log scale. calibration: of each fifth of the children by
        what is expected of them (term 1 to 5, from the least), how many per 100 re-offended, with Wilson's limits.
        Statuses: no_events, too_few (one fold, or fewer than 10 children who re-offended, or did not, to learn from),
        not_converged, no_denominator (no child of the group in the fifth).

    Raises
    ------
    EstimationError
        If columns are missing, a count is no count, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    if learner not in get_args(Learner):
        raise EstimationError("The learner is logistic or boosting.", "Give learner one of the two.")
    if not adjusters or any("ethnic" in name for name in adjusters):
        raise EstimationError(
            "What is expected must come from at least one factor, and none may say ethnicity.",
            "Name columns such as age_band, sex and offence_group.",
        )
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    cohort = read_cohort(counts, adjusters=[*dict.fromkeys(adjusters), *extra], needs=(FOLD,))
    keys = Keys(measure, period, level)
    if not len(cohort.children):
        return result_rows([], events={}, base={}, levels=levels, keys=keys)
    risk, status = expected_risk(cohort, list(dict.fromkeys(adjusters)), learner)
    ratios = _ratios(cohort, risk, status, learner, clusters, levels, keys)
    return pd.concat([ratios, _calibration(cohort, risk, status, learner, levels, keys)], ignore_index=True)


def _ratios(
    cohort: Cohort, risk: FloatArray, status: str, learner: Learner, clusters: Clusters | None, levels: FloatArray,
    keys: Keys,
) -> pd.DataFrame:  # fmt: skip
    groups, children = cohort.groups, cohort.children
    known = np.where(np.isfinite(risk), risk, 0.0)
    observed, expected, squares = (cohort.sample.by_group(children * one) for one in (cohort.did, known, known**2))
    size = cohort.sample.by_group(children)
    safe = np.where(expected > 0, expected, 1.0)
    ratio = observed / safe
    if clusters is None:
        lower, upper, p_value = score_limits(observed, safe, np.where(expected > 0, squares, 0.0), levels)
        method, words = f"{learner}_score", np.full(len(groups), status)
    else:
        code = cohort.sample.factors[GROUP].codes
        each = np.zeros((len(children), len(groups)))
        each[np.arange(len(children)), code] = (cohort.did - ratio[code] * known) / safe[code]
        spread = spread_of(cohort, of_each_child(each), clusters)
        error = np.sqrt(np.maximum(np.diag(spread.covariance), 0.0)) / np.where(ratio > 0, ratio, 1.0)
        value = np.log(np.where(ratio > 0, ratio, np.nan))
        lower, upper = limits(value, error, levels, scale="log", degrees=spread.degrees)
        p_value, method = two_sided(value, error, spread.degrees), f"{learner}_{clusters.name}"
        words = np.where(ratio > 0, np.where(error > 0, "ok", "too_few"), "no_events") if status == "ok" else (
            np.full(len(groups), status))  # fmt: skip
    found = Found("observed_expected", "", groups, ratio, lower, upper, p_value, words, np.full(len(groups), method))
    table = result_rows([found], events=dict(zip(groups, observed, strict=True)),
                        base=dict(zip(groups, size, strict=True)), levels=levels, keys=keys)  # fmt: skip
    if status != "ok":
        return table
    return table.assign(
        reference_numerator=np.repeat(expected, len(levels)), reference_denominator=np.repeat(size, len(levels))
    )  # fmt: skip


def score_limits(
    observed: FloatArray, expected: FloatArray, squares: FloatArray, levels: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Limits of observed / expected, and the p-value of a ratio of 1, where each child counts at most once.

    Parameters
    ----------
    observed, expected, squares : arrays, shape (groups,)
        Children who re-offended, and the sums of each child's risk and of its square.
    levels : array, shape (levels,)
        Levels of confidence.

    Returns
    -------
    lower, upper : arrays, shape (groups, levels)
    p_value : array, shape (groups,)
    """
    z2 = normal_quantile(levels)[None, :] ** 2
    o, e, q = observed[:, None], expected[:, None], squares[:, None]
    centre = 2 * o * e + z2 * e
    half = np.sqrt(np.maximum(z2 * (4 * o * e**2 + z2 * e**2 - 4 * o**2 * q), 0.0))
    double = 2 * (e**2 + z2 * q)
    lower = np.where(o > 0, np.maximum(centre - half, 0.0) / double, 0.0)
    variance = expected - squares
    ratio = np.divide(observed - expected, np.sqrt(np.maximum(variance, 0.0)),
                      out=np.full(len(observed), np.nan), where=variance > 0)  # fmt: skip
    return lower, (centre + half) / double, np.asarray(2 * special.ndtr(-np.abs(ratio)), dtype=np.float64)


def _calibration(
    cohort: Cohort, risk: FloatArray, status: str, learner: Learner, levels: FloatArray, keys: Keys
) -> pd.DataFrame:
    known = np.where(np.isfinite(risk), risk, 0.0)
    fifth = _fifths(known, cohort.children)
    method, nothing = np.full(len(cohort.groups), f"{learner}_wilson"), np.full(len(cohort.groups), np.nan)
    found, numbers = [], []
    for one in range(FIFTHS):
        inside = cohort.children * (fifth == one)
        did, size, expected = (cohort.sample.by_group(inside * part) for part in (cohort.did, 1.0, known))
        safe = np.where(size > 0, size, 1.0)
        limit = wilson(did[:, None], safe[:, None], levels[None, :])
        words = np.where(size > 0, "ok", "no_denominator") if status == "ok" else np.full(len(size), status)
        found.append(Found("calibration", "", cohort.groups, 100 * did / safe, 100 * limit.lower, 100 * limit.upper,
                           nothing, words, method, term=str(one + 1)))  # fmt: skip
        numbers.append(np.stack([did, size, expected]))
    table = result_rows(found, events={}, base={}, levels=levels, keys=keys)
    did, size, expected = np.repeat(np.hstack(numbers), len(levels), axis=1)
    if status != "ok":  # without a model there are no fifths
        return table
    return table.assign(
        numerator=did, denominator=size, reference_numerator=expected, reference_denominator=size
    )  # fmt: skip


def _fifths(risk: FloatArray, children: FloatArray) -> IntArray:
    """Which fifth of the children a row is in; all of one risk are in one fifth, by their middle child."""
    values, place = np.unique(risk, return_inverse=True)
    size = np.bincount(place.ravel(), weights=children, minlength=len(values))
    middle = (np.cumsum(size) - size / 2) / size.sum()
    fifth: IntArray = np.minimum((middle * FIFTHS).astype(np.intp), FIFTHS - 1)
    return np.asarray(fifth[place.ravel()], dtype=np.intp)
