"""Fits of grouped counts: Newton's method on sums over pairs of codes, with every reason to distrust the result.

For the canonical links this is iteratively reweighted least squares (McCullagh and Nelder 1989, section 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import linalg

from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models import separation
from yjd.models.design import Design, Rung, group_last, null_space
from yjd.models.families import Binomial, Family, FamilyName, NegativeBinomial, family_of
from yjd.models.firth import maximise
from yjd.models.sample import IntArray
from yjd.models.separation import BoolArray

Penalty = Literal["none", "firth"]

_ITERATIONS = 60
_AT_REST = 1e-7  # of the largest move of a linear predictor: the next one would be about its square
_FURTHEST_MOVE = 4.0  # in one step
_HALVINGS = 30
_LOOK_FROM = 5  # steps before separation is looked for
_INFINITE = 40.0  # exp(-40) is below what a double adds to 1


@dataclass(frozen=True)
class Fit:
    """One fitted model, and what in it is not to be had.

    Attributes
    ----------
    design : Design
        The columns.
    family : Family
        The likelihood.
    events, base : arrays, shape (rows,)
        The counts that were fitted.
    coefficients : array, shape (columns,)
        Log odds ratios or log rate ratios; 0 for a column that was dropped. Where there is separation, the finite
        part of the estimate.
    infinite : array, shape (columns,)
        The direction in which the estimate is infinite; 0 throughout where nothing is separated.
    covariance : array, shape (columns, columns)
        Inverse information of the columns that were kept, 0 elsewhere; not scaled by any dispersion.
    linear : array, shape (rows,)
        Linear predictor without the logarithm of the base.
    kept : array of int
        The columns that were estimated.
    level_status, contrast_status : arrays of str, shape (groups,)
        "ok", "collinear" or "separated": whether a prediction for the group, and its contrast with the baseline,
        can be had.
    collinear, separated : tuple of (factor, level)
        Columns dropped because others imply them; columns with a part in an infinite direction.
    log_likelihood, deviance : float
        Without constants that the coefficients do not change.
    converged : bool
        Whether the last step was at rest.
    iterations : int
        How many steps it took.
    penalty : {"none", "firth"}
        Whether Jeffreys' penalty was added.
    """

    design: Design
    family: Family
    events: FloatArray
    base: FloatArray
    coefficients: FloatArray
    infinite: FloatArray
    covariance: FloatArray
    linear: FloatArray
    kept: IntArray
    level_status: StrArray
    contrast_status: StrArray
    collinear: tuple[tuple[str, str], ...]
    separated: tuple[tuple[str, str], ...]
    log_likelihood: float
    deviance: float
    converged: bool
    iterations: int
    penalty: Penalty

    @property
    def values(self) -> FloatArray:
        """Coefficients for prediction, the infinite ones as large numbers: shape (columns,)."""
        return self.coefficients + _INFINITE * self.infinite


@dataclass(frozen=True)
class _State:
    """Where a fit is. Rows that are separated have base 0."""

    coefficients: FloatArray
    infinite: FloatArray
    base: FloatArray
    events: FloatArray
    kept: IntArray
    null: FloatArray
    converged: bool = False
    iterations: int = 0


def fit(
    design: Design,
    events: FloatArray,
    base: FloatArray,
    *,
    family: FamilyName | NegativeBinomial = "binomial",
    penalty: Penalty = "none",
    start: FloatArray | None = None,
) -> Fit:
    """Fit a logistic (binomial) or log-linear (Poisson, base as exposure) model to grouped counts.

    Parameters
    ----------
    design : Design
        See :func:`yjd.models.design.build`.
    events, base : arrays, shape (rows,)
        Not negative; for the binomial, events are at most the base. The bases are above 0.
    family : {"binomial", "poisson"} or NegativeBinomial
        The likelihood.
    penalty : {"none", "firth"}
        "firth" adds half the logarithm of the information's determinant (Firth 1993, Biometrika 80:27-38): finite
        under separation, and less far from the truth where events are few.
    start : array, shape (columns,), optional
        Where to begin.
    """
    chosen = family_of(family) if isinstance(family, str) else family
    width = design.width
    kept, null = null_space(design.cross(base), group_last(design))
    unplaced, collinear = separation.undetermined(design, base, np.zeros(design.rows, dtype=bool), null)
    first = np.zeros(width)
    share = (events.sum() + 0.5) / (base.sum() + 1.0)
    first[0] = chosen.link(float(share))
    if start is not None:
        first = start - null @ start[np.setdiff1d(np.arange(width), kept)]
    state = _State(first, np.zeros(width), base, events, kept, null)
    if penalty == "firth":
        best = maximise(chosen, design, events, base, start=first, kept=kept)
        state = replace(state, coefficients=best.coefficients, converged=best.converged, iterations=best.iterations)
    else:
        state = _climb(chosen, design, state)
    return _finish(chosen, design, events, base, state, unplaced, collinear, penalty)


def fit_rung(
    rung: Rung,
    *,
    family: FamilyName | NegativeBinomial,
    penalty: Penalty = "none",
    start: FloatArray | None = None,
) -> Fit:
    """Fit a rung on its own patterns: see :func:`fit`."""
    return fit(rung.design, rung.events, rung.base, family=family, penalty=penalty, start=start)


def inverse(information: FloatArray, kept: IntArray) -> FloatArray:
    """Invert the information of the kept columns; 0 for the others. Scaled first, for columns of any size."""
    own = information[np.ix_(kept, kept)]
    scale = 1 / np.sqrt(np.maximum(np.diag(own), 1e-300))
    part = linalg.pinvh(own * np.outer(scale, scale)) * np.outer(scale, scale)
    whole = np.zeros_like(information)
    whole[np.ix_(kept, kept)] = part
    return whole


def _climb(family: Family, design: Design, state: _State) -> _State:
    """Newton's method with halved steps; rows found to be separated are put aside on the way."""
    one_way = separation.only_one_way(state.events, state.base, proportion=isinstance(family, Binomial))
    linear = design.linear(state.coefficients)
    terms = family.terms(linear, state.events, state.base)
    for iteration in range(1, _ITERATIONS + 1):
        step = np.zeros(design.width)
        step[state.kept] = _solve(design.cross(terms.weight), design.totals(terms.residual), state.kept)
        move = design.linear(step)
        largest = float(np.abs(move[state.base > 0]).max(initial=0.0))
        if not np.isfinite(largest):
            return state
        if iteration >= _LOOK_FROM and largest > 10 * _AT_REST:
            found = separation.direction(design, one_way, state.base, step)
            if found is not None:
                state = _put_aside(design, state, *found)
                linear = design.linear(state.coefficients)
                terms = family.terms(linear, state.events, state.base)
                continue
        share = min(1.0, _FURTHEST_MOVE / largest) if largest > 0 else 1.0
        for _ in range(_HALVINGS):
            tried = family.terms(linear + share * move, state.events, state.base)
            if tried.log_likelihood >= terms.log_likelihood - 1e-9 * (1 + abs(terms.log_likelihood)):
                break
            share /= 2
        linear, terms = linear + share * move, tried
        state = replace(state, coefficients=state.coefficients + share * step, iterations=iteration)
        if largest < _AT_REST:
            return replace(state, converged=True)
    return state


