"""Covariance of estimates from their influences: the sandwich, for whatever rows belong together.

The influences of the rows of a cluster are summed, and the products of these sums are summed over clusters
(Liang and Zeger 1986, Biometrika 73:13-22). With each row a cluster of its own this is White's HC0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray
from yjd.models.influence import Influence, blocks
from yjd.models.sample import Sample


@dataclass(frozen=True)
class Spread:
    """A covariance matrix and what its intervals may rest on.

    Attributes
    ----------
    covariance : array, shape (estimates, estimates)
        Of the estimates.
    clusters : int
        How many clusters it comes from.
    degrees : float
        Degrees of freedom of Student's t for its intervals; infinite for the normal distribution.
    """

    covariance: FloatArray
    clusters: int
    degrees: float = float("inf")


class Clusters(Protocol):
    """Which rows belong together."""

    @property
    def name(self) -> str:
        """Ending of the method of results, such as by_child."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the model counts that it reads."""
        ...

    def covariance(self, sample: Sample, influence: Influence) -> Spread:
        """Covariance of all estimates together."""
        ...


@dataclass(frozen=True)
class ByRow:
    """Every record (of a proportion) or every event (of a rate) by itself.

    For a proportion this is HC0 of the row-level model. For a rate the events are taken as arriving one by one, a
    Poisson process: the variance is the sum over events of their squared influence.
    """

    name: str = "by_row"
    columns: tuple[str, ...] = ()

    def covariance(self, sample: Sample, influence: Influence) -> Spread:
        """See `Clusters`."""
        total = np.zeros((influence.size, influence.size))
        for rows, event, other in blocks(influence, len(sample.base)):
            events = sample.events[rows]
            total += (event * events[:, None]).T @ event
            if sample.kind == "proportion":
                total += (other * (sample.base[rows] - events)[:, None]).T @ other
        count = sample.base.sum() if sample.kind == "proportion" else sample.events.sum()
        return Spread(total, int(count))


@dataclass(frozen=True)
class ByArea:
    """All rows of an area (or of another column of labels) belong together.

    Attributes
    ----------
    column : str
        A column of the model counts.
    small_sample : bool
        Multiply by G / (G - 1) for G areas, and take intervals from Student's t with G - 1 degrees of freedom.
        Without it the plain sandwich, which is too small where areas are few.
    """

    column: str = "area"
    small_sample: bool = True
    name: str = "by_area"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the model counts that it reads."""
        return (self.column,)

    def covariance(self, sample: Sample, influence: Influence) -> Spread:
        """See `Clusters`."""
        if self.column not in sample.factors:
            raise EstimationError(
                f"The model counts have no column {self.column} to cluster by.", "Add it, or cluster by child."
            )
        area = sample.factors[self.column]
        count = len(area.levels)
        sums = np.zeros((count, influence.size))
        for rows, event, other in blocks(influence, len(sample.base)):
            events, base = sample.events[rows, None], sample.base[rows, None]
            rest = base if sample.kind == "rate" else base - events
            each = events * event + rest * other
            for at in range(influence.size):
                sums[:, at] += np.bincount(area.codes[rows], weights=each[:, at], minlength=count)
        covariance = sums.T @ sums
        if not self.small_sample:
            return Spread(covariance, count)
        factor = count / (count - 1) if count > 1 else float("nan")
        return Spread(covariance * factor, count, float(count - 1))
