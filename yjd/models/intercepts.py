"""Fits of models with a random intercept: greatest marginal likelihood, and limits of the standard deviation.

The estimate is lme4's. Its profile likelihood takes the coefficients as if they were known: with few clusters for each
coefficient a standard deviation comes out too small and its limits too near. So limits and tests come from the
profile less half the logarithm of the determinant of the coefficients' information (Cox and Reid 1987, Journal of the
Royal Statistical Society B 49:1-39), which for a linear model is REML.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, optimize, special

from yjd.metrics.intervals import FloatArray
from yjd.models.quadrature import NODES, Clustered, Marginal, evaluate

_DEVIATIONS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # where the search for the greatest likelihood begins
_WIDEST = 12.8  # of a standard deviation on the scale of logits or logarithms: e**12.8 is a factor of 360,000
_STEPS = 30
_HALVINGS = 5
_AT_REST = 1e-9  # of the largest move of a linear predictor
_ROUNDING = 1e-6  # below, a move that no longer shrinks is rounding: counts in millions leave no more figures
_MORE_NODES = 75
_FEW_SUFFICE = 2.0  # standard deviations beyond take more nodes: a cluster with all or no events is far from normal


@dataclass(frozen=True)
class Point:
    """The coefficients of greatest likelihood at one standard deviation of the intercepts.

    Attributes
    ----------
    deviation : float
        The standard deviation.
    coefficients : array, shape (columns,)
        The best there.
    marginal : Marginal
        The likelihood there.
    converged : bool
        Whether the last step was at rest.
    """

    deviation: float
    coefficients: FloatArray
    marginal: Marginal
    converged: bool

    @property
    def covariance(self) -> FloatArray:
        """Of the coefficients where the standard deviation is known: shape (columns, columns)."""
        width = len(self.coefficients)
        return np.asarray(linalg.pinvh(self.marginal.information[:width, :width]), dtype=np.float64)

    @property
    def adjusted(self) -> float:
        """Log-likelihood less half the logarithm of the determinant of the coefficients' information."""
        width = len(self.coefficients)
        _, size = np.linalg.slogdet(self.marginal.information[:width, :width])
        return float(self.marginal.log_likelihood - size / 2)


@dataclass
class Profile:
    """The likelihood along the standard deviation; points that were computed are kept, to start others from."""

    rows: Clustered
    points: list[Point] = field(default_factory=list)

    def at(self, deviation: float, start: FloatArray | None = None) -> Point:
        """Give the point at one standard deviation: Newton's method, since the likelihood is concave there."""
        near = min(self.points, key=lambda one: abs(one.deviation - deviation), default=None)
        if near is not None and near.deviation == deviation:
            return near
        if near is not None:
            start = near.coefficients
        assert start is not None, "the first point has a start"
        point = _climb(self.rows, deviation, start)
        self.points.append(point)
        return point

    def value(self, deviation: float) -> float:
        """Log-likelihood of the profile."""
        return self.at(deviation).marginal.log_likelihood

    def slope(self, deviation: float) -> float:
        """Derivative of the profile by the standard deviation."""
        return float(self.at(deviation).marginal.score[-1])


