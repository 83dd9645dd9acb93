"""Mean and spread of the rates of areas: their most likely values, and what is not known of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from yjd.metrics.conjugate import Model, Slopes
from yjd.metrics.intervals import FloatArray

_STEPS = 100  # Newton steps; some ten are usual
_LONGEST_STEP = 1.5
_NEAR = 1e-6  # a gain in log likelihood still to come that is too small to be seen in it, for rounding
_ROUNDING = 1e-12  # of counts and of the log likelihood, what adding up may lose
_ARRIVED = 1e-13  # a gain, squared by the step that is taken at once, that leaves nothing to be found
_GAIN = 1e-7  # log likelihood that a spread must add over none at all, for the spread to be told from none
_NO_SPREAD = 1e-5  # relative to typical information: the least spread that is looked at
_MOST = np.log(1e6)  # beta parameters that add up to a millionth: every area for itself
_HALVINGS = 40
_SEARCH_NODES, _SPREAD_NODES, _MEAN_NODES = 28, 12, 7
_LEAST_SPREAD, _MOST_SPREAD = -6.0, 6.0  # of the logarithm of spread times typical information
_FLAT_TO = 10.0  # variances between areas, relative to that by chance, over which the prior is nearly flat
_NEGLIGIBLE = 9.0  # below the greatest log posterior, in logarithms


class Fit(NamedTuple):
    """Hyperparameters of greatest likelihood; shapes (strata, 1). Where `pooled`, there is no spread (u is -inf)."""

    t: FloatArray
    u: FloatArray
    pooled: np.ndarray
    converged: np.ndarray


class Profile(NamedTuple):
    """The likelihood along a grid of spreads, each at about its best mean; shapes (strata, nodes)."""

    u: FloatArray
    t: FloatArray
    variance: FloatArray
    likelihood: FloatArray


def profile(model: Model) -> Profile:
    """Look at each stratum's likelihood from next to no spread to more than any that matters."""
    steps = np.linspace(0, 1, _SEARCH_NODES)
    least = _LEAST_SPREAD - np.log(model.typical)
    most = np.maximum(_MOST_SPREAD, least + 2 * _MOST_SPREAD)
    u = least + steps * (most - least)
    t, variance = model.centre(u)
    return Profile(u, t, variance, model.likelihood(t, u))


def fit(model: Model, along: Profile) -> Fit:
    """Maximise the marginal likelihood of every stratum by Newton's method from the best node of its profile."""
    best = np.argmax(along.likelihood, axis=1)[:, None]
    t, u, found = (np.take_along_axis(value, best, axis=1) for value in (along.t, along.u, along.likelihood))
    least = np.log(_NO_SPREAD / model.typical)
    left = np.arange(len(t))  # strata still on their way
    for _ in range(_STEPS):
        part, here = model.at(left), (t[left], u[left], found[left])
        slopes = _held(part.slopes(here[0], here[1]), here[1], least[left])
        step = _direction(slopes)
        gain = np.einsum("si,si->s", step, slopes.first)
        near = _NEAR + _ROUNDING * (part.typical[:, 0] + np.abs(here[2][:, 0]))
        t[left], u[left], found[left] = _line_search(part, here, step, least[left], gain > near)
        arrived = gain < _ARRIVED
        left = left[~arrived]
        if not len(left):
            break
    alone, without = model.pooled()
    pooled = found - without <= _GAIN
    converged = ~np.isin(np.arange(len(t)), left) | pooled[:, 0]
    return Fit(np.where(pooled, alone, t), np.where(pooled, -np.inf, u), pooled[:, 0], converged)


