"""Likelihoods of grouped counts, as functions of the linear predictor. All arrays have shape (rows,)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy import special

from yjd.metrics.intervals import FloatArray

FamilyName = Literal["binomial", "poisson"]
_FURTHEST = 60.0  # of a linear predictor: exp(60) is no rate that people have, and its square is still a number


class Terms(NamedTuple):
    """What one step of a fit needs. Residual and weight have shape (rows,)."""

    log_likelihood: float
    residual: FloatArray  # derivative of the log-likelihood by the linear predictor
    weight: FloatArray  # its expected information


class Family(Protocol):
    """A distribution with its canonical link, or the log link."""

    def terms(self, linear: FloatArray, events: FloatArray, base: FloatArray) -> Terms:
        """Log-likelihood (without constants), residuals and weights."""
        ...

    def mean(self, linear: FloatArray) -> FloatArray:
        """Events expected for 1 of the base."""
        ...

    def slope(self, linear: FloatArray) -> FloatArray:
        """Derivative of the mean by the linear predictor."""
        ...

    def link(self, mean: float) -> float:
        """The linear predictor of a mean."""
        ...

    def parts(self, linear: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The residual in two parts, so that the rows of a pattern can be told apart.

        For the binomial the residual of a record with an event, and of one without; for counts the residual for each
        event, and for each 1 of the base.
        """
        ...

    def saturated(self, events: FloatArray, base: FloatArray) -> float:
        """Log-likelihood (without the same constants) where every row has its own mean."""
        ...


class Binomial:
    """Events of records, logit link."""

    def terms(self, linear: FloatArray, events: FloatArray, base: FloatArray) -> Terms:
        """See `Family`."""
        small = np.exp(-np.abs(linear))
        likely = np.where(linear >= 0, 1.0, small) / (1 + small)
        value = float(events @ linear - base @ (np.maximum(linear, 0) + np.log1p(small)))
        return Terms(value, events - base * likely, base * small / (1 + small) ** 2)

    def mean(self, linear: FloatArray) -> FloatArray:
        """See `Family`."""
        return np.asarray(special.expit(linear), dtype=np.float64)

    def slope(self, linear: FloatArray) -> FloatArray:
        """See `Family`."""
        small = np.exp(-np.abs(linear))
        return np.asarray(small / (1 + small) ** 2, dtype=np.float64)

    def link(self, mean: float) -> float:
        """See `Family`."""
        return float(special.logit(mean))

    def parts(self, linear: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - as Family
        """See `Family`."""
        likely = self.mean(linear)
        return 1 - likely, -likely

    def saturated(self, events: FloatArray, base: FloatArray) -> float:
        """See `Family`."""
        rest = np.maximum(base - events, 0.0)
        return float((special.xlogy(events, events / base) + special.xlogy(rest, rest / base)).sum())


class Poisson:
    """Events of an exposure, log link."""

    def terms(self, linear: FloatArray, events: FloatArray, base: FloatArray) -> Terms:
        """See `Family`."""
        expected = base * self.mean(linear)
        return Terms(float(events @ linear - expected.sum()), events - expected, expected)

    def mean(self, linear: FloatArray) -> FloatArray:
        """See `Family`."""
        return np.exp(np.minimum(linear, _FURTHEST))

    def slope(self, linear: FloatArray) -> FloatArray:
        """See `Family`."""
        return self.mean(linear)

    def link(self, mean: float) -> float:
        """See `Family`."""
        return float(np.log(mean))

    def parts(self, linear: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Family`."""
        return np.ones_like(base), -self.mean(linear)

    def saturated(self, events: FloatArray, base: FloatArray) -> float:
        """See `Family`."""
        return float((special.xlogy(events, events / base) - events).sum())


@dataclass(frozen=True)
class NegativeBinomial(Poisson):
    """Events of an exposure whose variance is mean + alpha * mean squared (NB2), log link, alpha known.

    The information is the expected one, as in R's glm.nb.
    """

    alpha: float

    def terms(self, linear: FloatArray, events: FloatArray, base: FloatArray) -> Terms:
        """See `Family`."""
        expected = base * self.mean(linear)
        spread = 1 + self.alpha * expected
        value = float((special.xlogy(events, expected) - (events + 1 / self.alpha) * np.log(spread)).sum())
        return Terms(value, (events - expected) / spread, expected / spread)

    def parts(self, linear: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Family`."""
        rate = self.mean(linear)
        spread = 1 + self.alpha * base * rate
        return 1 / spread, -rate / spread

    def saturated(self, events: FloatArray, base: FloatArray) -> float:  # noqa: ARG002 - as Family
        """See `Family`."""
        spread = np.log1p(self.alpha * events)
        return float((special.xlogy(events, events) - (events + 1 / self.alpha) * spread).sum())


def family_of(name: FamilyName) -> Family:
    """Give the family of this name."""
    return Binomial() if name == "binomial" else Poisson()
