"""The comparisons that a register asks for, one row each, as a release can answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from yjd.recommendations import Register, Track
from yjd.schema import ALL

_NOT_YET = ("censored", "not_available")  # a period that cannot be judged yet is not the latest
COLUMNS = (
    "recommendation", "track", "measure", "area", "level", "group", "reference", "baseline", "baseline_run", "period",
    "base_rate", "base_ratio", "kind", "per", "better", "target_rate", "target_ratio", "target_date",
)  # fmt: skip


def comparisons(register: Register, rows: pd.DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each track, group and area.

    Parameters
    ----------
    register : Register
        The recommendations.
    rows : DataFrame
        From `yjd.progress.changes.released_rows`.
    manifest : mapping
        What release.json says.

    Returns
    -------
    DataFrame
        `COLUMNS`: baseline is '' where it is a value, period '' where the release has none, better -1 where lower is
        better for children and 1 where higher is. Rates are on the scale of the measure. A measure that the release
        does not have has kind ''.
    """
    measures = {measure["id"]: measure for measure in manifest["measures"]}
    detailed = set(manifest["groups"]["detailed"]) - set(manifest["groups"]["broad"])
    last = _latest(rows, manifest)
    found: list[tuple[object, ...]] = []
    for recommendation, place, track in register.tracks():
        measure = measures.get(track.measure, {})
        base, target = track.baseline, track.target
        found += [
            (
                recommendation.id, place, track.measure, area,
                "detailed" if {group, track.reference} & detailed else "broad",
                group, track.reference, base.period or "", base.run, track.period or _period(track, last, manifest),
                base.rate, base.ratio, measure.get("kind", ""), measure.get("per", 1),
                _better(track, measure.get("adverse", "higher")),
                target.rate if target else None, target.ratio if target else None, target.date if target else "",
            )
            for group in track.groups for area in track.areas
        ]  # fmt: skip
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    numbers = ["base_rate", "base_ratio", "per", "better", "target_rate", "target_ratio"]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def _better(track: Track, adverse: str) -> float:
    better = track.better or ("higher" if adverse == "lower" else "lower")
    return 1.0 if better == "higher" else -1.0


def _latest(rows: pd.DataFrame, manifest: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The latest period of each kind that each measure can be judged in."""
    kinds = pd.DataFrame(manifest["periods"])
    whole = rows[
        (rows["quantity"] == "rate") & (rows["area"] == ALL) & (rows["group"] == ALL) & ~rows["status"].isin(_NOT_YET)
    ]
    joined = whole.merge(kinds[["period", "kind", "end"]], on="period").sort_values("end")
    newest = joined.drop_duplicates(["measure", "kind"], keep="last")
    return {(str(row.measure), str(row.kind)): str(row.period) for row in newest.itertuples()}


def _period(track: Track, last: Mapping[tuple[str, str], str], manifest: Mapping[str, Any]) -> str:
    kinds = {entry["period"]: entry["kind"] for entry in manifest["periods"]}
    headline = manifest["headline"]["period"]
    kind = kinds.get(track.baseline.period or headline, kinds.get(headline, ""))
    return last.get((track.measure, kind), "")
