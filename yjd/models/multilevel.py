"""Strata of group, sex, age and area as a random intercept: how much they differ, and the rate of each.

Multilevel analysis of individual heterogeneity and discriminatory accuracy (MAIHDA: Evans, Williams, Onnela and
Subramanian 2018, Social Science & Medicine 203:64-73; Merlo 2018, SSM - Population Health 4:74-80).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, USABLE, Kind, check_per, confidence_levels
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.rows import Found, Keys, result_rows
from yjd.models.sample import GROUP, IntArray, Sample, read_sample
from yjd.models.strata import Model, Strata, fit_models, strata_of
from yjd.models.strata_rates import Shrunken, ratios, shrink
from yjd.schema import ALL, RESULT_COLUMNS, SPLITS

_LATENT: float = np.pi**2 / 3  # variance of the standard logistic distribution
_METHODS: dict[Kind, str] = {"proportion": "mixed_logit", "rate": "mixed_poisson"}
TERMS = ("null", "main")


def multilevel(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    per: float = 100.0,
    strata: Sequence[str] = ("group", "sex", "age_band", "area"),
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare the strata that group, sex, age and area make together.

    Two models, on one row for each stratum: "null" has a random intercept for each stratum and nothing else; "main"
    adds the terms of the dimensions one by one, so that its random intercepts are what these do not add up to. Both
    are logistic (proportion) or log-linear with the base as exposure (rate), fitted by greatest marginal likelihood
    with adaptive Gauss-Hermite quadrature of 25 nodes (75 for a standard deviation above 2), as R's lme4::glmer does.

    Parameters
    ----------
    counts : DataFrame
        Model counts: columns group, base, events and the other dimensions; patterns of other columns are summed.
    kind : {"proportion", "rate"}
        Whether events are part of the base.
    per : float
        Scale of the strata's rates.
    strata : sequence of str
        group, and one or more of sex, age_band, area, deprivation.
    reference : str
        The group whose strata are compared with. Unknown makes strata too, and is compared with nobody.
    confidence : float or sequence of float
        One or more levels; each is a row.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`, with the quantities

        - between_share (group All, per 100): term null or main, the share of the variance that lies between strata
          (the variance partition coefficient), with the p-value of its being 0; method agq, or agq_boundary where
          the likelihood is greatest at a variance of 0. Term change: the share of the null model's variance between
          strata that the main terms account for (can be below 0; no limits: the two variances are not independent).
        - stratum_rate, terms null and main: each stratum's rate drawn towards what the model expects of it.
        - stratum_rri, term main: the ratio of a stratum's rate to that of the reference group's stratum of the same
          sex, age and area, both drawn in. The null model draws all strata to one rate, and so would draw every ratio
          towards 1: it has none.

        A stratum without a base is left out. Statuses: too_few (not at least 4 strata more than the model has
        coefficients; 5 strata for the null model), separated (main: a level of one dimension has no events, or
        nothing else; its strata are without an estimate there), no_difference (change: the null model has no variance),
        no_reference, no_events, inconsistent, not_converged.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no number or below 0, groups are totals, or an option has no meaning.

    Notes
    -----
    The share is s^2 / (s^2 + pi^2 / 3) for a proportion, on the scale of the logit (Goldstein, Browne and Rasbash
    2002, Understanding Statistics 1:223-231). For a rate it is s^2 / (s^2 + log(1 + 1 / m)), on the scale of the
    logarithm, where m is the rate of all strata together for 1 of the base (Nakagawa, Johnson and Schielzeth 2017,
    Journal of the Royal Society Interface 14:20170213; compare Stryhn and others 2006): the share for one resident,
    which other units of the base would change. See :mod:`yjd.models.intercepts` and :mod:`yjd.models.strata_rates`
    for the limits. Limits of strata hold on average over strata, not for each: a stratum that truly stands out is
    drawn in too far. Events are taken as independent given the stratum; repeat events of the same children pass for
    differences between strata.
    """
    check_per(per)
    levels = confidence_levels(confidence)
    _check(strata, reference)
    sample = read_sample(counts, kind=kind, adjusters=[name for name in strata if name != GROUP])
    keys = Keys(measure, period, level)
    if not len(sample.base):
        return result_rows([], events={}, base={}, levels=levels, keys=keys)
    made = strata_of(sample, tuple(strata), reference)
    models = fit_models(sample, made)
    whole = result_rows(
        _shares(models, sample, levels), events={ALL: float(sample.events.sum())},
        base={ALL: float(sample.base.sum())}, levels=levels, keys=keys,
    )  # fmt: skip
    drawn = [shrink(one.fitted, levels) if one.fitted is not None and one.status == "ok" else None for one in models]
    rates = [_rates(one, shrunken, sample.kind, made, per, levels) for one, shrunken in zip(models, drawn, strict=True)]
    ratio, other = _ratios(models[-1], drawn[-1], sample.kind, made, reference, levels)
    each = _strata_rows([*rates, ratio], made, levels, keys)
    each = _with_reference(each, made, other)
    return pd.concat([whole, each], ignore_index=True)[list(RESULT_COLUMNS)]


def share_between(kind: Kind, deviation: FloatArray, rate: float) -> FloatArray:
    """Share (0 to 1) of the variance that lies between clusters, from their standard deviation.

    Parameters
    ----------
    kind : {"proportion", "rate"}
        Which scale.
    deviation : array
        Standard deviations, 0 to infinity.
    rate : float
        Of all clusters together, for 1 of the base; a proportion needs none.
    """
    within = _LATENT if kind == "proportion" else float(np.log1p(1 / rate))
    some = np.where(deviation > 0, deviation, 1.0)
    return np.where(deviation > 0, 1 / (1 + within / some**2), 0.0)


