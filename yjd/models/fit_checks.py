"""One fitted rung from outside: how well it tells apart, whether its risks come true, whether its link is right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.intervals import FloatArray, poisson_rate, wilson
from yjd.models.design import distinct
from yjd.models.families import Binomial, NegativeBinomial
from yjd.models.fit import Fit, inverse
from yjd.models.marginal import recentred
from yjd.models.rungs import Fitted
from yjd.models.sample import GROUP, IntArray, Sample
from yjd.schema import ALL

TENTHS = 10
_AT_REST = 1e-9
_SATURATED = 1e-9  # share of the squared predictor's information that is its own


@dataclass(frozen=True)
class View:
    """A rung on the patterns that all adjusters together tell apart.

    Attributes
    ----------
    one : Fitted
        The rung as fitted.
    fit : Fit
        Its fit; Firth's with the intercept moved until predictions add up to the events, as for adjusted rates.
    sample : Sample
        The patterns.
    linear : array, shape (patterns,)
        Their linear predictors.
    """

    one: Fitted
    fit: Fit
    sample: Sample
    linear: FloatArray


def view(sample: Sample, one: Fitted) -> View:
    """See one rung on the patterns of the whole sample."""
    fit = recentred(one.fit) if one.fit.penalty == "firth" else one.fit
    if sample.kind == "rate":  # what a row is, the counts say
        return View(one, fit, sample, fit.linear[one.built.row])
    finest, first = distinct(sample)
    return View(one, fit, finest, fit.linear[one.built.row[first]])


def full_log_likelihood(seen: View) -> float:
    """Log-likelihood with all constants: of the records of a proportion, of the patterns of a rate."""
    family, events, base = seen.fit.family, seen.sample.events, seen.sample.base
    value = family.terms(seen.linear, events, base).log_likelihood
    if isinstance(family, Binomial):
        return float(value)
    value -= float(special.gammaln(events + 1).sum())
    if isinstance(family, NegativeBinomial):
        theta = 1 / family.alpha
        return value + float((special.gammaln(events + theta) - special.gammaln(theta) - events * np.log(theta)).sum())
    return value + float(special.xlogy(events, base).sum())


def auc(linear: FloatArray, events: FloatArray, rest: FloatArray) -> float:
    """Chance that a record with the event has a higher fitted risk than one without; ties count half.

    The Wilcoxon statistic (Hanley and McNeil 1982, Radiology 143:29-36) on grouped counts. Arrays have shape
    (rows,); NaN where there are no events, or nothing else.
    """
    _, place = np.unique(np.round(linear, 10), return_inverse=True)
    did, did_not = np.bincount(place.ravel(), weights=events), np.bincount(place.ravel(), weights=rest)
    pairs = float(did.sum() * did_not.sum())
    if pairs <= 0:
        return float("nan")
    return float((did * (np.cumsum(did_not) - did_not / 2)).sum() / pairs)


def calibration(seen: View, level: float) -> pd.DataFrame:
    """Compare events observed with those expected in each tenth of fitted risk, for each group and for all.

    The tenths are of the whole sample, so that groups are compared at the same risk. Patterns of the same risk are in
    the same tenth; a group has no row for a tenth without any of its records.
    """
    sample, mean = seen.sample, seen.fit.family.mean(seen.linear)
    tenth = _tenths(seen.linear, sample.base)
    group = sample.factors[GROUP]
    cell = group.codes * TENTHS + tenth
    size = len(group.levels) * TENTHS
    tables = [
        np.bincount(cell, weights=values, minlength=size).reshape(-1, TENTHS)
        for values in (sample.base, sample.events, sample.base * mean)
    ]
    counted = np.stack([np.vstack([table, table.sum(axis=0)]).ravel() for table in tables])
    kept = np.flatnonzero(counted[0] > 0)
    base, events, expected = counted[:, kept]
    lower, upper = (
        wilson(events, base, level) if sample.kind == "proportion" else poisson_rate(events, base, level)[:2]
    )  # fmt: skip
    rate = expected / base
    return pd.DataFrame({
        "group": np.repeat([*group.levels, ALL], TENTHS)[kept],
        "tenth": np.tile(np.arange(1, TENTHS + 1), len(group.levels) + 1)[kept],
        "base": base, "events": events, "expected": expected, "observed_rate": events / base, "lower": lower,
        "upper": upper, "expected_rate": rate,
        "inside": (lower <= rate * (1 + 1e-9)) & (rate <= upper * (1 + 1e-9)),
    })  # fmt: skip


def _tenths(linear: FloatArray, base: FloatArray) -> IntArray:
    """Which tenth of the sample a pattern is in; all of one risk are in one tenth, by their middle record."""
    _, place = np.unique(np.round(linear, 10), return_inverse=True)
    size = np.bincount(place.ravel(), weights=base)
    middle = (np.cumsum(size) - size / 2) / size.sum()
    return np.asarray(np.minimum((middle * TENTHS).astype(np.intp), TENTHS - 1)[place.ravel()], dtype=np.intp)


def pregibon(seen: View) -> dict[str, float | str]:
    """Add the squared linear predictor to the model, and test it.

    Without penalty, from the model's own information (times the dispersion of a quasi model). Rows whose fitted risk
    is 0 or 1 take no part.
    """
    fit, blank = seen.one.fit, {"coefficient": np.nan, "error": np.nan, "z": np.nan, "p_value": np.nan}
    apart = fit.design.linear(fit.infinite) != 0
    base, events = np.where(apart, 0.0, fit.base), np.where(apart, 0.0, fit.events)
    finite = fit.design.linear(fit.coefficients)
    # taken from its mean and in its own spread: the same columns span it, and they are not almost one
    centre = float(base @ finite / base.sum())
    spread = float(np.sqrt(base @ (finite - centre) ** 2 / base.sum()))
    if spread < 1e-9:
        return {**blank, "status": "saturated"}
    unit = np.where(apart, 0.0, ((finite - centre) / spread) ** 2)
    found = _with_column(replace(fit, events=events, base=base), finite, unit)
    if found is None:
        return {**blank, "status": "not_converged"}
    value, variance = found
    if not np.isfinite(variance):
        return {**blank, "status": "saturated"}
    error = float(np.sqrt(variance * seen.one.scale))
    z = value / error
    chance = float(2 * special.ndtr(-abs(z)))
    return {"coefficient": value / spread**2, "error": error / spread**2, "z": z, "p_value": chance, "status": "ok"}


def _with_column(fit: Fit, linear: FloatArray, column: FloatArray) -> tuple[float, float] | None:
    """Fit once more with one column added: its coefficient and variance (infinite: others imply it)."""
    design, family, added = fit.design, fit.family, 0.0
    for _ in range(50):
        terms = family.terms(linear, fit.events, fit.base)
        covariance = inverse(design.cross(terms.weight), fit.kept)
        across = design.totals(terms.weight * column)
        whole = float((terms.weight * column**2).sum())
        own = whole - float(across @ covariance @ across)
        if own < _SATURATED * whole or whole <= 0:
            return 0.0, float("inf")
        score = design.totals(terms.residual)
        step = (float((terms.residual * column).sum()) - float(across @ covariance @ score)) / own
        others = covariance @ (score - across * step)
        move = design.linear(others) + column * step
        largest = float(np.abs(move[fit.base > 0]).max(initial=0.0))
        if not np.isfinite(largest):
            return None
        share = min(1.0, 3.0 / largest) if largest > 0 else 1.0
        linear, added = linear + share * move, added + share * step
        if largest < _AT_REST:
            return added, 1 / own
    return None
