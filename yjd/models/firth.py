"""Firth's penalised likelihood on grouped counts, and intervals from its profile.

Firth (1993), Biometrika 80:27-38; for logistic models and their profile intervals Heinze and Schemper (2002),
Statistics in Medicine 21:2409-2419. The leverages of grouped rows are sums over the records in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

from yjd.metrics.intervals import FloatArray
from yjd.models.design import Design
from yjd.models.families import Binomial, Family
from yjd.models.sample import IntArray

_ITERATIONS = 200
_AT_REST = 1e-9
_FURTHEST_MOVE = 3.0
_HALVINGS = 30
_SCORING = 6  # steps of Fisher scoring before the curvature is learned


@dataclass(frozen=True)
class Best:
    """Where the penalised likelihood is largest. Shapes: coefficients (columns,), covariance (columns, columns)."""

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    converged: bool
    iterations: int


class _Point(NamedTuple):
    value: float
    score: FloatArray  # (columns,)
    covariance: FloatArray  # (columns, columns), 0 outside the kept


def maximise(
    family: Family,
    design: Design,
    events: FloatArray,
    base: FloatArray,
    *,
    start: FloatArray,
    kept: IntArray,
    fixed: int | None = None,
) -> Best:
    """Maximise log-likelihood + log det(information) / 2 over the kept columns.

    Parameters
    ----------
    family : Family
        Binomial or Poisson.
    design, events, base
        As for :func:`yjd.models.fit.fit`.
    start : array, shape (columns,)
        Where to begin, and the value of a fixed column.
    kept : array of int
        The columns to estimate; no one may depend on the others.
    fixed : int, optional
        A column whose coefficient stays as it is (it still counts in the determinant).
    """
    free = kept if fixed is None else kept[kept != fixed]
    coefficients = start.copy()
    point = _evaluate(family, design, events, base, coefficients, kept)
    inverse = _inverse(point, kept, free)
    for iteration in range(1, _ITERATIONS + 1):
        step = np.zeros(len(coefficients))
        step[free] = inverse @ point.score[free]
        largest = float(np.abs(step).max(initial=0.0))
        share = min(1.0, _FURTHEST_MOVE / largest) if largest > 0 else 1.0
        for _ in range(_HALVINGS):
            tried = _evaluate(family, design, events, base, coefficients + share * step, kept)
            if tried.value >= point.value - 1e-10 * (1 + abs(point.value)):
                break
            share /= 2
        coefficients = coefficients + share * step
        # the information leaves the penalty's own curvature out; near the top, what the score did tells it
        if iteration < _SCORING:
            inverse = _inverse(tried, kept, free)
        else:
            inverse = _learned(inverse, share * step[free], point.score[free] - tried.score[free])
        point = tried
        if largest < _AT_REST:
            return Best(coefficients, point.covariance, point.value, True, iteration)
    return Best(coefficients, point.covariance, point.value, False, _ITERATIONS)


def profile_limit(
    family: Family,
    design: Design,
    events: FloatArray,
    base: FloatArray,
    *,
    best: Best,
    kept: IntArray,
    column: int,
    drop: float,
    upward: bool,
) -> float:
    """One limit of a coefficient: where the profile of the penalised likelihood has fallen by `drop`.

    The profile is maximised over all other columns; a secant search on the square root of the fall, which is
    close to a straight line, finds the place. NaN if it is not found.
    """
    error = float(np.sqrt(best.covariance[column, column]))
    goal = float(np.sqrt(2 * drop))
    sign = 1.0 if upward else -1.0
    at, start = goal * error, best.coefficients
    inside, outside = (0.0, 0.0), (np.inf, np.inf)  # (distance, root of twice the fall)
    for _ in range(60):
        start = start.copy()
        start[column] = best.coefficients[column] + sign * at
        found = maximise(family, design, events, base, start=start, kept=kept, fixed=column)
        if not found.converged:
            return float("nan")
        start = found.coefficients
        root = float(np.sqrt(max(2 * (best.log_likelihood - found.log_likelihood), 0.0)))
        if abs(root - goal) < 1e-9:
            return float(best.coefficients[column] + sign * at)
        if root < goal:
            inside = (at, root)
        else:
            outside = (at, root)
        if np.isinf(outside[0]):
            at *= min(max(goal / max(root, 1e-9), 1.2), 2.0)
            continue
        slope = (outside[1] - inside[1]) / (outside[0] - inside[0])
        nearest = inside if goal - inside[1] < outside[1] - goal else outside
        guess = nearest[0] + (goal - nearest[1]) / slope
        width = outside[0] - inside[0]
        # a chord from one side creeps: keep away from both ends by a little
        at = min(max(guess, inside[0] + 1e-3 * width), outside[0] - 1e-3 * width)
        if width < 1e-10 * (1 + at):
            return float(best.coefficients[column] + sign * at)
    return float("nan")


def _inverse(point: _Point, kept: IntArray, free: IntArray) -> FloatArray:
    """Inverse information of the free columns."""
    cov = point.covariance
    inner = cov[np.ix_(free, free)]
    if len(free) == len(kept):
        return inner
    held = np.setdiff1d(kept, free)  # one column, given: a Schur complement
    given = cov[np.ix_(free, held)] @ cov[np.ix_(held, free)] / cov[held[0], held[0]]
    return np.asarray(inner - given, dtype=np.float64)


def _learned(inverse: FloatArray, step: FloatArray, fall: FloatArray) -> FloatArray:
    """Update an inverse curvature by what the score did along a step (Broyden, Fletcher, Goldfarb and Shanno)."""
    along = float(step @ fall)
    if along <= 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(fall)):
        return inverse
    rest = np.eye(len(step)) - np.outer(step, fall) / along
    return np.asarray(rest @ inverse @ rest.T + np.outer(step, step) / along, dtype=np.float64)


def _evaluate(
    family: Family, design: Design, events: FloatArray, base: FloatArray, coefficients: FloatArray, kept: IntArray
) -> _Point:
    linear = design.linear(coefficients)
    terms = family.terms(linear, events, base)
    own = design.cross(terms.weight)[np.ix_(kept, kept)]
    scale = 1 / np.sqrt(np.maximum(np.diag(own), 1e-300))
    try:
        factor = linalg.cho_factor(own * np.outer(scale, scale))
    except linalg.LinAlgError:
        return _Point(-np.inf, np.zeros(len(coefficients)), np.zeros((len(coefficients),) * 2))
    covariance = np.zeros((len(coefficients),) * 2)
    covariance[np.ix_(kept, kept)] = linalg.cho_solve(factor, np.eye(len(kept))) * np.outer(scale, scale)
    half_log = float(np.log(np.diag(factor[0])).sum() - np.log(scale).sum())
    leverage = terms.weight * design.quadratic(covariance)
    shift = 0.5 - family.mean(linear) if isinstance(family, Binomial) else 0.5
    score = design.totals(terms.residual + leverage * shift)
    return _Point(terms.log_likelihood + half_log, score, covariance)
