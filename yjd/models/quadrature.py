"""Likelihood of counts with a random intercept for each cluster, by adaptive Gauss-Hermite quadrature.

Given its cluster's intercept, a row's events are binomial (logit link) or Poisson (log link, base as exposure). The
intercepts are normal about 0; their integral is a sum over nodes that are laid about each cluster's own mode
(Pinheiro and Bates 1995, Journal of Computational and Graphical Statistics 4:12-35), as in R's lme4::glmer. The
derivatives are those of the integral itself, from the posterior of the intercepts (Louis 1982, Journal of the Royal
Statistical Society B 44:226-233).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from yjd.metrics.counts import Kind
from yjd.metrics.intervals import FloatArray
from yjd.models.sample import IntArray

NODES = 25  # the most that lme4 takes; from about 9 nothing changes that a reader could see
_FURTHEST = 60.0  # of a linear predictor, as in yjd.models.families
_FURTHEST_MOVE = 3.0  # of a linear predictor in one step towards the mode
_STEPS = 200
_AT_REST = 1e-12


@dataclass(frozen=True)
class Clustered:
    """Counts, their fixed columns, and which cluster each row is in.

    Attributes
    ----------
    kind : {"proportion", "rate"}
        Binomial with logit link, or Poisson with log link.
    matrix : array, shape (rows, columns)
        Of full rank.
    events, base : arrays, shape (rows,)
        Bases are above 0.
    starts : array of int, shape (clusters,)
        First row of each cluster: the rows of a cluster stand together.
    cluster : array of int, shape (rows,)
        The place of each row's cluster.
    """

    kind: Kind
    matrix: FloatArray
    events: FloatArray
    base: FloatArray
    starts: IntArray
    cluster: IntArray

    @classmethod
    def of(cls, kind: Kind, matrix: FloatArray, events: FloatArray, base: FloatArray, cluster: IntArray) -> Clustered:
        """Bring rows into the order of their clusters, whose numbers may have gaps."""
        order = np.argsort(cluster, kind="stable")
        _, starts, place = np.unique(cluster[order], return_index=True, return_inverse=True)
        return cls(kind, matrix[order], events[order], base[order], starts.astype(np.intp), place.astype(np.intp))

    def totals(self, values: FloatArray) -> FloatArray:
        """Sums over the rows of each cluster: (rows, ...) gives (clusters, ...)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0), dtype=np.float64)


class Pieces(NamedTuple):
    """Of the rows at any linear predictors: log-likelihood (without constants), its slope, less its curvature."""

    value: FloatArray
    residual: FloatArray
    weight: FloatArray


@dataclass(frozen=True)
class Marginal:
    """The likelihood at one place, with the intercepts integrated out.

    Attributes
    ----------
    log_likelihood : float
        Without constants that no parameter changes.
    score : array, shape (columns + 1,)
        Its derivatives by the coefficients and, last, by the standard deviation.
    information : array, shape (columns + 1, columns + 1)
        Less its second derivatives.
    intercepts : array, shape (clusters, nodes)
        Values of the random intercepts.
    posterior : array, shape (clusters, nodes)
        Their weights given the counts; each cluster's add to 1.
    slope, curve : arrays, shape (rows,)
        First and (less) second derivative by a row's fixed part; together of use where a cluster is one row.
    """

    log_likelihood: float
    score: FloatArray
    information: FloatArray
    intercepts: FloatArray
    posterior: FloatArray
    slope: FloatArray
    curve: FloatArray


def pieces(kind: Kind, linear: FloatArray, events: FloatArray, base: FloatArray) -> Pieces:
    """Log-likelihood of each row and its derivatives by the linear predictor; arguments broadcast."""
    if kind == "rate":
        expected = base * np.exp(np.minimum(linear, _FURTHEST))
        return Pieces(events * linear - expected, events - expected, expected)
    small = np.exp(-np.abs(linear))
    likely = np.where(linear >= 0, 1.0, small) / (1 + small)
    value = events * linear - base * (np.maximum(linear, 0) + np.log1p(small))
    return Pieces(value, events - base * likely, base * small / (1 + small) ** 2)


def mean(kind: Kind, linear: FloatArray) -> FloatArray:
    """Events expected for 1 of the base."""
    return np.asarray(special.expit(linear) if kind == "proportion" else np.exp(np.minimum(linear, _FURTHEST)))


@lru_cache(maxsize=4)
def gauss_hermite(nodes: int = NODES) -> tuple[FloatArray, FloatArray]:
    """Places and weights for integrals over a standard normal distribution."""
    places, weights = np.polynomial.hermite.hermgauss(nodes)
    return places * np.sqrt(2), weights / np.sqrt(np.pi)