@dataclass(frozen=True)
class Fitted:
    """A model with a random intercept.

    Attributes
    ----------
    profile : Profile
        The likelihood along the standard deviation.
    best : Point
        The greatest likelihood.
    converged : bool
        Whether it was found, and is finite.
    """

    profile: Profile
    best: Point
    converged: bool

    @property
    def deviation(self) -> float:
        """Standard deviation of the intercepts; 0 is the boundary."""
        return self.best.deviation

    @property
    def boundary(self) -> bool:
        """Whether the clusters differ no more than chance has it."""
        return self.best.deviation == 0

    def covariance(self) -> FloatArray:
        """Of the coefficients and, last, the standard deviation: shape (columns + 1, columns + 1).

        At the boundary the standard deviation is taken as known, to be 0.
        """
        width = len(self.best.coefficients)
        whole = np.zeros((width + 1, width + 1))
        if self.boundary:
            whole[:width, :width] = self.best.covariance
        else:
            whole[:] = linalg.pinvh(self.best.marginal.information)
        return whole

    def fall(self, drop: float, *, upward: bool, adjusted: bool = True) -> float:
        """Where the profile is lower than at its top by this much; 0, or infinity, where it nowhere is."""
        top, highest = self._top(adjusted)

        def above(deviation: float) -> float:
            return self._height(deviation, adjusted) - highest + drop

        if not upward:
            if top == 0 or above(0.0) >= 0:
                return 0.0
            return float(optimize.brentq(above, 0.0, top, xtol=1e-9))
        inner = top
        for outer in (one for one in (*_DEVIATIONS, _WIDEST) if one > top):
            if above(outer) < 0:
                return float(optimize.brentq(above, inner, outer, xtol=1e-9))
            inner = outer
        return float("inf")

    def limits(self, levels: FloatArray, *, adjusted: bool = True) -> tuple[FloatArray, FloatArray]:
        """Limits of the standard deviation, each of shape (levels,), from the adjusted profile or the plain one."""
        drops = special.chdtri(1, 1 - levels) / 2
        lower, upper = (
            [self.fall(float(drop), upward=up, adjusted=adjusted) for drop in drops] for up in (False, True)
        )  # fmt: skip
        return np.fmin(lower, self.deviation), np.fmax(upper, self.deviation)

    def p_value(self, *, adjusted: bool = True) -> float:
        """Of a standard deviation of 0: half the tail of chi-square (Self and Liang 1987, JASA 82:605-610)."""
        top, highest = self._top(adjusted)
        drop = highest - self._height(0.0, adjusted)
        return float(special.chdtrc(1, max(2 * drop, 0.0)) / 2) if top > 0 else 1.0

    def _height(self, deviation: float, adjusted: bool) -> float:
        point = self.profile.at(deviation)
        return point.adjusted if adjusted else point.marginal.log_likelihood

    def _top(self, adjusted: bool) -> tuple[float, float]:
        """Where the profile is highest, and how high."""
        if not adjusted:
            return self.deviation, self.best.marginal.log_likelihood
        grid = sorted({*_DEVIATIONS, self.deviation})
        heights = [self._height(one, True) for one in grid]
        at = int(np.argmax(heights))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
        found = optimize.minimize_scalar(
            lambda one: -self._height(float(one), True), bounds=(low, high), method="bounded", options={"xatol": 1e-5}
        )
        return (float(found.x), float(-found.fun)) if -found.fun > heights[at] else (grid[at], heights[at])


def fit_intercepts(rows: Clustered, start: FloatArray) -> Fitted:
    """Find the greatest marginal likelihood.

    Parameters
    ----------
    rows : Clustered
        Two clusters or more, and a matrix in which nothing is separated.
    start : array, shape (columns,)
        Coefficients to begin from: those without random intercepts.
    """
    profile = Profile(rows)
    grid = [profile.at(deviation, start) for deviation in _DEVIATIONS]
    top = int(np.argmax([one.marginal.log_likelihood for one in grid]))
    low, high = _DEVIATIONS[max(top - 1, 0)], _DEVIATIONS[min(top + 1, len(grid) - 1)]
    if top == 0:
        # at 0 the slope is 0, since only the square matters: the curvature says whether the likelihood rises from there
        if grid[0].marginal.information[-1, -1] >= 0:
            return Fitted(profile, grid[0], grid[0].converged)
        low = 1e-4
    elif top == 1:
        low = 1e-4
    if top == len(grid) - 1:
        return Fitted(profile, grid[top], False)
    if profile.slope(low) <= 0:  # a likelihood that is flat at 0, to the precision of numbers
        best = max((profile.at(0.0), grid[top]), key=lambda one: one.marginal.log_likelihood)
        return Fitted(profile, best, best.converged and best.deviation == 0)
    best = profile.at(float(optimize.brentq(profile.slope, low, high, xtol=1e-11)))
    return Fitted(profile, best, best.converged)


def _climb(rows: Clustered, deviation: float, start: FloatArray) -> Point:
    nodes = NODES if deviation <= _FEW_SUFFICE else _MORE_NODES
    here, coefficients, width = evaluate(rows, start, deviation, nodes=nodes), start, len(start)
    largest = before = float("inf")
    for _ in range(_STEPS):
        step = _solve(here.information[:width, :width], here.score[:width])
        largest = float(np.abs(rows.matrix @ step).max())
        if not np.isfinite(largest):
            break
        if largest < _AT_REST or before / 2 < largest < _ROUNDING:
            return Point(deviation, coefficients, here, True)
        share, before = min(1.0, 4.0 / largest), largest
        for _ in range(_HALVINGS):
            tried = evaluate(rows, coefficients + share * step, deviation, nodes=nodes)
            if tried.log_likelihood >= here.log_likelihood - 1e-10 * (1 + abs(here.log_likelihood)):
                break
            share /= 2
        else:
            # the sum over nodes and the integral have their tops apart, at deviations too large for so few nodes
            break
        here, coefficients = tried, coefficients + share * step
    return Point(deviation, coefficients, here, largest < _ROUNDING)


def _solve(information: FloatArray, score: FloatArray) -> FloatArray:
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information * np.outer(scale, scale)
    try:
        found = linalg.cho_solve(linalg.cho_factor(scaled), score * scale)
    except linalg.LinAlgError:
        found = linalg.lstsq(scaled, score * scale)[0]
    return np.asarray(found * scale, dtype=np.float64)