def _solve(information: FloatArray, gradient: FloatArray, kept: IntArray) -> FloatArray:
    own = information[np.ix_(kept, kept)]
    scale = 1 / np.sqrt(np.maximum(np.diag(own), 1e-300))
    scaled = own * np.outer(scale, scale)
    try:
        found = linalg.cho_solve(linalg.cho_factor(scaled), gradient[kept] * scale)
    except linalg.LinAlgError:
        found = linalg.lstsq(scaled, gradient[kept] * scale)[0]
    return np.asarray(found * scale, dtype=np.float64)


def _put_aside(design: Design, state: _State, along: FloatArray, separated: BoolArray) -> _State:
    """Take separated rows out, and the columns that only they could tell apart."""
    base = np.where(separated, 0.0, state.base)
    kept, null = null_space(design.cross(base), group_last(design))
    dropped = np.setdiff1d(np.arange(design.width), kept)
    # an earlier direction stays the stronger one, wherever the later one points
    stronger = 1 + float(np.abs(design.linear(along)).max()) if state.infinite.any() else 1.0
    return replace(
        state,
        coefficients=state.coefficients - null @ state.coefficients[dropped],
        infinite=state.infinite * stronger + along,
        base=base, events=np.where(separated, 0.0, state.events), kept=kept, null=null,
    )  # fmt: skip


def _finish(
    family: Family, design: Design, events: FloatArray, base: FloatArray, state: _State,
    unplaced: BoolArray, collinear: BoolArray, penalty: Penalty,
) -> Fit:  # fmt: skip
    """Gather what was found, with a status for each group."""
    linear = design.linear(state.coefficients)
    terms = family.terms(linear, state.events, state.base)
    aside = (state.base == 0) & (base > 0)
    # far enough that the finite part, which is arbitrary there, cannot turn it back
    infinite = state.infinite * (1 + np.abs(linear[aside]).max(initial=0.0) / _INFINITE)
    level, contrast = separation.undetermined(design, base, aside, state.null)
    dropped = np.setdiff1d(np.arange(design.width), state.kept)
    moved = separation.moved_columns(infinite) if infinite.any() else np.array([], dtype=np.intp)
    active = state.base > 0
    return Fit(
        design=design, family=family, events=events, base=base,
        coefficients=state.coefficients, infinite=infinite,
        covariance=inverse(design.cross(terms.weight), state.kept),
        linear=linear + _INFINITE * design.linear(infinite),
        kept=state.kept,
        level_status=_statuses(unplaced, level), contrast_status=_statuses(collinear, contrast),
        collinear=tuple(design.columns[at] for at in dropped if at not in moved),
        separated=tuple(design.columns[at] for at in moved),
        log_likelihood=terms.log_likelihood,
        deviance=2 * (family.saturated(state.events[active], state.base[active]) - terms.log_likelihood),
        converged=state.converged, iterations=state.iterations, penalty=penalty,
    )  # fmt: skip


def _statuses(collinear: BoolArray, separated: BoolArray) -> StrArray:
    return np.select([collinear, separated], ["collinear", "separated"], "ok").astype(np.str_)
