"""Fits of all rungs of a ladder on one sample, with one covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from yjd.models.clusters import ByRow, Clusters, Spread
from yjd.models.design import Rung as Built
from yjd.models.design import build, distinct
from yjd.models.dispersion import Dispersion, negative_binomial, pearson
from yjd.models.families import FamilyName
from yjd.models.fit import Fit, Penalty, fit_rung
from yjd.models.influence import Stacked
from yjd.models.marginal import Target, Targets, adjusted_rates, coefficients
from yjd.models.sample import IntArray, Sample

FirthUse = Literal["auto", "always", "never"]
Overdispersion = Literal["quasi", "negative_binomial"]

ENOUGH = 10.0  # events for each parameter: below, Firth's penalty (Peduzzi and others 1996)
FLOOR = 2.0  # below, no adjusted result: this project's choice
OVERDISPERSED = 0.05  # p-value of the test of dispersion from which it is allowed for


@dataclass(frozen=True)
class Rung:
    """One step of a ladder.

    Attributes
    ----------
    name : str
        Such as M1.
    adjusters : tuple of str
        Everything that it adjusts for, with what the rungs below adjust for.
    mediator : bool
        Whether what it adds may itself come of disparity.
    """

    name: str
    adjusters: tuple[str, ...] = ()
    mediator: bool = False


@dataclass(frozen=True)
class Options:
    """How a ladder is fitted: see :func:`ladder`."""

    per: float = 100.0
    reference: str = "White"
    clusters: Clusters | None = None
    firth: FirthUse = "auto"
    overdispersion: Overdispersion = "quasi"
    target: Target = "sample"


@dataclass(frozen=True)
class Fitted:
    """One rung as fitted.

    Attributes
    ----------
    rung : Rung
        Its name and adjusters.
    built : yjd.models.design.Rung
        Its design and patterns.
    fit : Fit
        The model.
    rates, contrasts : Targets
        Adjusted rates and coefficients of the groups.
    dispersion : Dispersion
        Pearson's, under the binomial or Poisson model.
    scale : float
        What model-based variances are multiplied by.
    method : str
        Family or penalty: the beginning of the method of each row.
    status : str
        ok, or why nothing of this rung is shown.
    """

    rung: Rung
    built: Built
    fit: Fit
    rates: Targets
    contrasts: Targets
    dispersion: Dispersion
    scale: float
    method: str
    status: str


@dataclass(frozen=True)
class Ladder:
    """All rungs as fitted, and one covariance of all their adjusted rates.

    Attributes
    ----------
    sample : Sample
        The complete sample.
    options : Options
        How they were fitted.
    rungs : tuple of Fitted
        From the lowest.
    rates : Spread or None
        Of the rates of all rungs, one rung after another. Where no clusters are given, each record by itself: for the
        changes between rungs alone.
    contrasts : Spread or None
        Of the coefficients of all rungs; None where no clusters are given.
    """

    sample: Sample
    options: Options
    rungs: tuple[Fitted, ...]
    rates: Spread | None
    contrasts: Spread | None


def fit_ladder(sample: Sample, rungs: Sequence[Rung], options: Options) -> Ladder:
    """Fit all rungs on one sample, and bring their covariance together."""
    # what a row of a rate is, the counts say; the records of a proportion are the same in whatever rows they come
    finest = distinct(sample) if sample.kind == "proportion" else (sample, np.arange(len(sample.base)))
    fitted = tuple(_fit(sample, finest, rung, options) for rung in rungs)
    rates = Stacked([one.rates.influence for one in fitted])
    if options.clusters is None:
        return Ladder(sample, options, fitted, ByRow().covariance(sample, rates) if len(rungs) > 1 else None, None)
    contrasts = Stacked([one.contrasts.influence for one in fitted])
    over_rates, over_contrasts = (options.clusters.covariance(sample, one) for one in (rates, contrasts))
    return Ladder(sample, options, fitted, over_rates, over_contrasts)


def _fit(sample: Sample, finest: tuple[Sample, IntArray], rung: Rung, options: Options) -> Fitted:
    family: FamilyName = "binomial" if sample.kind == "proportion" else "poisson"
    uses_nb = sample.kind == "rate" and options.overdispersion == "negative_binomial"
    built = build(sample, rung.adjusters, reference=options.reference, collapse=not uses_nb)
    fit = fit_rung(built, family=family)
    scarce = sample.events.sum()
    if family == "binomial":
        scarce = min(scarce, sample.base.sum() - scarce)
    each = scarce / (built.design.width - len(fit.collinear))
    penalty: Penalty = "firth" if options.firth == "always" or (options.firth == "auto" and each < ENOUGH) else "none"
    if penalty == "firth" and each >= FLOOR:
        fit = _keep_statuses(fit, fit_rung(built, family=family, penalty="firth"))
    dispersion = pearson(finest[0], replace(built, row=built.row[finest[1]]), fit)
    status = "too_few" if each < FLOOR else "ok" if fit.converged else "not_converged"
    method, scale = ("firth" if penalty == "firth" else {"binomial": "logit", "poisson": "poisson"}[family]), 1.0
    if family == "poisson" and dispersion.p_value < OVERDISPERSED and options.clusters is None and status == "ok":
        wider = negative_binomial(built, fit) if uses_nb and penalty == "none" else None
        if wider is not None:
            fit, method = _keep_statuses(fit, wider[0]), "negative_binomial"
        else:
            method, scale = f"{method}_quasi", dispersion.ratio
    rates = adjusted_rates(fit, built.row, target=options.target)
    contrasts = coefficients(fit, built.row)
    return Fitted(rung, built, fit, rates, contrasts, dispersion, scale, method, status)


def _keep_statuses(plain: Fit, other: Fit) -> Fit:
    """A group without events (or with nothing else) stays without an adjusted rate, whatever penalty is added."""
    return replace(other, level_status=plain.level_status, separated=plain.separated)
