"""Estimates that a reader sees, as functions of a fit, each with its influences.

Adjusted rates are marginal standardisation (Lane and Nelder 1982, Biometrics 38:613-621; Muller and MacLehose 2014,
International Journal of Epidemiology 43:962-970): the prediction for every record of the sample with its group set to
the one in question, averaged with the bases as weights. By default the sample's own adjusters are taken as given, as
R's marginaleffects and Stata's margins do: the question is about these children. `target="population"` takes them as
a draw from a larger population, and adds the variation of that draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.families import Binomial
from yjd.models.fit import Fit, inverse
from yjd.models.influence import Influence, OfScores
from yjd.models.sample import IntArray

Target = Literal["sample", "population"]

_RESTING = 1e-12


@dataclass(frozen=True)
class Targets:
    """Estimates of every group, in the order of the design's groups.

    Attributes
    ----------
    groups : tuple of str
        The groups; the baseline first.
    estimates : array, shape (groups,)
        NaN where there is none.
    influence : Influence
        What each row of the sample contributes.
    model_covariance : array, shape (groups, groups)
        Covariance if the model is right.
    status : array of str, shape (groups,)
        "ok", "separated" or "collinear".
    """

    groups: tuple[str, ...]
    estimates: FloatArray
    influence: Influence
    model_covariance: FloatArray
    status: StrArray


def adjusted_rates(fitted: Fit, row: IntArray, *, target: Target = "sample") -> Targets:
    """Average prediction over the whole sample with the group set to each group in turn.

    Parameters
    ----------
    fitted : Fit
        From :func:`yjd.models.fit.fit`. A Firth fit has its intercept moved first: see :func:`recentred`.
    row : array of int, shape (rows,)
        Pattern of each row of the sample: `Rung.row`.
    target : {"sample", "population"}
        Whether the sample's adjusters are given, or a draw ("population" is for proportions).

    Returns
    -------
    Targets
        Per 1 of the base.

    Raises
    ------
    EstimationError
        The target is the population and the model is one of rates.
    """
    if target == "population" and not isinstance(fitted.family, Binomial):
        raise EstimationError(
            "The residents of a rate are no draw from a larger population.", "Leave the target as the sample."
        )
    if fitted.penalty == "firth":
        fitted = recentred(fitted)
    design, family = fitted.design, fitted.family
    share = fitted.base / fitted.base.sum()
    own = design.blocks[0].loads @ fitted.values
    # what is infinite is so for the whole prediction: the group's part is taken out and another put in
    rest = design.linear(fitted.values) - own[design.blocks[0].codes]
    ok = fitted.level_status == "ok"
    rates = np.full(len(own), np.nan)
    gradients = np.zeros((design.width, len(own)))
    shift = np.zeros((design.rows, len(own))) if target == "population" else None
    for group in np.flatnonzero(ok):
        linear = rest + own[group]
        likely = family.mean(linear)
        rates[group] = share @ likely
        slope = share * family.slope(linear)
        gradients[:, group] = _gradient(fitted, int(group), slope)
        if shift is not None:
            shift[:, group] = (likely - rates[group]) / fitted.base.sum()
    covariance = gradients.T @ fitted.covariance @ gradients
    if shift is not None:
        covariance += (shift * fitted.base[:, None]).T @ shift
    return Targets(
        design.groups, rates, _influence(fitted, row, fitted.covariance @ gradients, shift), covariance,
        fitted.level_status,
    )  # fmt: skip


def coefficients(fitted: Fit, row: IntArray) -> Targets:
    """Each group's coefficient against the baseline: a log odds ratio, or a log rate ratio (the baseline's is 0)."""
    place = fitted.design.group_columns
    picked = np.zeros((fitted.design.width, len(place)))
    has = np.flatnonzero(place >= 0)
    picked[place[has], has] = 1.0
    ok = fitted.contrast_status == "ok"
    picked[:, ~ok] = 0.0
    values = np.where(ok, fitted.coefficients @ picked, np.nan)
    return Targets(
        fitted.design.groups, values, _influence(fitted, row, fitted.covariance @ picked, None),
        picked.T @ fitted.covariance @ picked, fitted.contrast_status,
    )  # fmt: skip


def recentred(fitted: Fit) -> Fit:
    """Move a Firth fit's intercept until the predictions add up to the events.

    Firth's penalty draws predictions towards one half (or upward, for counts); the contrasts are kept and only the
    intercept moves (FLIC: Puhr, Heinze, Nold, Lusa and Geroldinger 2017, Statistics in Medicine 36:2302-2317).
    """
    design, family = fitted.design, fitted.family
    linear, moved = design.linear(fitted.coefficients), 0.0
    for _ in range(100):
        terms = family.terms(linear + moved, fitted.events, fitted.base)
        step = float(np.clip(terms.residual.sum() / max(terms.weight.sum(), 1e-300), -2.0, 2.0))
        moved += step
        if abs(step) < _RESTING:
            break
    values = fitted.coefficients.copy()
    values[0] += moved
    terms = family.terms(linear + moved, fitted.events, fitted.base)
    covariance = inverse(design.cross(terms.weight), fitted.kept)
    return replace(fitted, coefficients=values, linear=linear + moved, covariance=covariance)


def _gradient(fitted: Fit, group: int, slope: FloatArray) -> FloatArray:
    """Derivative by the coefficients of a weighted mean of predictions with everyone's group set to one."""
    first, *others = fitted.design.blocks
    total = first.loads[group] * slope.sum()
    for block in others:
        total = total + block.loads.T @ np.bincount(block.codes, weights=slope, minlength=len(block.loads))
    return np.asarray(total, dtype=np.float64)


def _influence(fitted: Fit, row: IntArray, weights: FloatArray, shift: FloatArray | None) -> OfScores:
    event, other = fitted.family.parts(fitted.linear, fitted.base)
    return OfScores(fitted.design, row, weights, event, other, shift)
