"""Rates that vary between areas: the two conjugate models, all strata at once.

Counts are tables of shape (strata, areas), 0 where a stratum has fewer areas. A model has two unknowns for each
stratum: the mean of the areas' rates, as its logarithm or logit t, and the spread between areas, as the logarithm
u of the reciprocal of the gamma shape, or of the sum of the two beta parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from yjd.metrics import rising
from yjd.metrics.intervals import FloatArray

_STEPS = 100  # Newton steps; some ten are usual
_LONGEST_STEP = 1.5
_NEAR = 1e-6  # a gain in log likelihood still to come that is too small to be seen in it, for rounding
_ARRIVED = 1e-13  # a gain, squared by the step that is taken at once, that leaves nothing to be found
_GAIN = 1e-7  # log likelihood that a spread must add over none at all, for the spread to be told from none
_NO_SPREAD = 1e-5  # relative to typical information: the least spread that is looked at
_MOST = np.log(1e6)  # beta parameters that add up to a millionth: every area for itself
_HALVINGS = 40
_SEARCH_NODES, _SPREAD_NODES, _MEAN_NODES = 28, 12, 7
_LEAST_SPREAD, _MOST_SPREAD = -6.0, 6.0  # of the logarithm of spread times typical information
_NEGLIGIBLE = 9.0  # below the greatest log posterior, in logarithms


class Moments(NamedTuple):
    """Mean and variance of each area's rate given its counts and t and u; shapes (strata, areas, nodes)."""

    mean: FloatArray
    variance: FloatArray


class Slopes(NamedTuple):
    """First and second derivatives of the log likelihood in t and u; shapes (strata, 2), (strata, 2, 2)."""

    first: FloatArray
    second: FloatArray


