"""What moves a result most: the log of each group's adjusted_rri without a pattern, an area or a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from yjd.metrics.counts import NOT_GROUPS
from yjd.metrics.intervals import FloatArray
from yjd.models.design import build
from yjd.models.families import FamilyName, NegativeBinomial
from yjd.models.fit import fit_rung
from yjd.models.influence import OfScores, blocks
from yjd.models.marginal import adjusted_rates
from yjd.models.rungs import Fitted, Options
from yjd.models.sample import GROUP, Factor, IntArray, Sample

PATTERN = "pattern"
_NOTHING = 1e-12  # a change of a logarithm that is none: a pattern that is separated, say
_COLUMNS = ("group", "what", "label", "base", "events", "log_rri", "without", "change", "change_in_errors", "leverage",
            "method", "status")  # fmt: skip


def influence(
    one: Fitted, sample: Sample, options: Options, across: Sequence[str], most: int, *, again: bool
) -> pd.DataFrame:
    """Leave out one pattern, and one level of a column, at a time.

    A pattern is left out to first order: the change is its influence, divided by 1 less its leverage, which is one
    step of the fit without it (Pregibon 1981, Annals of Statistics 9:705-724); the average is still over the whole
    sample. A level of a column is left out in truth: the rung is fitted to the rest, and averaged over the rest.
    Where that is not asked for, it is left out to first order too.

    Parameters
    ----------
    one : Fitted
        The rung.
    sample : Sample
        With the columns of `across` among its factors; its rows are those that the rung was built on.
    options : Options
        How it was fitted.
    across : sequence of str
        Columns; those that the sample does not have are passed over.
    most : int
        How many patterns are given for each group.
    again : bool
        Whether to fit again.

    Returns
    -------
    DataFrame
        Columns group, what ("pattern" or the column), label, base, events, log_rri, without, change, change_in_errors
        (of the model's standard error, times the dispersion), leverage (patterns), method ("one_step", "refit") and
        status: that of the fit without.
    """
    places, reference = _places(one, options.reference)
    if not len(places):
        return pd.DataFrame(columns=list(_COLUMNS))
    theta = one.rates.estimates
    weights = np.zeros((len(theta), len(places)))
    weights[places, np.arange(len(places))] = 1 / theta[places]
    weights[reference] -= 1 / theta[reference]
    log_rri = np.log(theta[places] / theta[reference])
    variance = np.einsum("gk,gh,hk->k", weights, one.rates.model_covariance * one.scale, weights)
    groups = np.array(one.rates.groups, dtype=object)[places]
    several = [name for name in across if name in sample.factors and len(sample.factors[name].levels) > 1]
    tables = [
        _patterns(one, sample, weights, groups, log_rri, most),
        *(_levels(one, sample, options, name, weights, groups, log_rri, again=again) for name in several),
    ]
    found = pd.concat(tables, ignore_index=True)
    errors = dict(zip(groups, np.sqrt(variance), strict=True))
    found["without"] = found["log_rri"] + found["change"]
    found["change_in_errors"] = found["change"] / found["group"].map(errors).to_numpy(dtype=np.float64)
    return found[list(_COLUMNS)]


def _places(one: Fitted, reference: str) -> tuple[IntArray, int]:
    """Groups with a ratio, by their place in the design; and the reference's place."""
    groups, ok = one.rates.groups, (one.rates.status == "ok") & (one.rates.estimates > 0)
    if reference not in groups or not ok[groups.index(reference)]:
        return np.array([], dtype=np.intp), -1
    fine = [at for at, group in enumerate(groups)
            if ok[at] and one.contrasts.status[at] == "ok" and group not in (*NOT_GROUPS, reference)]  # fmt: skip
    return np.array(sorted(fine, key=lambda at: groups[at]), dtype=np.intp), groups.index(reference)


def _patterns(
    one: Fitted, sample: Sample, weights: FloatArray, groups: np.ndarray, log_rri: FloatArray, most: int
) -> pd.DataFrame:
    fit, scores = one.fit, one.rates.influence
    assert isinstance(scores, OfScores), "what adjusted_rates makes"
    rows = fit.design.rows
    each = replace(scores, row=np.arange(rows))
    total = np.empty((rows, len(groups)))
    for part, event, other in blocks(each, rows):
        events, base = fit.events[part, None], fit.base[part, None]
        rest = base - events if sample.kind == "proportion" else base
        total[part] = (events * event + rest * other) @ weights
    terms = fit.family.terms(fit.linear, fit.events, fit.base)
    leverage = np.clip(terms.weight * fit.design.quadratic(fit.covariance), 0.0, 1.0)
    usable = leverage < 1 - 1e-9  # without it, something of the model could not be estimated
    change = np.where(usable[:, None], -total / np.where(usable, 1 - leverage, 1.0)[:, None], np.nan)
    _, first = np.unique(one.built.row, return_index=True)
    tables = []
    for at, group in enumerate(groups):
        size = np.where(usable, np.abs(change[:, at]), -1.0)
        picked = np.argsort(-size, kind="stable")[:most]
        picked = picked[size[picked] > _NOTHING]
        tables.append(pd.DataFrame({
            "group": group, "what": PATTERN, "label": _labels(sample, one, first[picked]), "base": fit.base[picked],
            "events": fit.events[picked], "log_rri": log_rri[at], "change": change[picked, at],
            "leverage": leverage[picked], "method": "one_step", "status": "ok",
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _labels(sample: Sample, one: Fitted, rows: IntArray) -> list[str]:
    """Name patterns by their group and the rung's adjusters."""
    factors = [(name, sample.factors[name]) for name in (GROUP, *one.rung.adjusters)]
    words = [[f"{name}: {factor.levels[code]}" for code in factor.codes[rows]] for name, factor in factors]
    return [", ".join(pattern) for pattern in zip(*words, strict=True)]


def _levels(
    one: Fitted, sample: Sample, options: Options, name: str, weights: FloatArray, groups: np.ndarray,
    log_rri: FloatArray, *, again: bool,
) -> pd.DataFrame:  # fmt: skip
    factor = sample.factors[name]
    size = len(factor.levels)
    base = np.bincount(factor.codes, weights=sample.base, minlength=size)
    events = np.bincount(factor.codes, weights=sample.events, minlength=size)
    if again:
        values = np.stack([
            _without(one, sample, options, factor.codes != level, groups) for level in range(size)
        ])  # fmt: skip
        change, method = values - log_rri, "refit"
    else:
        change, method = np.zeros((size, len(groups))), "one_step"
        for rows, event, other in blocks(one.rates.influence, len(sample.base)):
            counted, whole = sample.events[rows, None], sample.base[rows, None]
            rest = whole - counted if sample.kind == "proportion" else whole
            total = (counted * event + rest * other) @ weights
            for at in range(len(groups)):
                change[:, at] -= np.bincount(factor.codes[rows], weights=total[:, at], minlength=size)
    status = np.where(np.isfinite(change), "ok", "separated")
    labels = np.repeat(np.array(factor.levels, dtype=object), len(groups))
    return pd.DataFrame({
        "group": np.tile(groups, size), "what": name, "label": labels,
        "base": np.repeat(base, len(groups)), "events": np.repeat(events, len(groups)),
        "log_rri": np.tile(log_rri, size), "change": change.ravel(), "leverage": np.nan, "method": method,
        "status": status.ravel(),
    })  # fmt: skip


def _without(one: Fitted, sample: Sample, options: Options, kept: np.ndarray, groups: np.ndarray) -> FloatArray:
    """Log ratios of the groups, fitted to some rows of the sample: NaN where there is none."""
    rest = _some(sample, np.flatnonzero(kept))
    nothing = np.full(len(groups), np.nan)
    if not 0 < rest.events.sum() < (rest.base.sum() if sample.kind == "proportion" else np.inf):
        return nothing
    negative_binomial = isinstance(one.fit.family, NegativeBinomial)
    name: FamilyName = "binomial" if sample.kind == "proportion" else "poisson"
    family = one.fit.family if isinstance(one.fit.family, NegativeBinomial) else name
    built = build(rest, one.rung.adjusters, reference=options.reference, collapse=not negative_binomial)
    rates = adjusted_rates(fit_rung(built, family=family, penalty=one.fit.penalty), built.row)
    theta = dict(zip(rates.groups, np.where((rates.status == "ok") & (rates.estimates > 0), rates.estimates, np.nan),
                     strict=True))  # fmt: skip
    below = theta.get(options.reference, np.nan)
    return np.array([np.log(theta.get(group, np.nan) / below) for group in groups])


def _some(sample: Sample, rows: IntArray) -> Sample:
    """Some rows of a sample, without the levels that only others have."""
    factors = {}
    for name, factor in sample.factors.items():
        present, codes = np.unique(factor.codes[rows], return_inverse=True)
        factors[name] = Factor(codes.ravel().astype(np.intp), tuple(factor.levels[at] for at in present))
    return Sample(sample.kind, factors, sample.events[rows], sample.base[rows], sample.pattern[rows])