def evaluate(rows: Clustered, coefficients: FloatArray, deviation: float, *, nodes: int = NODES) -> Marginal:
    """Integrate the intercepts out at these coefficients and this standard deviation of the intercepts."""
    fixed = rows.matrix @ coefficients
    mode, width = _modes(rows, fixed, deviation)
    places, weights = gauss_hermite(nodes)
    z = mode[:, None] + width[:, None] * places
    found = pieces(
        rows.kind, fixed[:, None] + deviation * z[rows.cluster], rows.events[:, None], rows.base[:, None]
    )  # fmt: skip
    height = np.log(weights) + places**2 / 2 - z**2 / 2 + rows.totals(found.value)
    top = height.max(axis=1, keepdims=True)
    share = np.exp(height - top)
    total = share.sum(axis=1)
    posterior = share / total[:, None]
    value = float((np.log(total) + top[:, 0] + np.log(width)).sum())
    return _derivatives(rows, found, z, posterior, value, deviation)


def _derivatives(
    rows: Clustered, found: Pieces, z: FloatArray, posterior: FloatArray, value: float, deviation: float
) -> Marginal:
    """Louis's formula: the mean of the curvature given the counts, less the variance of the score."""
    each, of_z, width = posterior[rows.cluster], z[rows.cluster], rows.matrix.shape[1]
    slope = (each * found.residual).sum(axis=1)
    weighted = each * found.weight
    weight, crossed = weighted.sum(axis=1), (weighted * of_z).sum(axis=1)
    curve = weight - np.maximum((each * found.residual**2).sum(axis=1) - slope**2, 0.0)
    by_z = z * rows.totals(found.residual)
    mean_by_z = (posterior * by_z).sum(axis=1)
    information = np.empty((width + 1, width + 1))
    if len(rows.starts) == len(rows.events):  # one row a cluster: all its scores are multiples of its row
        shared = (each * (found.residual - slope[:, None]) * (by_z - mean_by_z[:, None])).sum(axis=1)
        information[:width, :width] = (rows.matrix * curve[:, None]).T @ rows.matrix
        information[:width, width] = rows.matrix.T @ (crossed - shared)
    else:
        root = np.sqrt(posterior)
        scores = np.empty((*z.shape, width + 1))
        for at in range(width):
            scores[..., at] = rows.totals(rows.matrix[:, at, None] * (found.residual - slope[:, None])) * root
        scores[..., width] = (by_z - mean_by_z[:, None]) * root
        flat = scores.reshape(-1, width + 1)
        spread = flat[:, :width].T @ flat
        information[:width, :width] = (rows.matrix * weight[:, None]).T @ rows.matrix - spread[:, :width]
        information[:width, width] = rows.matrix.T @ crossed - spread[:, width]
    information[width, :width] = information[:width, width]
    information[width, width] = (weighted * of_z**2).sum() - (posterior * (by_z - mean_by_z[:, None]) ** 2).sum()
    score = np.append(rows.matrix.T @ slope, mean_by_z.sum())
    return Marginal(value, score, information, deviation * z, posterior, slope, curve)


def _modes(rows: Clustered, fixed: FloatArray, deviation: float) -> tuple[FloatArray, FloatArray]:
    """Mode of each cluster's standard intercept given its counts, and 1 / sqrt of the curvature there.

    Newton's method on a concave function, held between the nearest places known to be below and above the mode.
    """
    size = len(rows.starts)
    z = np.zeros(size)
    if deviation == 0:
        return z, np.ones(size)
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    for _ in range(_STEPS):
        found = pieces(rows.kind, fixed + deviation * z[rows.cluster], rows.events, rows.base)
        slope = deviation * rows.totals(found.residual) - z
        curvature = 1 + deviation**2 * rows.totals(found.weight)
        low, high = np.where(slope > 0, z, low), np.where(slope < 0, z, high)
        step = np.clip(slope / curvature, -_FURTHEST_MOVE / deviation, _FURTHEST_MOVE / deviation)
        onward = z + step
        outside = (onward <= low) | (onward >= high)
        both = outside & np.isfinite(low) & np.isfinite(high) & (np.abs(step) > _AT_REST)
        onward = np.where(both, np.where(both, low, 0.0) / 2 + np.where(both, high, 0.0) / 2, onward)
        at_rest = np.abs(onward - z).max() <= _AT_REST * (1 + np.abs(z).max())
        z = onward
        if at_rest:
            break
    found = pieces(rows.kind, fixed + deviation * z[rows.cluster], rows.events, rows.base)
    return z, 1 / np.sqrt(1 + deviation**2 * rows.totals(found.weight))
