"""The comparisons that a register asks for, one row each, as a release can answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from yjd.judged import judged_periods
from yjd.recommendations import Register, Track

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
        `COLUMNS`: baseline is '' where it is a value; period is the measure's (`yjd.judged`), '' where the release has
        none of the kind; better is -1 where lower is better for children and 1 where higher is. Rates are on the scale
        of the measure. A measure that the release does not have has kind ''.
    """
    measures = {measure["id"]: measure for measure in manifest["measures"]}
    detailed = set(manifest["groups"]["detailed"]) - set(manifest["groups"]["broad"])
    kinds = {_kind(track, manifest) for _, _, track in register.tracks()}
    last = {kind: judged_periods(rows, manifest, kind=kind) for kind in kinds}
    found: list[tuple[object, ...]] = []
    for recommendation, place, track in register.tracks():
        measure = measures.get(track.measure, {})
        base, target = track.baseline, track.target
        found += [
            (
                recommendation.id, place, track.measure, area,
                "detailed" if {group, track.reference} & detailed else "broad",
                group, track.reference, base.period or "", base.run,
                track.period or last[_kind(track, manifest)].get(track.measure, ""),
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


def _kind(track: Track, manifest: Mapping[str, Any]) -> str:
    """The kind of period that a track compares: its baseline's, or the headline's."""
    kinds = {entry["period"]: str(entry["kind"]) for entry in manifest["periods"]}
    headline = manifest["headline"]["period"]
    return kinds.get(track.baseline.period or headline, kinds.get(headline, ""))
