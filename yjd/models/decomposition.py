"""How much of the gap between two groups goes with differences in what is adjusted for.

Fairlie's decomposition (2005, Journal of Economic and Social Measurement 30:305-316), the Oaxaca-Blinder one for
non-linear models, from one logistic (or log-linear) model of all groups with the group in it (Jann 2008, Stata Journal
8:453-479). Explained is what the gap would be if every record of both groups were treated as one of the reference with
the same labels is: the difference of two average predictions. Unexplained is the rest. They add up to the raw gap.

The explained part is shared among the adjusters by giving children of the group the labels of children of the
reference, one adjuster after another. Each child is set beside every child of the other group, where Fairlie draws some
at random, and the shares are averaged over all orders, so neither chance nor order matters. With more than 6 adjusters
12 random orders and their reverses stand for all.

Adjusters count as a draw from a larger population, so that the interval of the gap is that of the raw difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, Kind, check_per, confidence_levels
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.clusters import ByRow, Clusters
from yjd.models.fairlie import Parts, decomposed
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.sample import Sample, read_sample
from yjd.schema import ALL

EXPLAINED, UNEXPLAINED, GAP = "explained", "unexplained", "gap"


def decompose(
    counts: pd.DataFrame,
    *,
    adjusters: Sequence[str],
    kind: Kind = "proportion",
    per: float = 100.0,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    seed: int = 0,
    rung: str = "",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Share the gap between each group and the reference among the adjusters and what they do not account for.

    Parameters
    ----------
    counts : DataFrame
        Model counts: group, base, events, the adjusters, and what `clusters` reads.
    adjusters : sequence of str
        One or more columns of labels.
    kind : {"proportion", "rate"}
        Whether events are part of the base.
    per : float
        Scale of the gap and its parts.
    reference : str
        A group, whose equation gives the explained part.
    confidence : float or sequence of float
        One or more levels; each is a row.
    clusters : Clusters, optional
        Which records belong together, as for the ladder; each record (of a rate: event) by itself where not given.
    seed : int
        Of the random orders where there are more than 6 adjusters.
    rung, measure, period, level : str
        Keys of the rows: `rung` names what is adjusted for.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. Quantity decomposition, with a term for each adjuster, explained,
        unexplained and gap; and decomposition_share, each in 100 of the gap, with the status parity_possible where the
        interval of the gap holds 0. Other statuses: collinear (an adjuster that others imply), separated, no_reference,
        too_few, not_converged, no_events, inconsistent.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no number or below 0, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    check_per(per)
    if not adjusters or {EXPLAINED, UNEXPLAINED, GAP} & set(adjusters) or len(set(adjusters)) < len(adjusters):
        raise EstimationError(
            "There are no adjusters, one comes twice, or one is named as a part of the gap.",
            "Name one or more columns of labels, each once.",
        )
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    sample = read_sample(counts, kind=kind, adjusters=[*adjusters, *extra])
    terms = (*adjusters, EXPLAINED, UNEXPLAINED, GAP)
    parts = None
    if len(sample.base):
        refused = _refused(sample, reference)
        parts = _blank(sample, reference, terms, refused) if refused else None
        parts = parts or decomposed(sample, adjusters, reference, clusters or ByRow(), seed)
    events = dict(zip(sample.groups, sample.by_group(sample.events), strict=True))
    base = dict(zip(sample.groups, sample.by_group(sample.base), strict=True))
    keys = Keys(measure, period, level)
    found = [] if parts is None else _decomposition(parts, terms, levels, per, rung, reference)
    tables = [result_rows(found, events=events, base=base, levels=levels, keys=keys)]
    for at in range(len(levels) if parts is not None else 0):  # whether the gap may be 0 depends on the level
        assert parts is not None
        shares = _shares(parts, terms, levels[at : at + 1], rung, reference)
        tables.append(result_rows(shares, events=events, base=base, levels=levels[at : at + 1], keys=keys))
    return pd.concat(tables, ignore_index=True)


def _refused(sample: Sample, reference: str) -> str:
    """Why there is nothing to decompose; empty where it can be tried."""
    events, base = sample.events.sum(), sample.base.sum()
    compared = [group for group in sample.groups if group not in NOT_GROUPS]
    reasons = (
        ("inconsistent", sample.inconsistent), ("no_events", events == 0),
        ("separated", sample.kind == "proportion" and events >= base * (1 - 1e-12)),
        ("too_few", len(compared) < 2), ("no_reference", reference not in sample.groups),
    )  # fmt: skip
    return next((word for word, holds in reasons if holds), "")


def _blank(sample: Sample, reference: str, terms: Sequence[str], status: str) -> Parts:
    groups = tuple(group for group in sample.groups if group not in (*NOT_GROUPS, reference))
    shape = (len(groups), len(terms))
    return Parts(groups, np.full(shape, np.nan), np.zeros((*shape, len(terms))), float("inf"),
                  np.full(shape, status), "")  # fmt: skip


def _decomposition(
    parts: Parts, terms: Sequence[str], levels: FloatArray, per: float, rung: str, reference: str
) -> list[Found]:  # fmt: skip
    found = []
    for at, term in enumerate(terms):
        value, error = parts.values[:, at], np.sqrt(np.maximum(parts.covariance[:, at, at], 0.0))
        found.append(_row("decomposition", term, parts, value * per, error * per, parts.status[:, at], levels, rung,
                          reference))  # fmt: skip
    return found


def _shares(parts: Parts, terms: Sequence[str], level: FloatArray, rung: str, reference: str) -> list[Found]:
    gap = parts.values[:, -1]
    error = np.sqrt(np.maximum(parts.covariance[:, -1, -1], 0.0))
    lower, upper = limits(gap, error, level, scale="linear", degrees=parts.degrees)
    unclear = ~((lower[:, 0] > 0) | (upper[:, 0] < 0))
    safe = np.where(unclear, 1.0, gap)
    found = []
    for at, term in enumerate(terms[:-1]):
        share = parts.values[:, at] / safe
        variance = (
            parts.covariance[:, at, at] - 2 * share * parts.covariance[:, at, -1]
            + share**2 * parts.covariance[:, -1, -1]
        ) / safe**2  # fmt: skip
        status = parts.status[:, at]
        status = np.where((status == "ok") & unclear, "parity_possible", status)
        found.append(_row("decomposition_share", term, parts, 100 * share, 100 * np.sqrt(np.maximum(variance, 0.0)),
                          status, level, rung, reference))  # fmt: skip
    return found


def _row(
    quantity: str, term: str, parts: Parts, value: FloatArray, error: FloatArray, status: StrArray,
    levels: FloatArray, rung: str, reference: str,
) -> Found:  # fmt: skip
    lower, upper = limits(value, error, levels, scale="linear", degrees=parts.degrees)
    # a part that is nothing by construction has no variation either: 0, and known to be
    nothing = (np.abs(value) < 1e-12) & (error < 1e-12)
    status = np.where((status == "ok") & ~(error > 0) & ~nothing, "too_few", status)
    return Found(quantity, rung, parts.groups, value, lower, upper, two_sided(value, error, parts.degrees), status,
                 np.full(len(value), parts.method), term, reference)  # fmt: skip
