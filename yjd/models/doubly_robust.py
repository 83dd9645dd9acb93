"""The adjusted difference once more, by methods that lean on other assumptions than one regression.

Augmented inverse-probability weighting (Robins, Rotnitzky and Zhao 1994, Journal of the American Statistical
Association 89:846-866) is right if either the model of the event or that of the group is. Its target is that of
:func:`yjd.models.ladder.ladder`: the average over all records of the sample, with the group set to each in turn.
Weighting alone (Hajek's) has the same target. The matched comparison sets children of a group beside children of the
reference with the very same labels, and is about the children of that group (what the literature calls the ATT).

Weights are trimmed: a chance of being in a group counts as no less than 0.02, or a tenth of the group's share of the
sample where that is less. A group has no overlap where that happens to more than 10 in 100 of the sample, and a matched
comparison has none where fewer than half of the group have a match. The numbers in this paragraph are this project's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, check_per, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.clusters import ByRow, Clusters, Spread
from yjd.models.influence import Stacked
from yjd.models.marginal import Target
from yjd.models.nuisance import FOLD, Learner, cross_fit, in_order
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.sample import IntArray, Sample, read_sample
from yjd.models.weighting import Means, Overlap, augmented, matched, trimmed_weights, weighted
from yjd.schema import ALL

MOST_TRIMMED = 0.1
FEWEST_MATCHED = 0.5
FEWEST = 20.0  # records that a group is worth after weighting
SCARCE = 5.0  # events, and records without, of a group


def doubly_robust(
    counts: pd.DataFrame,
    *,
    adjusters: Sequence[str],
    per: float = 100.0,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    learner: Learner = "logistic",
    seed: int = 0,
    clusters: Clusters | None = None,
    target: Target = "sample",
    rung: str = "",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare groups by cross-fitted augmented weighting, by weighting alone and by matching.

    Parameters
    ----------
    counts : DataFrame
        Model counts of a proportion: group, base, events, the adjusters, what `clusters` reads, and fold: a whole
        number, the same for all records of a child. Without one, see :func:`yjd.models.nuisance.deal`.
    adjusters : sequence of str
        One or more columns of labels.
    per : float
        Scale of differences.
    reference : str
        A group.
    confidence : float or sequence of float
        One or more levels; each is a row.
    learner : {"logistic", "trees"}
        See :func:`yjd.models.nuisance.cross_fit`.
    seed : int
        Of the trees.
    clusters : Clusters, optional
        Which records belong together, as for the ladder; each record by itself where not given.
    target : {"sample", "population"}
        Whether the sample's adjusters are given, or a draw: as for the ladder. Weighting alone always includes the
        draw.
    rung, measure, period, level : str
        Keys of the rows: `rung` names what is adjusted for.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. For each group against the reference aipw_difference, aipw_rri (interval
        on the log scale), ipw_difference and matched_difference; for each group and the reference overlap, with the
        terms effective_size (per 1 of its base), trimmed (per 1 of the sample) and matched (per 1 of its base).
        Statuses: no_reference, separated (no events, or nothing else), no_overlap, too_few (after weighting fewer than
        20 records, fewer than 5 events or 5 without, one group, or one fold), not_converged, no_events, inconsistent.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no number or below 0, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    check_per(per)
    _check(counts, adjusters, reference, learner, target)
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    names = [*adjusters, FOLD, *extra]
    sample = in_order(read_sample(counts, kind="proportion", adjusters=names), names)
    found: list[Found] = []
    if len(sample.base):
        refused = _refused(sample)
        asked = _Asked(tuple(adjusters), per, reference, levels, learner, seed, clusters or ByRow(), target, rung)
        found = _blank(sample, asked, refused) if refused else _found(sample, asked)
    events = dict(zip(sample.groups, sample.by_group(sample.events), strict=True))
    base = dict(zip(sample.groups, sample.by_group(sample.base), strict=True))
    return result_rows(found, events=events, base=base, levels=levels, keys=Keys(measure, period, level))


@dataclass(frozen=True)
class _Asked:
    adjusters: tuple[str, ...]
    per: float
    reference: str
    levels: FloatArray
    learner: Learner
    seed: int
    clusters: Clusters
    target: Target
    rung: str


def _found(sample: Sample, asked: _Asked) -> list[Found]:
    nuisance = cross_fit(sample, asked.adjusters, learner=asked.learner, seed=asked.seed)
    weight, overlap = trimmed_weights(sample, nuisance)
    compared, reference = _compared(sample, asked.reference)
    size = len(sample.groups)
    mended, hajek = augmented(sample, nuisance, weight, target=asked.target), weighted(sample, weight)
    pairs, share = matched(sample, asked.adjusters, nuisance, max(reference, 0))
    spread = asked.clusters.covariance(sample, Stacked([mended.influence, hajek.influence, pairs.influence]))
    parts = [slice(at * size, (at + 1) * size) for at in range(3)]
    covariance = [spread.covariance[part, part] for part in parts]
    state = _statuses(sample, overlap, nuisance.converged)
    status = _of_contrast(state, compared, reference)
    slope = np.zeros((len(compared), size))
    slope[np.arange(len(compared)), compared], slope[:, max(reference, 0)] = 1.0, -1.0
    found = _augmented_rows(mended, covariance[0], slope, status, spread, sample, asked)
    found.append(_difference("ipw_difference", "ipw_" + asked.learner, slope @ hajek.estimates,
                             _error(covariance[1], slope), status, spread, sample, asked))  # fmt: skip
    scarce = first_reason([
        (share[compared] == 0, "no_overlap"), (np.isin(status, ["separated", "no_reference"]), status),
        (share[compared] < FEWEST_MATCHED, "no_overlap"),
        (share[compared] * sample.by_group(sample.base)[compared] < FEWEST, "too_few"),
    ], "ok")  # fmt: skip
    own = np.eye(size)[compared]
    found.append(_difference("matched_difference", "exact_att", pairs.estimates[compared],
                             _error(covariance[2], own), scarce, spread, sample, asked))  # fmt: skip
    for term, values in (("effective_size", overlap.effective), ("trimmed", overlap.trimmed), ("matched", share)):
        found.append(_overlap(term, values, compared, reference, sample, asked))
    return found


def _augmented_rows(
    means: Means, covariance: FloatArray, slope: FloatArray, status: StrArray, spread: Spread, sample: Sample,
    asked: _Asked,
) -> list[Found]:  # fmt: skip
    theta, name = means.estimates, "aipw_" + asked.learner
    first = _difference(
        "aipw_difference", name, slope @ theta, _error(covariance, slope), status, spread, sample, asked
    )
    safe = np.where(theta > 0, theta, 1.0)
    possible = ~((theta <= 0) & (np.abs(slope) > 0)).any(axis=1)
    error = _error(covariance, slope / safe)
    value = slope @ np.log(safe)
    lower, upper = limits(value, error, asked.levels, scale="log", degrees=spread.degrees)
    usable = _with_error(np.where((status == "ok") & ~possible, "too_few", status), error)
    ratio = Found("aipw_rri", asked.rung, first.groups, np.exp(value), lower, upper,
                  two_sided(value, error, spread.degrees), usable, first.method, reference=asked.reference)  # fmt: skip
    return [first, ratio]


def _difference(
    quantity: str, name: str, value: FloatArray, error: FloatArray, status: StrArray, spread: Spread, sample: Sample,
    asked: _Asked,
) -> Found:  # fmt: skip
    lower, upper = limits(value, error, asked.levels, scale="linear", degrees=spread.degrees)
    groups = tuple(sample.groups[at] for at in _compared(sample, asked.reference)[0])
    return Found(
        quantity, asked.rung, groups, value * asked.per, lower * asked.per, upper * asked.per,
        two_sided(value, error, spread.degrees), _with_error(status, error),
        np.full(len(groups), f"{name}_{asked.clusters.name}"), reference=asked.reference,
    )  # fmt: skip


def _overlap(
    term: str, values: FloatArray, compared: IntArray, reference: int, sample: Sample, asked: _Asked
) -> Found:  # fmt: skip
    shown = compared if term == "matched" or reference < 0 else np.sort(np.append(compared, reference))
    known = reference >= 0 or term != "matched"
    status = np.full(len(shown), "ok" if known else "no_reference")
    return _plain("overlap", tuple(sample.groups[at] for at in shown), values[shown], status, asked, term)


def _plain(
    quantity: str, groups: tuple[str, ...], values: FloatArray, status: StrArray, asked: _Asked, term: str = ""
) -> Found:
    """Rows without an interval."""
    wide = np.full((len(groups), len(asked.levels)), np.nan)
    reference = "" if quantity == "overlap" and term != "matched" else asked.reference
    method = np.full(len(groups), "exact" if term == "matched" else asked.learner)
    return Found(quantity, asked.rung, groups, values, wide, wide, wide[:, 0], status, method, term, reference)


def _blank(sample: Sample, asked: _Asked, status: str) -> list[Found]:
    """Rows that say why there is no estimate."""
    compared, reference = _compared(sample, asked.reference)
    everyone = compared if reference < 0 else np.sort(np.append(compared, reference))
    wanted = [(name, "", compared) for name in ("aipw_difference", "aipw_rri", "ipw_difference", "matched_difference")]
    wanted += [("overlap", "effective_size", everyone), ("overlap", "trimmed", everyone)]
    wanted += [("overlap", "matched", compared)]
    return [
        _plain(name, tuple(sample.groups[at] for at in places), np.full(len(places), np.nan),
               np.full(len(places), status), asked, term)
        for name, term, places in wanted
    ]  # fmt: skip


def _statuses(sample: Sample, overlap: Overlap, converged: bool) -> StrArray:
    events, base = sample.by_group(sample.events), sample.by_group(sample.base)
    fewest = np.minimum(events, base - events)
    nothing = np.full(len(base), not converged)
    return first_reason([
        (nothing, "not_converged"), (fewest < 1e-9, "separated"), (overlap.trimmed > MOST_TRIMMED, "no_overlap"),
        ((overlap.size < FEWEST) | (fewest < SCARCE), "too_few"),
    ], np.full(len(base), "ok"))  # fmt: skip


def _of_contrast(state: StrArray, compared: IntArray, reference: int) -> StrArray:
    if reference < 0:
        return np.full(len(compared), "no_reference")
    return np.where(state[compared] == "ok", state[reference], state[compared])


def _compared(sample: Sample, reference: str) -> tuple[IntArray, int]:
    groups = sample.groups
    places = [at for at, group in enumerate(groups) if group not in (*NOT_GROUPS, reference)]
    return np.array(places, dtype=np.intp), groups.index(reference) if reference in groups else -1


def _error(covariance: FloatArray, slope: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(((slope @ covariance) * slope).sum(axis=1), 0.0)), dtype=np.float64)


def _with_error(status: StrArray, error: FloatArray) -> StrArray:
    return np.where((status == "ok") & ~(error > 0), "too_few", status)


def _refused(sample: Sample) -> str:
    """Why nothing can be learnt at all; empty where it can be tried."""
    events, base = sample.events.sum(), sample.base.sum()
    compared = [group for group in sample.groups if group not in NOT_GROUPS]
    reasons = (
        ("inconsistent", sample.inconsistent), ("no_events", events == 0),
        ("separated", events >= base * (1 - 1e-12)),
        ("too_few", len(compared) < 2 or len(sample.factors[FOLD].levels) < 2),
    )  # fmt: skip
    return next((word for word, holds in reasons if holds), "")


def _check(counts: pd.DataFrame, adjusters: Sequence[str], reference: str, learner: str, target: str) -> None:
    if not adjusters or len(set(adjusters)) < len(adjusters):
        raise EstimationError(
            "There are no adjusters, or one comes twice.", "Name one or more columns of labels, once."
        )
    if FOLD in adjusters or FOLD not in counts.columns:
        raise EstimationError(
            "Cross-fitting needs a column fold, the same number for all records of a child.",
            "Add it, or deal records with yjd.models.nuisance.deal where each is a child by itself.",
        )
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")
    if learner not in get_args(Learner) or target not in get_args(Target):
        raise EstimationError("An option has no meaning.", "Give learner and target as documented.")