def _check(strata: Sequence[str], reference: str) -> None:
    if isinstance(strata, str) or GROUP not in strata or len(set(strata)) < len(strata):
        raise EstimationError("Strata are made of the group and other dimensions.", "Name each once, the group too.")
    unknown = [name for name in strata if name not in (GROUP, *SPLITS)]
    if unknown:
        raise EstimationError(
            "Strata cannot be made of such a column.", f"Choose among {GROUP}, {', '.join(SPLITS)}."
        )  # fmt: skip
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")


def _shares(models: tuple[Model, Model], sample: Sample, levels: FloatArray) -> list[Found]:
    rate = float(sample.events.sum() / sample.base.sum())
    found = []
    for model in models:
        value, p_value, method = np.array([np.nan]), np.array([np.nan]), ""
        lower = upper = np.full((1, len(levels)), np.nan)
        if model.fitted is not None and model.status == "ok":
            value = 100 * share_between(sample.kind, np.array([model.fitted.deviation]), rate)
            lower, upper = (100 * share_between(sample.kind, one, rate)[None, :] for one in model.fitted.limits(levels))
            p_value, method = np.array([model.fitted.p_value()]), "agq_boundary" if model.fitted.boundary else "agq"
        found.append(Found("between_share", "", (ALL,), value, lower, upper, p_value, np.array([model.status]),
                           np.array([method]), model.term))  # fmt: skip
    return [*found, _change(*models, levels)]


def _change(null: Model, main: Model, levels: FloatArray) -> Found:
    """Proportional change of the variance between strata when the main terms come in."""
    status = null.status if null.status != "ok" else main.status
    value = np.nan
    if status == "ok" and null.fitted is not None and main.fitted is not None:
        if null.fitted.boundary:
            status = "no_difference"
        else:
            value = 100 * (1 - (main.fitted.deviation / null.fitted.deviation) ** 2)
    wide = np.full((1, len(levels)), np.nan)
    return Found("between_share", "", (ALL,), np.array([value]), wide, wide, np.array([np.nan]),
                 np.array([status]), np.array(["agq"]), "change")  # fmt: skip


def _rates(
    model: Model, found: Shrunken | None, kind: Kind, made: Strata, per: float, levels: FloatArray
) -> Found:  # fmt: skip
    size = len(made.base)
    value, (lower, upper) = np.full(size, np.nan), (np.full((size, len(levels)), np.nan) for _ in range(2))
    status, method = model.of_strata(size), ""
    if found is not None:
        value[model.rows] = per * found.estimate
        lower[model.rows], upper[model.rows] = per * found.limits.lower, per * found.limits.upper
        method = _method(model, kind)
    return Found("stratum_rate", "", _names(np.arange(size)), value, lower, upper, np.full(size, np.nan), status,
                 np.full(size, method), model.term)  # fmt: skip


def _ratios(
    model: Model, found: Shrunken | None, kind: Kind, made: Strata, reference: str, levels: FloatArray
) -> tuple[Found, IntArray]:  # fmt: skip
    """The ratios, and for every stratum the place of the reference group's (-1: it has none)."""
    other = made.counterpart(reference)
    compared = np.flatnonzero(~np.isin(made.labels[GROUP], (*NOT_GROUPS, reference)))
    status = model.of_strata(len(made.base))
    partner = np.where(other[compared] < 0, "no_reference", status[np.maximum(other[compared], 0)])
    own = np.where(status[compared] == "ok", partner, status[compared]).astype("<U20")
    value, lower, upper = (np.full((len(compared), len(levels)), np.nan) for _ in range(3))
    method = ""
    if found is not None and model.fitted is not None:
        usable = np.isin(own, USABLE)
        place = np.full(len(made.base), -1, dtype=np.intp)
        place[model.rows] = np.arange(len(model.rows))
        one, two = place[compared[usable]], place[other[compared[usable]]]
        value[usable] = (found.estimate[one] / found.estimate[two])[:, None]
        lower[usable], upper[usable] = ratios(found, model.fitted.profile.rows, one, two, levels)
        method = _method(model, kind)
    found_rows = Found("stratum_rri", "", _names(compared), value[:, 0], lower, upper, np.full(len(compared), np.nan),
                       own, np.full(len(compared), method), model.term, reference)  # fmt: skip
    return found_rows, other


def _method(model: Model, kind: Kind) -> str:
    assert model.fitted is not None, "asked for fitted models alone"
    return _METHODS[kind] + ("_boundary" if model.fitted.boundary else "")


def _names(places: NDArray[np.intp]) -> tuple[str, ...]:
    return tuple(str(one) for one in places)


def _strata_rows(found: Sequence[Found], made: Strata, levels: FloatArray, keys: Keys) -> pd.DataFrame:
    """Rows whose group, sex, age and area are those of the strata, by their number."""
    names = _names(np.arange(len(made.base)))
    rows = result_rows(found, events=dict(zip(names, made.events, strict=True)),
                       base=dict(zip(names, made.base, strict=True)), levels=levels, keys=keys)  # fmt: skip
    place = rows[GROUP].to_numpy(dtype=object).astype(np.intp)
    labels: dict[str, StrArray] = {name: values[place] for name, values in made.labels.items()}
    return rows.assign(**labels).astype(dict.fromkeys(labels, "str")).set_index(place)


def _with_reference(rows: pd.DataFrame, made: Strata, other: IntArray) -> pd.DataFrame:
    """Add the counts of the stratum that a ratio compares with. `rows` has the place of its stratum as index."""
    partner = other[rows.index.to_numpy()]
    compares = (rows["quantity"] == "stratum_rri").to_numpy() & (partner >= 0)
    return rows.assign(
        reference_numerator=np.where(compares, made.events[partner], np.nan),
        reference_denominator=np.where(compares, made.base[partner], np.nan),
    )