class Model(Protocol):
    """What both models can say; t and u have shape (strata, nodes), and so have results unless said otherwise."""

    def at(self, strata: NDArray[np.intp]) -> Self:
        """Return the same model of some strata."""

    @property
    def typical(self) -> FloatArray:
        """Information of a typical area, in the unit of 1 / spread; shape (strata, 1)."""

    def likelihood(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Log marginal likelihood, up to a constant of the stratum."""

    def pooled(self) -> tuple[FloatArray, FloatArray]:
        """Return t and log likelihood of no spread at all; shapes (strata, 1)."""

    def slopes(self, t: FloatArray, u: FloatArray) -> Slopes:
        """Return derivatives at one node."""

    def centre(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weighted mean of the areas' rates, as t, and the events it weighs, about 1 / variance of log t."""

    def scale(self, t: FloatArray, weighed: FloatArray) -> FloatArray:
        """Return the variance of t about its centre."""

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Log Jeffreys prior of t at this spread."""

    def posterior(self, t: FloatArray, u: FloatArray) -> Moments:
        """Moments of each area's rate."""


@dataclass(frozen=True)
class GammaPoisson:
    """Events of an area are Poisson, the areas' rates gamma: the marginal counts are negative binomial.

    t is the logarithm of the mean rate, exp(-u) the shape of the gamma (Clayton and Kaldor 1987: nu).
    """

    a: FloatArray
    n: FloatArray

    def at(self, strata: NDArray[np.intp]) -> GammaPoisson:
        """Return the same model of some strata."""
        return GammaPoisson(self.a[strata], self.n[strata])

    @property
    def typical(self) -> FloatArray:
        """Mean events of an area."""
        return _column(self.a.sum(axis=1) / _areas(self.n))

    def likelihood(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Negative binomial."""
        a, e, nu = self._terms(t, u)
        each = rising.log_rising(a, nu) + special.xlogy(a, e) - (a + nu) * np.log1p(e / nu)
        return np.asarray(each.sum(axis=1))

    def pooled(self) -> tuple[FloatArray, FloatArray]:
        """Poisson with one rate."""
        rate = _column(self.a.sum(axis=1) / self.n.sum(axis=1))
        e = rate * self.n
        return np.log(rate), _column((special.xlogy(self.a, e) - e).sum(axis=1))

    def slopes(self, t: FloatArray, u: FloatArray) -> Slopes:
        """Return analytic derivatives."""
        a, e, nu = (value[..., 0] for value in self._terms(t, u))
        total, over = nu + e, (a - e) / (nu + e)
        by_t = (nu * over).sum(axis=1)
        by_tt = -(nu * e * (nu + a) / total**2).sum(axis=1)
        by_nu = (rising.first(a, nu) + np.log1p(over) - over).sum(axis=1)
        by_nu_nu = (rising.second(a, nu) + over**2 / (nu + a)).sum(axis=1)
        by_t_nu = (e * over / total).sum(axis=1)
        shape = nu[:, 0]
        return _slopes(by_t, -shape * by_nu, by_tt, -shape * by_t_nu, shape**2 * by_nu_nu + shape * by_nu)

    def centre(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Solve the quasi-likelihood equation of the mean by weighing anew a few times."""
        a, n, spread = self.a[..., None], self.n[..., None], np.exp(u)[:, None, :]
        rate = (self.a.sum(axis=1) / self.n.sum(axis=1))[:, None, None] * np.ones_like(spread)
        weighed = rate
        for _ in range(6):
            weight = 1 / (1 + spread * rate * n)
            weighed = (weight * a).sum(axis=1, keepdims=True)
            rate = weighed / (weight * n).sum(axis=1, keepdims=True)
        # half an event more, as in the posterior
        return (np.log(rate) + np.log1p(0.5 / weighed))[:, 0], weighed[:, 0]

    def scale(self, t: FloatArray, weighed: FloatArray) -> FloatArray:
        """Return the variance of the logarithm of a count, near enough."""
        return 1 / (weighed + 0.5)

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Half the logarithm of the information."""
        e = np.exp(t)[:, None, :] * self.n[..., None]
        return np.asarray(0.5 * np.log((e / (1 + np.exp(u)[:, None, :] * e)).sum(axis=1)))

    def posterior(self, t: FloatArray, u: FloatArray) -> Moments:
        """Gamma again: nu + a events in nu / mean + n of the base."""
        a, _, nu = self._terms(t, u)
        base = nu / np.exp(t)[:, None, :] + self.n[..., None]
        mean = (a + nu) / base
        return Moments(mean, mean / base)

    def _terms(self, t: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return events, expected events and shape; shapes (strata, areas, nodes)."""
        e = np.exp(t)[:, None, :] * self.n[..., None]
        a, nu = np.broadcast_to(self.a[..., None], e.shape), np.broadcast_to(np.exp(-u)[:, None, :], e.shape)
        return a, e, nu


@dataclass(frozen=True)
class BetaBinomial:
    """Events of an area are binomial, the areas' rates beta, with parameters s p and s (1 - p).

    t is the logit of p, exp(-u) is s, so that exp(u) / (1 + exp(u)) is the correlation within an area.
    """

    a: FloatArray
    n: FloatArray

    def at(self, strata: NDArray[np.intp]) -> BetaBinomial:
        """Return the same model of some strata."""
        return BetaBinomial(self.a[strata], self.n[strata])

    @property
    def typical(self) -> FloatArray:
        """Mean base of an area."""
        return _column(self.n.sum(axis=1) / _areas(self.n))

    def likelihood(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Beta-binomial."""
        each = np.zeros((*self.a.shape, t.shape[1]))
        for count, parameter in self._parts(t, u):
            each += rising.log_rising(count, parameter)
        n = np.broadcast_to(self.n[..., None], each.shape)
        each -= rising.log_rising(n, np.broadcast_to(np.exp(-u)[:, None, :], each.shape))
        a, b = self.a.sum(axis=1, keepdims=True), (self.n - self.a).sum(axis=1, keepdims=True)
        return np.asarray(each.sum(axis=1) + a * special.log_expit(t) + b * special.log_expit(-t))

    def pooled(self) -> tuple[FloatArray, FloatArray]:
        """Binomial with one probability."""
        a, n = self.a.sum(axis=1), self.n.sum(axis=1)
        found = special.xlogy(a, a / n) + special.xlogy(n - a, (n - a) / n)
        return _column(np.log(a / (n - a))), _column(found)

    def slopes(self, t: FloatArray, u: FloatArray) -> Slopes:
        """Return analytic derivatives."""
        (a, alpha), (b, beta) = ((count[..., 0], value[..., 0]) for count, value in self._parts(t, u))
        n, s = self.n, np.broadcast_to(np.exp(-u), self.n.shape)
        p, q = special.expit(t[:, 0]), special.expit(-t[:, 0])
        a1, a2 = _differences(a, alpha)
        b1, b2 = _differences(b, beta)
        n1, n2 = _differences(n, s)
        s = s[:, 0]
        by_p, by_pp = s * (a1 - b1), s**2 * (a2 + b2)
        by_s, by_ss = p * a1 + q * b1 - n1, p**2 * a2 + q**2 * b2 - n2
        by_ps = a1 - b1 + s * (p * a2 - q * b2)
        turn = p * q
        return _slopes(
            turn * by_p, -s * by_s,
            turn**2 * by_pp + turn * (q - p) * by_p, -s * turn * by_ps, s**2 * by_ss + s * by_s,
        )  # fmt: skip

    def centre(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weigh by the variance that correlation within areas gives."""
        weight = 1 / (1 + (self.n[..., None] - 1) * special.expit(u)[:, None, :])
        a, n = (weight * self.a[..., None]).sum(axis=1), (weight * self.n[..., None]).sum(axis=1)
        # half an event on either side, as in the posterior
        return np.log((a + 0.5) / (n - a + 0.5)), n

    def scale(self, t: FloatArray, weighed: FloatArray) -> FloatArray:
        """Return the variance of a logit, near enough."""
        p = special.expit(t)
        return 1 / ((weighed + 1) * p * (1 - p))

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Half the logarithm of the information, of which only p (1 - p) depends on t."""
        return np.asarray(0.5 * (special.log_expit(t) + special.log_expit(-t)))

    def posterior(self, t: FloatArray, u: FloatArray) -> Moments:
        """Beta again."""
        (a, alpha), (b, beta) = self._parts(t, u)
        above, below = a + alpha, b + beta
        mean = above / (above + below)
        return Moments(mean, mean * (below / (above + below)) / (above + below + 1))

    def _parts(self, t: FloatArray, u: FloatArray) -> tuple[tuple[FloatArray, FloatArray], ...]:
        s = np.exp(-u)
        alpha, beta = s * special.expit(t), s * special.expit(-t)
        shape = (*self.a.shape, t.shape[1])
        return (
            (np.broadcast_to(self.a[..., None], shape), np.broadcast_to(alpha[:, None, :], shape)),
            (np.broadcast_to((self.n - self.a)[..., None], shape), np.broadcast_to(beta[:, None, :], shape)),
        )


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
    t, weighed = model.centre(u)
    return Profile(u, t, model.scale(t, weighed), model.likelihood(t, u))


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
        t[left], u[left], found[left] = _line_search(part, here, step, least[left], gain > _NEAR)
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

    Integrates over the posterior of t and u under weak priors: Jeffreys' for the mean given the spread, and for
    the spread the square root's half-Cauchy with its median where an area's own rate and the common mean weigh
    the same. Shapes (strata, areas).
    """
    u, weight_u = _nodes_of_spread(model, along)
    centre, weighed = model.centre(u)
    scale = np.sqrt(model.scale(centre, weighed))
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
    """Log density of u where exp(u / 2) is half-Cauchy with scale 1 / sqrt(typical)."""
    relative = u + np.log(model.typical)
    return np.asarray(relative / 2 + special.log_expit(-relative))


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


def _column(values: FloatArray) -> FloatArray:
    return np.asarray(values[:, None])


def _areas(n: FloatArray) -> FloatArray:
    return np.asarray((n > 0).sum(axis=1))


def _differences(count: FloatArray, parameter: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums over areas of psi(count + parameter) - psi(parameter), and of its derivative."""
    by_one = rising.first(count, parameter) + np.log1p(count / parameter)
    by_two = rising.second(count, parameter) - count / parameter / (count + parameter)
    return by_one.sum(axis=1), by_two.sum(axis=1)


def _slopes(t: FloatArray, u: FloatArray, tt: FloatArray, tu: FloatArray, uu: FloatArray) -> Slopes:
    second = np.stack([np.stack([tt, tu], axis=1), np.stack([tu, uu], axis=1)], axis=1)
    return Slopes(np.stack([t, u], axis=1), second)
