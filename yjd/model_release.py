"""What of the models may leave: rows whose counts pass the rules, rounded, and a page about each model."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from yjd.model_counts import ALL_RECORDS
from yjd.modelling import LEVEL, Modelled, is_reoffending, reference_group
from yjd.schema import ALL, HIDDEN, KNOWN, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from yjd.config import Settings
    from yjd.disclosure import Links

_FIGURES = 3  # of a released estimate
_FEW, _FEW_FIGURES = 1000, 2  # of one on fewer records: with 3, an unadjusted share gives its two counts back
_ROUND_TO = 10  # of a released count of a sample: samples differ from published counts by a few incomplete records
_DECIMALS = 6  # of a count before it is held to the rules
_MONTHS = ("3", "6", "9", "12")  # of survival: months between would tell of children one by one
# Drawn towards a model as they are, each gives the events of its stratum back, and those the strata next to it.
_OF_STRATA = ("stratum_rate", "stratum_rri")
_DIFFERENCES = ("marginal_difference", "aipw_difference", "ipw_difference", "matched_difference")
_PARTS = ("decomposition", "decomposition_share")  # of a difference, all of which have the decimals of the largest
_COUNTS = ("numerator", "denominator", "reference_numerator", "reference_denominator")
_ESTIMATES = ("estimate", "lower", "upper", "p_value")


def card(one: Modelled, settings: Settings, released: pd.DataFrame, links: Links) -> str:
    """The page about a model, which may leave with its results. `released` are cells after disclosure control."""
    from yjd.models.card import model_card
    from yjd.models.reoffending import WARNING

    rules = settings.disclosure
    asked = [name for added in settings.models.rungs.values() for name in added]
    return model_card(
        one.measure.title,
        kind=one.measure.kind,
        per=float(one.measure.per),
        periods=one.periods,
        sample_flow=_safe_flow(one, released, links),
        rungs=one.rungs,
        lowest=max(rules.minimum_count, rules.minimum_denominator, 1),
        round_to=max(_ROUND_TO, rules.round_to),
        reference=reference_group(settings),
        errors="by_child" if one.measure.kind == "proportion" else "model",
        left_out=[name for name in asked if name not in one.counts.adjusters],
        base=one.base.lower(),
        limits=[WARNING] if is_reoffending(one.measure) else [],
    )


def releasable(one: Modelled, settings: Settings, released: pd.DataFrame, links: Links) -> pd.DataFrame:
    """What of a model may leave beside these cells: see `protected` and `unpublished`."""
    kept_back = unpublished(one, released, links)
    if one.measure.kind == "proportion":
        kept_back |= _left_out_of_sight(one, released, links)
    return protected(one.results, settings, one.diagnostics["fit"], kept_back)


def protected(
    results: pd.DataFrame, settings: Settings, fits: pd.DataFrame | None = None, kept_back: Collection[str] = ()
) -> pd.DataFrame:
    """What of the models may leave.

    A row is hidden where an event count, a count without the event or a base that it rests on is below the
    project's rules, where the count of its group or reference over the periods is not published, or where its rung
    has too few degrees of freedom. All else is rounded: sample counts to the nearest 10 or the project's base, as a
    sample lacks a few records that the published counts have, and estimates to 3 figures, or 2 on fewer than 1,000
    records (of a rate: events). Rows of single strata do not leave: see `_OF_STRATA`.

    Parameters
    ----------
    results : DataFrame
        From `model`, before disclosure control. Not changed.
    settings : Settings
        Its disclosure rules are used.
    fits : DataFrame, optional
        rung, base, events, parameters of each fit: see `yjd.models.diagnose`.
    kept_back : collection of str
        Groups whose counts over the model's periods nobody outside knows: see `unpublished`.
    """
    import numpy as np

    from yjd.metrics.layout import to_figures

    rules = settings.disclosure
    base = max(_ROUND_TO, rules.round_to)
    within = (results["quantity"] != "survival") | results["term"].isin(_MONTHS)
    results = results[within & ~results["quantity"].isin(_OF_STRATA)].reset_index(drop=True)
    # events that were spread over others come to whole counts but for the last digits
    results[list(_COUNTS)] = results[list(_COUNTS)].astype("float64").round(_DECIMALS)
    proportion = results["measure"].isin(_proportions())
    unsafe = np.zeros(len(results), dtype=bool)
    for events, whole in (_COUNTS[:2], _COUNTS[2:]):
        a, n = (results[name].to_numpy(dtype=np.float64) for name in (events, whole))
        for count in (a, np.where(proportion, n - a, np.nan), n):
            unsafe |= ((count > 0) & (count < rules.minimum_count)) | ((count == 0) & (not rules.zero_safe))
        unsafe |= (n > 0) & (n < rules.minimum_denominator)
    unsafe |= _few_more(results, rules.minimum_count)
    unsafe |= results[["group", "reference"]].isin(list(kept_back)).any(axis=1).to_numpy(dtype=bool)
    if fits is not None:
        unsafe |= _few_degrees(results, fits, proportion.to_numpy(dtype=bool), rules.minimum_degrees_of_freedom)
    shown = results.copy()
    for name in _COUNTS:
        shown[name] = (shown[name] / base).round() * base
    few = (results[["denominator", "reference_denominator"]] < _FEW).any(axis=1)
    # residents are known to all, so that a rate has no more to it than its events
    few |= ~proportion & (results[["numerator", "reference_numerator"]] < _FEW).any(axis=1)
    sizes = _sizes(shown)
    for name in _ESTIMATES:
        values, size = shown[name].to_numpy(dtype=np.float64), 0.0 if name == "p_value" else sizes
        few_, many = (to_figures(values, figures, like=size) for figures in (_FEW_FIGURES, _FIGURES))
        shown[name] = np.where(few, few_, many)
    shown.loc[unsafe, [*_COUNTS, *_ESTIMATES, "q_value"]] = np.nan
    shown.loc[unsafe, "method"] = ""
    shown.loc[unsafe, "status"] = "hidden"
    shown["disclosure"] = np.where(unsafe, "hidden", "rounded")
    return shown.astype({"method": "str", "status": "str", "disclosure": "str"})


def _sizes(results: pd.DataFrame) -> np.ndarray:
    """What the figures of a row are counted from: 0 where from each of its numbers.

    A difference close to 0, or a small part of one, would have far more decimals than the rates that it is of.
    """
    import numpy as np

    numbers = results[["estimate", "lower", "upper"]].abs().max(axis=1)
    found = numbers.where(results["quantity"].isin(_DIFFERENCES), 0.0)
    parts = results["quantity"].isin(_PARTS)
    keys = ["measure", "quantity", "period", "level", "group", "reference", "rung"]
    whole = numbers[parts].groupby([results.loc[parts, name] for name in keys]).transform("max")
    return np.asarray(np.nan_to_num(found.mask(parts, whole).to_numpy(dtype=np.float64)))


def unpublished(one: Modelled, released: pd.DataFrame, links: Links) -> set[str]:
    """Groups of which a count over the model's periods is neither shown nor the sum of shown ones.

    An unadjusted estimate comes close to giving such a count back, and what was hidden beside it with it.

    Parameters
    ----------
    one : Modelled
        Its measure and periods are used.
    released : DataFrame
        Cells after disclosure control.
    links : Links
        Which periods add up to which, and of which stages.
    """
    whole = (released[list(SPLITS)] == ALL).all(axis=1)
    return {group for group, *_ in _not_told(one, released[whole], links)}


def _left_out_of_sight(one: Modelled, released: pd.DataFrame, links: Links) -> set[str]:
    """Groups of which nobody knows how many children of unknown sex, age, deprivation or area the periods have.

    A model of records leaves these out, so that its sample, beside the published counts, would tell.
    """
    unknown = released[list(SPLITS)] == UNKNOWN
    used = [name for name in SPLITS if name == "area" or name in one.counts.adjusters]
    alone = unknown[used].any(axis=1) & ((released[list(SPLITS)] != ALL).sum(axis=1) == 1)
    return {group for group, *_ in _not_told(one, released[alone], links)}


def _not_told(one: Modelled, cells: pd.DataFrame, links: Links) -> set[tuple[str, ...]]:
    """Group, stage and split of the cells whose count over the model's periods is not shown nor a sum of shown ones."""
    stages = {one.measure.numerator, one.measure.denominator} - links.public_stages
    cells = cells[(cells["level"] == LEVEL) & cells["stage"].isin(stages)]
    closed = cells["disclosure"].isin(HIDDEN)
    names = ["group", "stage", *SPLITS]
    wholes = [name for name, inside in links.related_periods.items() if set(inside) == set(one.periods)]
    shown = cells[~closed & cells["period"].isin(wholes) & cells["stage"].isin(links.periods_add_up)]
    hidden = cells[closed & cells["period"].isin(one.periods)]
    keys: set[tuple[str, ...]] = set(hidden[names].itertuples(index=False, name=None))
    return keys - set(shown[names].itertuples(index=False, name=None))


