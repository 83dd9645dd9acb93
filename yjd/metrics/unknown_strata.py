"""The finest strata of known and unknown children, checked and in one form."""

from __future__ import annotations

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import STRATUM, Kind, check_kind
from yjd.metrics.intervals import FloatArray
from yjd.schema import ALL, KNOWN, SPLITS

OFFICER = "officer"  # the column of officer-observed ethnicity; any text will do

_KEYS = (*STRATUM, OFFICER, "event")


def tall_strata(strata: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """Check the strata and bring them into one form: keys, officer, group, event and n above 0."""
    check_kind(kind)
    both = {"numerator", "denominator"} <= set(strata.columns)
    needed = {"group"} | (set() if both else {"n"} if kind == "rate" else {"n", "event"})
    if absent := sorted(needed - set(strata.columns)):
        raise EstimationError(f"The strata have no column {', '.join(absent)}.", "Add it, or rename a column to it.")
    frame = strata.assign(event=1) if "event" not in strata.columns else strata.copy(deep=False)
    for name in (*STRATUM, OFFICER):
        if name not in strata.columns:
            frame[name] = ALL if name in ("period", *SPLITS) else ""
    if both:
        above, below = _number(frame["numerator"]), _number(frame["denominator"])
        if kind == "proportion":
            below = np.maximum(below - above, 0.0)
        frame = pd.concat([frame.assign(event=1, n=above), frame.assign(event=0, n=below)], ignore_index=True)
    frame = frame[[*_KEYS, "group", "n"]].reset_index(drop=True)
    n, event = _number(frame["n"]), frame["event"].to_numpy(dtype=np.float64, na_value=np.nan)
    if frame.isna().to_numpy()[:, :-1].any() or not np.isin(event, (0, 1)).all():
        raise EstimationError(
            "The strata have a blank key, or an event that is not 0 or 1.",
            "Write All where a dimension is not split and Unknown where the value is not known.",
        )
    text = dict.fromkeys((*STRATUM, OFFICER, "group"), "str")
    frame = frame.astype(text).assign(event=event.astype(np.int64), n=n)
    counted: pd.DataFrame = frame[(n > 0) & ~frame["group"].isin([ALL, KNOWN]).to_numpy(dtype=bool)]
    return counted


def _number(values: pd.Series) -> FloatArray:
    """Counts, with nothing counted where there is no count: a public base has no unknown."""
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise EstimationError("The counts of the strata hold text.", "Give numbers.") from None
    if ((numbers < 0) | np.isinf(numbers)).any():
        raise EstimationError("The strata hold a count below 0 or without end.", "Counts start at 0.")
    return np.asarray(np.nan_to_num(numbers), dtype=np.float64)
