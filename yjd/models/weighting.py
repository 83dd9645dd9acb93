"""Averages for each group by weighting, by weighting and a model together, and by matching.

Each comes with what every row of the sample contributes to it, so that the same seam as the ladder's gives intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yjd.metrics.intervals import FloatArray
from yjd.models.influence import Dense
from yjd.models.marginal import Target
from yjd.models.nuisance import Nuisance, patterns
from yjd.models.sample import GROUP, Sample

FLOOR = 0.02  # of the chance of being in a group
FLOOR_OF_SHARE = 0.1  # or this times the group's share, whichever is less


@dataclass(frozen=True)
class Means:
    """An average for each group (or contrast), and what each row contributes to it. See `Dense`."""

    estimates: FloatArray
    influence: Dense


@dataclass(frozen=True)
class Overlap:
    """How far a group can stand for the sample. All arrays have shape (groups,).

    Attributes
    ----------
    effective : array
        Kish's effective sample size of the weighted group, as a share of its base.
    size : array
        The same in records.
    trimmed : array
        Share of the sample whose chance of being in the group is below the floor.
    """

    effective: FloatArray
    size: FloatArray
    trimmed: FloatArray


def trimmed_weights(sample: Sample, nuisance: Nuisance) -> tuple[FloatArray, Overlap]:
    """1 over the chance of each row's own group, trimmed: shape (rows,); and the overlap it leaves."""
    code, total = sample.factors[GROUP].codes, sample.base.sum()
    group_base = sample.by_group(sample.base)
    floor = np.minimum(FLOOR, FLOOR_OF_SHARE * group_base / total)
    own = nuisance.propensity[np.arange(len(code)), code]
    weight = 1 / np.maximum(own, floor[code])
    size = sample.by_group(sample.base * weight) ** 2 / sample.by_group(sample.base * weight**2)
    below = (nuisance.propensity < floor) * sample.base[:, None]
    return weight, Overlap(size / group_base, size, below.sum(axis=0) / total)


def augmented(sample: Sample, nuisance: Nuisance, weight: FloatArray, *, target: Target = "sample") -> Means:
    """Average prediction over the sample, mended by the weighted residuals of each group's own records.

    Parameters
    ----------
    sample : Sample
        A proportion.
    nuisance : Nuisance
        Predictions.
    weight : array, shape (rows,)
        1 over the chance of each row's own group.
    target : {"sample", "population"}
        "population" adds what each record contributes through its own adjusters.
    """
    code, total = sample.factors[GROUP].codes, sample.base.sum()
    at = np.arange(len(code))
    likely = nuisance.outcome[at, code]
    mended = sample.by_group((sample.events - sample.base * likely) * weight) / total
    estimates = sample.base @ nuisance.outcome / total + mended
    event, other = np.zeros_like(nuisance.outcome), np.zeros_like(nuisance.outcome)
    event[at, code], other[at, code] = (1 - likely) * weight / total, -likely * weight / total
    if target == "population":
        shift = (nuisance.outcome - estimates) / total
        event, other = event + shift, other + shift
    return Means(estimates, Dense(event, other))


def weighted(sample: Sample, weight: FloatArray) -> Means:
    """Hajek's weighted average of each group. Chances are taken as known, which makes intervals a little too wide."""
    code = sample.factors[GROUP].codes
    at, total = np.arange(len(code)), sample.by_group(sample.base * weight)
    estimates = sample.by_group(sample.events * weight) / total
    event, other = (np.zeros((len(code), len(total))) for _ in range(2))
    own = weight / total[code]
    event[at, code], other[at, code] = (1 - estimates[code]) * own, -estimates[code] * own
    return Means(estimates, Dense(event, other))


def matched(sample: Sample, adjusters: Sequence[str], nuisance: Nuisance, reference: int) -> tuple[Means, FloatArray]:
    """Each group against reference records with the same labels, weighted as the group's matched records.

    A record's residual is taken from its prediction rather than from the mean of its stratum, which in a stratum of one
    record would leave none.

    Returns
    -------
    Means
        Differences, shape (groups,): 0 for the reference, NaN where nothing matches.
    share : array, shape (groups,)
        Of the group's base with a match.
    """
    number, labels = patterns(sample, adjusters)
    code, groups = sample.factors[GROUP].codes, len(sample.groups)
    shape = (len(labels), groups)
    base, events = (
        np.bincount(number * groups + code, weights=values, minlength=shape[0] * groups).reshape(shape)
        for values in (sample.base, sample.events)
    )
    both = np.where((base > 0) & (base[:, [reference]] > 0), base, 0.0)
    total = both.sum(axis=0)
    scale = np.divide(1.0, total, out=np.zeros(groups), where=total > 0)
    rate = np.divide(events, base, out=np.zeros(shape), where=base > 0)
    estimates = np.where(total > 0, (both * (rate - rate[:, [reference]])).sum(axis=0) * scale, np.nan)
    at = np.arange(len(code))
    load = np.zeros((len(code), groups))
    load[at, code] = (both[number, code] > 0) * scale[code]
    mine = np.flatnonzero(code == reference)
    load[mine] = -both[number[mine]] * scale / base[number[mine], reference][:, None]
    load[:, reference] = 0.0
    likely = nuisance.outcome[at, code][:, None]
    return Means(estimates, Dense((1 - likely) * load, -likely * load)), total / sample.by_group(sample.base)