def _safe_flow(one: Modelled, released: pd.DataFrame, links: Links) -> list[tuple[str, int]]:
    """The steps to the sample whose counts everybody can know, or that no cell is of."""
    back, flow = unpublished(one, released, links), list(one.counts.flow)
    if ALL in back:
        return []
    of_records = one.measure.kind == "proportion"
    if of_records and {ALL, KNOWN, UNKNOWN} & _left_out_of_sight(one, released, links):
        return flow[:1]
    return [step for step in flow if step[0] in ALL_RECORDS] if {KNOWN, UNKNOWN} & back else flow


def _few_more(results: pd.DataFrame, minimum: int) -> np.ndarray:
    """Whether the children who re-offended since the row of survival before are too few."""
    import numpy as np

    found = np.zeros(len(results), dtype=bool)
    own = results[results["quantity"] == "survival"]
    if len(own):
        ordered = own.assign(month=own["term"].astype(int)).sort_values("month")
        since = ordered.groupby(["measure", "period", "group", "confidence"])["numerator"].diff()
        few = (since > 0) & (since < minimum)
        found[few[few].index.to_numpy()] = True
    return found


def _few_degrees(results: pd.DataFrame, fits: pd.DataFrame, proportion: np.ndarray, minimum: int) -> np.ndarray:
    """Whether a rung estimates almost as much as it has records (of a rate: events) to estimate from."""
    import numpy as np

    rung = results["rung"].astype("str").str.replace(",.*", "", regex=True)  # "M1, areas random" adjusts as M1 does
    own = fits.set_index("rung")
    left = {name: (own[name] - own["parameters"]).to_dict() for name in ("base", "events")}
    records = np.where(proportion, rung.map(left["base"]), rung.map(left["events"])).astype(np.float64)
    return np.asarray(records < minimum)


def _proportions() -> list[str]:
    from yjd.measures import measures

    return [name for name, measure in measures().items() if measure.kind == "proportion"]