def variance_about(model: Model, along: Profile, estimate: FloatArray) -> FloatArray:
    """Mean squared distance of each area's rate from an estimate, over what is not known of mean and spread.

    Integrates over the posterior of t and u under weak priors. The mean has Jeffreys' prior given the spread. The
    variance between areas has one that is nearly flat (Morris 1983, Tak, Kelly and Morris 2017) up to ten times
    the variance by chance in a typical area; that it falls off from there makes the posterior proper for three
    areas. Flat shrinkage (Christiansen and Morris 1997) would have its bend at once, not ten times, the variance
    by chance; its coverage is a few hundredths lower. Shapes (strata, areas).
    """
    u, weight_u = _nodes_of_spread(model, along)
    centre, variance_t = model.centre(u)
    scale = np.sqrt(variance_t)
    x, weight_x = np.polynomial.hermite_e.hermegauss(_MEAN_NODES)
    shape = (len(u), -1)
    t = (centre[..., None] + scale[..., None] * x).reshape(shape)
    every_u = np.repeat(u, _MEAN_NODES, axis=1)
    log_weight = np.log((weight_u * scale)[..., None] * weight_x).reshape(shape)
    log_weight += np.tile(x**2 / 2, u.shape[1])  # the normal density that the nodes stand for
    log_weight += model.likelihood(t, every_u) + model.prior(t, every_u) + _prior_of_spread(model, every_u)
    weight = special.softmax(log_weight, axis=1)[:, None, :]
    mean, variance = model.posterior(t, every_u)
    return np.asarray((weight * (variance + (mean - estimate[..., None]) ** 2)).sum(axis=2))


def _nodes_of_spread(model: Model, along: Profile) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes over the spreads that are not negligible, and their weights."""
    height = along.likelihood + model.prior(along.t, along.u) + _prior_of_spread(model, along.u)
    height += 0.5 * np.log(along.variance)
    matters = height > height.max(axis=1, keepdims=True) - _NEGLIGIBLE
    first = np.maximum(np.argmax(matters, axis=1) - 1, 0)
    last = np.minimum(_SEARCH_NODES - np.argmax(matters[:, ::-1], axis=1), _SEARCH_NODES - 1)
    low, high = (np.take_along_axis(along.u, place[:, None], axis=1) for place in (first, last))
    x, weight = np.polynomial.legendre.leggauss(_SPREAD_NODES)
    return low + (x + 1) / 2 * (high - low), weight * (high - low)


def _prior_of_spread(model: Model, u: FloatArray) -> FloatArray:
    """Log density of u where exp(u), a variance, has density 1 / (1 + exp(u) typical / 10)^2."""
    relative = u + np.log(model.typical) - np.log(_FLAT_TO)
    return np.asarray(relative + 2 * special.log_expit(-relative))


def _held(slopes: Slopes, u: FloatArray, least: FloatArray) -> Slopes:
    """Take u out of the search where it stands at its bound and the likelihood leads beyond."""
    first, second = slopes
    by_u = first[:, 1:]
    held = (((u <= least) & (by_u < 0)) | ((u >= _MOST) & (by_u > 0)))[:, 0]
    first[held, 1] = 0
    second[held, 0, 1] = second[held, 1, 0] = 0
    second[held, 1, 1] = -1
    return slopes


def _direction(slopes: Slopes) -> FloatArray:
    """Newton's step, made to lead uphill where the likelihood is not concave; shape (strata, 2)."""
    values, vectors = np.linalg.eigh(slopes.second)
    along = np.einsum("sij,si->sj", vectors, slopes.first)
    step = np.einsum("sij,sj->si", vectors, along / np.maximum(np.abs(values), 1e-12))
    length = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1, _LONGEST_STEP / np.maximum(length, 1e-300)))


def _line_search(
    model: Model,
    here: tuple[FloatArray, FloatArray, FloatArray],
    step: FloatArray,
    least: FloatArray,
    wary: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Halve the step of each stratum until its likelihood is not less than here; else stay."""
    t, u, found = here
    share = np.ones_like(t)
    for _ in range(_HALVINGS):
        new_t = t + share * step[:, :1]
        new_u = np.clip(u + share * step[:, 1:], least, _MOST)
        new = model.likelihood(new_t, new_u)
        worse = ~(new >= found) & wary[:, None]
        if not worse.any():
            return new_t, new_u, new
        share = np.where(worse, share / 2, share)
    return np.where(worse, t, new_t), np.where(worse, u, new_u), np.where(worse, found, new)
