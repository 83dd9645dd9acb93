"""Conjugate models of rates that vary between areas, all strata at once.

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
        """Return about where t lies at this spread, and about its variance."""

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Log Jeffreys prior of t at this spread, up to the same constant at every spread."""

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
        # log1p is exact where a is near e, the logarithm where it is far below
        log = np.where(over < -0.5, np.log((nu + a) / total), np.log1p(np.maximum(over, -0.5)))
        by_nu = (rising.first(a, nu) + log - over).sum(axis=1)
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
        return (np.log(rate) + np.log1p(0.5 / weighed))[:, 0], 1 / (weighed[:, 0] + 0.5)

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:
        """Half the logarithm of the information, relative to that at the rate of all areas together."""
        n, spread = self.n[..., None], np.exp(u)[:, None, :]
        here, common = (rate[:, None, :] * n for rate in (np.exp(t), np.exp(self.pooled()[0])))
        gain = (here / (1 + spread * here)).sum(axis=1) / (common / (1 + spread * common)).sum(axis=1)
        return np.asarray(0.5 * np.log(gain))

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
        return np.log((a + 0.5) / (n - a + 0.5)), 1 / (a + 0.5) + 1 / (n - a + 0.5)

    def prior(self, t: FloatArray, u: FloatArray) -> FloatArray:  # noqa: ARG002
        """Half the logarithm of the information, of which p (1 - p) alone depends on t."""
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
