"""Where more work is needed: areas and stages by how many children (or events) there are beyond parity, not by ratio.

Ranks are uncertain: a place in a list that is drawn again would be another. The interval of each rank comes from a
joint region of all values of its list (Klein, Wright and Wieczorek 2020, Journal of the Royal Statistical Society A
183:589-606): all intervals of a list are widened until together they hold with the confidence wanted, and a rank can
be no better than one more than the number of items that lie wholly above, and no worse than so many less as lie
wholly below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from yjd.judged import judged_periods
from yjd.metrics.counts import USABLE
from yjd.metrics.intervals import FloatArray
from yjd.schema import ALL

COLUMNS = ("list", "place", "measure", "unit", "area", "group", "reference", "period", "more", "lower", "upper",
           "ratio", "rank", "rank_best", "rank_worst", "items", "hidden")  # fmt: skip


def priorities(
    results: pd.DataFrame, manifest: Mapping[str, Any], *, reference: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Rank areas within each measure and group, and measures within each group.

    Parameters
    ----------
    results : DataFrame
        Of a release: rows of `excess` and `rri` at the headline's level, each measure in its period (`yjd.judged`).
    manifest : mapping
        What release.json says.
    reference : str, optional
        The headline's by default.
    confidence : float
        That all ranks of a list are held at once.

    Returns
    -------
    DataFrame
        `COLUMNS`, in order of rank. `list` is areas or stages and `place` what it is a list within (measure and group,
        or group and unit). `more` is how many fewer adverse events (or more favourable ones) would mean parity; below
        0 the group is better off. Ranks go from 1, the most; `items` is the length of the list and `hidden` how many
        of it could not be ranked. Measures without an adverse direction are left out; in lists of stages children and
        events are ranked apart, and stages hold each other's children: the numbers do not add up.
    """
    head = manifest["headline"]
    against = head["reference"] if reference is None else reference
    whole = (results[["sex", "age_band", "deprivation"]] == ALL).all(axis=1) & (results["rung"] == "")
    whole &= results["area"].isin([ALL, *manifest["areas"]])
    rows = results[whole & (results["reference"] == against) & (results["level"] == head["level"])]
    rows = rows[rows["period"] == rows["measure"].map(judged_periods(results, manifest))]
    level = rows["confidence"].min()
    excess = rows[(rows["quantity"] == "excess") & (rows["confidence"] == level)]
    keys = ["measure", "area", "group"]
    ratio = rows[(rows["quantity"] == "rri") & (rows["confidence"] == level)][[*keys, "estimate"]]
    table = excess.merge(ratio.rename(columns={"estimate": "ratio"}), on=keys, how="left", validate="one_to_one")
    measures = {measure["id"]: measure for measure in manifest["measures"]}
    adverse = table["measure"].map({name: measure["adverse"] for name, measure in measures.items()})
    table = table.assign(unit=table["measure"].map(_units(measures)))[adverse.isin(["higher", "lower"]).to_numpy()]
    lower_is_worse = (adverse[adverse.isin(["higher", "lower"])] == "lower").to_numpy(dtype=bool)
    ends = [np.where(lower_is_worse, -table[one], table[two]) for one, two in (("upper", "lower"), ("lower", "upper"))]
    table = table.assign(
        more=np.where(lower_is_worse, -table["estimate"], table["estimate"]), lower=ends[0], upper=ends[1]
    )
    table = table[["status", *(name for name in COLUMNS if name in table)]]
    lists = [
        (table[table["area"] != ALL], "areas", ["measure", "group"]),
        (table[table["area"] == ALL], "stages", ["group", "unit"]),
    ]
    found = [_ranked(rows, name, by, float(level), confidence) for rows, name, by in lists if len(rows)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))


def _units(measures: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {name: str(measure["definition"]["numerator"]["unit"]) for name, measure in measures.items()}


def _ranked(rows: pd.DataFrame, name: str, by: list[str], level: float, confidence: float) -> pd.DataFrame:
    """Every list of this kind, each ranked by itself."""
    tables = []
    for within, one in rows.groupby(by, sort=False):
        seen = one[one["status"].isin(USABLE) & one["more"].notna()]
        more, lower, upper = (seen[column].to_numpy(dtype=np.float64) for column in ("more", "lower", "upper"))
        best, worst = rank_intervals(more, lower, upper, level=level, confidence=confidence)
        order = np.argsort(-more, kind="stable")
        rank = np.empty(len(more), dtype=np.intp)
        rank[order] = np.arange(1, len(more) + 1)
        tables.append(
            seen.assign(
                list=name, place=", ".join(map(str, within)), rank=rank, rank_best=best, rank_worst=worst,
                items=len(one), hidden=len(one) - len(seen),
            )
        )  # fmt: skip
    return pd.concat(tables).sort_values(["list", "place", "rank"], kind="stable")[list(COLUMNS)]


def rank_intervals(
    value: FloatArray, lower: FloatArray, upper: FloatArray, *, level: float, confidence: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The best and the worst rank of each item that its list of intervals allows; 1 is the largest.

    Parameters
    ----------
    value, lower, upper : array, shape (items,)
        Estimates with their limits at the confidence `level`; each side is widened by itself.
    level, confidence : float
        Of each given interval, and of all ranks together.
    """
    if not len(value):
        none = np.empty(0, dtype=np.intp)
        return none, none
    each = 1 - (1 - confidence) / len(value)  # Bonferroni: items share their reference
    wider = special.ndtri((1 + each) / 2) / special.ndtri((1 + level) / 2)
    low, high = value - wider * (value - lower), value + wider * (upper - value)
    above = (low[None, :] > high[:, None]).sum(axis=1)
    below = (high[None, :] < low[:, None]).sum(axis=1)
    return above + 1, len(value) - below
