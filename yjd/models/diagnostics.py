"""What an analyst looks at before a model is believed: fit, calibration, influence, link and what each adjuster adds.

The tables rest on counts before disclosure control. They stay with the analyst and are never released.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, Kind, confidence_levels
from yjd.metrics.intervals import FloatArray
from yjd.models.clusters import Clusters
from yjd.models.design import build
from yjd.models.families import NegativeBinomial
from yjd.models.fit import fit_rung
from yjd.models.fit_checks import View, auc, calibration, full_log_likelihood, pregibon, view
from yjd.models.influence import OfScores
from yjd.models.leave_out import influence
from yjd.models.rungs import FirthUse, Fitted, Ladder, Options, Overdispersion, Rung, fit_ladder
from yjd.models.sample import GROUP, Factor, Sample, read_sample

REFIT = 50_000  # patterns: beyond, nothing is fitted again
TABLES: dict[str, tuple[str, ...]] = {
    "fit": ("rung", "adjusters", "method", "status", "patterns", "base", "events", "parameters", "residual_df",
            "deviance", "pearson", "dispersion", "dispersion_p", "log_likelihood", "aic", "bic", "auc", "iterations",
            "collinear", "separated"),
    "calibration": ("rung", "group", "tenth", "base", "events", "expected", "observed_rate", "lower", "upper",
                    "expected_rate", "inside"),
    "influence": ("rung", "group", "what", "label", "base", "events", "log_rri", "without", "change",
                  "change_in_errors", "leverage", "method", "status"),
    "link": ("rung", "coefficient", "error", "z", "p_value", "status"),
    "adjusters": ("rung", "term", "df", "wald", "wald_p", "deviance", "deviance_p", "method", "status"),
}  # fmt: skip


def diagnose(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    rungs: Sequence[Rung],
    reference: str = "White",
    clusters: Clusters | None = None,
    firth: FirthUse = "auto",
    overdispersion: Overdispersion = "quasi",
    confidence: float = 0.95,
    across: Sequence[str] = ("area", "period"),
    most: int = 10,
    refit: int = REFIT,
) -> dict[str, pd.DataFrame]:
    """Look into the fits of a ladder.

    Parameters
    ----------
    counts, kind, rungs, reference, clusters, firth, overdispersion
        As for :func:`yjd.models.ladder.ladder`; the fits are the same.
    confidence : float
        Of the limits in the calibration.
    across : sequence of str
        Columns whose levels are left out one by one, where the counts have them.
    most : int
        How many patterns are named for each group and rung, those that move it most.
    refit : int
        Rungs with more patterns than this are not fitted again: levels are left out to first order, and adjusters
        have no deviance test.

    Returns
    -------
    dict of DataFrame
        `fit`, one row a rung: base and events, how many parameters (without collinear columns) and residual degrees of
        freedom, deviance and Pearson's statistic over the patterns that all adjusters together tell apart, dispersion
        and its test (see :func:`yjd.models.dispersion.pearson`), log-likelihood (of a proportion that of the
        records, so that rungs compare), AIC and BIC (blank where the fit does not maximise the likelihood: Firth,
        quasi), the area under the ROC curve (proportions), collinear and separated columns.
        `calibration`, one row a rung, group (and All) and tenth of fitted risk: events observed and expected, rates
        per 1 of the base, limits of the observed rate (Wilson, or Poisson), and whether the expected one is inside.
        `influence`, one row a rung, group and what is left out (pattern, or the column of `across`): the log of the
        adjusted_rri without it, and the change in standard errors. See :func:`yjd.models.leave_out.influence`.
        `link`, one row a rung: the coefficient of the squared linear predictor when it is added (Pregibon 1980,
        Applied Statistics 29:15-24). A small p-value says that the link, or a missing interaction, is wrong.
        `adjusters`, one row a rung and term (an adjuster, or group): joint Wald test (with the clusters' covariance
        where given) and the test of the deviance when the term is left out.
        Statuses are those of the ladder, and saturated: no degree of freedom is left to judge by.

    Raises
    ------
    EstimationError
        As for the ladder.
    """
    levels = confidence_levels(confidence)
    if len(levels) != 1:
        raise EstimationError("The calibration has limits of one level of confidence.", "Give one, such as 0.95.")
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")
    if not rungs or len({rung.name for rung in rungs}) < len(rungs):
        raise EstimationError("The rungs have no names, or a name comes twice.", "Give each rung a name of its own.")
    adjusters = [name for rung in rungs for name in rung.adjusters]
    more = [*(name for name in across if name in counts.columns), *(clusters.columns if clusters else ())]
    sample = read_sample(counts, kind=kind, adjusters=[*adjusters, *(name for name in more if name not in adjusters)])
    refused = _refused(sample)
    if refused:
        blank = {name: pd.DataFrame(columns=list(columns)) for name, columns in TABLES.items()}
        rows = [{"rung": rung.name, "adjusters": ", ".join(rung.adjusters), "status": refused} for rung in rungs]
        return blank | {"fit": pd.DataFrame(rows, columns=list(TABLES["fit"]))}
    # what is left out may be told apart by no rung; fits and their statistics are of the ladder's own patterns
    own = _only(sample, [*adjusters, *(clusters.columns if clusters else ())])
    options = Options(reference=reference, clusters=clusters, firth=firth, overdispersion=overdispersion)
    return _tables(fit_ladder(own, rungs, options), sample, float(levels[0]), across, most, refit)


def _tables(
    ladder: Ladder, sample: Sample, level: float, across: Sequence[str], most: int, refit: int
) -> dict[str, pd.DataFrame]:
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for one in ladder.rungs:
        seen = view(ladder.sample, one)
        name = one.rung.name
        found["fit"].append(_fit_row(seen))
        if one.status != "ok":
            continue
        again = seen.fit.design.rows <= refit
        found["calibration"].append(calibration(seen, level).assign(rung=name))
        found["influence"].append(influence(one, sample, ladder.options, across, most, again=again).assign(rung=name))
        found["link"].append(pd.DataFrame([pregibon(seen)]).assign(rung=name))
        found["adjusters"].append(_terms(seen, ladder, again=again).assign(rung=name))
    return {
        name: (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns)))[list(columns)]
        for (name, columns), parts in zip(TABLES.items(), found.values(), strict=True)
    }


def _refused(sample: Sample) -> str:
    """Why nothing can be fitted; empty where it can."""
    if not len(sample.base):
        return "no_denominator"
    if sample.inconsistent:
        return "inconsistent"
    if sample.events.sum() == 0:
        return "no_events"
    if sample.kind == "proportion" and sample.events.sum() >= sample.base.sum() * (1 - 1e-12):
        return "separated"
    return "too_few" if len(set(sample.groups) - set(NOT_GROUPS)) < 2 else ""


def _only(sample: Sample, names: Sequence[str]) -> Sample:
    factors = {name: sample.factors[name] for name in dict.fromkeys((GROUP, *names))}
    return Sample(sample.kind, factors, sample.events, sample.base, sample.pattern)


def _fit_row(seen: View) -> pd.DataFrame:
    one, fit, sample = seen.one, seen.fit, seen.sample
    negative_binomial = isinstance(fit.family, NegativeBinomial)
    parameters = fit.design.width - len(fit.collinear) + int(negative_binomial)
    mean = fit.family.mean(seen.linear)
    expected = sample.base * mean
    variance = expected * (1 - mean) if sample.kind == "proportion" else expected
    if isinstance(fit.family, NegativeBinomial):
        variance = expected * (1 + fit.family.alpha * expected)
    varies = variance > 1e-12
    likely = full_log_likelihood(seen)
    size = float(sample.base.sum()) if sample.kind == "proportion" else float(len(sample.base))
    maximal = one.method in ("logit", "poisson", "negative_binomial")
    terms = fit.family.terms(seen.linear, sample.events, sample.base)
    return pd.DataFrame([{
        "rung": one.rung.name, "adjusters": ", ".join(one.rung.adjusters), "method": one.method, "status": one.status,
        "patterns": len(sample.base), "base": float(sample.base.sum()), "events": float(sample.events.sum()),
        "parameters": parameters, "residual_df": len(sample.base) - parameters + int(negative_binomial),
        "deviance": max(2 * (fit.family.saturated(sample.events, sample.base) - terms.log_likelihood), 0.0),
        "pearson": float(((sample.events - expected)[varies] ** 2 / variance[varies]).sum()),
        "dispersion": one.dispersion.ratio, "dispersion_p": one.dispersion.p_value, "log_likelihood": likely,
        "aic": 2 * parameters - 2 * likely if maximal else np.nan,
        "bic": parameters * np.log(size) - 2 * likely if maximal else np.nan,
        "auc": auc(seen.linear, sample.events, sample.base - sample.events) if sample.kind == "proportion" else np.nan,
        "iterations": fit.iterations, "collinear": _columns(fit.collinear), "separated": _columns(fit.separated),
    }])  # fmt: skip


def _columns(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{factor}: {level}" if level else "intercept" for factor, level in columns)


def _terms(seen: View, ladder: Ladder, *, again: bool) -> pd.DataFrame:
    """Joint tests of the group and of each adjuster."""
    one, design = seen.one, seen.one.fit.design
    covariance, degrees, method = _covariance(one, ladder)
    rows = []
    for term in (GROUP, *one.rung.adjusters):
        place = np.array([at for at in one.fit.kept if design.columns[at][0] == term], dtype=np.intp)
        wald, chance, status = _wald(one.fit.coefficients[place], covariance[np.ix_(place, place)], degrees)
        if ladder.options.clusters is not None and term in ladder.options.clusters.columns:
            wald, chance, status = np.nan, np.nan, "too_few"  # each of its levels is one cluster
        separated = any(factor == term for factor, _ in one.fit.separated)
        deviance, fewer = _without(seen, ladder, term) if again else (np.nan, 0)
        rows.append({
            "term": term, "df": len(place), "wald": np.nan if separated else wald,
            "wald_p": np.nan if separated else chance, "deviance": deviance,
            "deviance_p": float(special.chdtrc(fewer, max(deviance, 0.0))) if fewer else np.nan, "method": method,
            "status": "separated" if separated else status,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _covariance(one: Fitted, ladder: Ladder) -> tuple[FloatArray, float, str]:
    clusters = ladder.options.clusters
    if clusters is None:
        return one.fit.covariance * one.scale, float("inf"), f"{one.method}_model"
    event, other = one.fit.family.parts(one.fit.linear, one.fit.base)
    scores = OfScores(one.fit.design, one.built.row, one.fit.covariance, event, other)
    spread = clusters.covariance(ladder.sample, scores)
    return spread.covariance, spread.degrees, f"{one.method}_{clusters.name}"


def _wald(values: FloatArray, covariance: FloatArray, degrees: float) -> tuple[float, float, str]:
    """Statistic, p-value and status of a joint test that all values are 0."""
    size = len(values)
    if not size:
        return np.nan, np.nan, "collinear"
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if size > degrees or not (error > 0).all():  # no more directions can be judged than there are clusters
        return np.nan, np.nan, "too_few"
    solved = np.linalg.lstsq(covariance / np.outer(error, error), values / error, rcond=1e-12)[0]
    wald = float(values / error @ solved)
    if np.isinf(degrees):
        return wald, float(special.chdtrc(size, wald)), "ok"
    return wald, float(special.fdtrc(size, degrees, max(wald, 0.0) / size)), "ok"


def _without(seen: View, ladder: Ladder, term: str) -> tuple[float, int]:
    """What leaving a term out adds to the deviance (in units of the dispersion), and its degrees of freedom."""
    one, sample = seen.one, ladder.sample
    if one.fit.penalty == "firth" or isinstance(one.fit.family, NegativeBinomial):
        return np.nan, 0
    if term == GROUP:
        everyone = Factor(np.zeros(len(sample.base), dtype=np.intp), ("all",))
        sample = Sample(sample.kind, {**sample.factors, GROUP: everyone}, sample.events, sample.base, sample.pattern)
    kept = [name for name in one.rung.adjusters if name != term]
    less = fit_rung(
        build(sample, kept, reference=ladder.options.reference),
        family="binomial" if sample.kind == "proportion" else "poisson",
    )
    fewer = (one.fit.design.width - len(one.fit.collinear)) - (less.design.width - len(less.collinear))
    if fewer <= 0 or not less.converged:
        return np.nan, 0
    return 2 * (one.fit.log_likelihood - less.log_likelihood) / one.scale, fewer
