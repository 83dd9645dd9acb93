"""Results as every metric lays them out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.metrics.counts import STRATUM, USABLE, Side
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import RESULT_COLUMNS

_KEEP_COUNTS = (
    *USABLE, "no_events", "no_reference", "no_denominator", "inconsistent",
    "too_few", "not_comparable", "not_converged",
    "parity_possible", "no_difference",
)  # fmt: skip


@dataclass(frozen=True)
class Estimates:
    """What a metric found. Shapes: estimate, p_value (rows,); lower, upper, method (rows, levels)."""

    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    method: StrArray
    p_value: FloatArray | None = None


def lay_out(
    frame: pd.DataFrame,
    quantity: str,
    *,
    levels: FloatArray,
    own: Side,
    status: StrArray,
    found: Estimates,
    against: Side | None = None,
    reference: str = "",
    term: str | StrArray = "",
) -> pd.DataFrame:
    """Rows of the results table, the levels of one row next to each other.

    This is the one place that blanks: estimates unless the status is usable, counts too where a cell is
    hidden or the input carried a status of its own, so no metric can let a hidden number through.
    """
    times = len(levels)
    hidden = own.hidden | (status == "hidden")
    if against is not None:
        hidden |= against.hidden
    status = np.where(hidden, "hidden", status)
    usable, keep = np.isin(status, USABLE), np.isin(status, _KEEP_COUNTS)
    blank = np.full(len(frame), np.nan)
    columns: dict[str, object] = {name: frame[name].to_numpy().repeat(times) for name in (*STRATUM, "group")}
    columns |= {
        "quantity": quantity,
        "reference": reference,
        "rung": "",
        "term": np.broadcast_to(np.asarray(term, dtype=object), len(frame)).repeat(times),
        "confidence": np.tile(levels, len(frame)),
    }
    counts = {"numerator": own.numerator, "denominator": own.denominator}
    counts["reference_numerator"] = blank if against is None else against.numerator
    counts["reference_denominator"] = blank if against is None else against.denominator
    columns |= {name: np.where(keep, values, np.nan).repeat(times) for name, values in counts.items()}
    p_value = blank if found.p_value is None else found.p_value
    for name, values in (("estimate", found.estimate), ("p_value", p_value), ("q_value", blank)):
        columns[name] = np.where(usable, values, np.nan).repeat(times)
    columns |= {name: np.where(usable[:, None], limit, np.nan).ravel()
                for name, limit in (("lower", found.lower), ("upper", found.upper))}  # fmt: skip
    columns["method"] = np.where(usable[:, None], found.method, "").ravel()
    columns["status"] = status.repeat(times)
    columns["disclosure"] = _shown_as(own, against, hidden).repeat(times)
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(frame) * times))[list(RESULT_COLUMNS)]
    text = (*STRATUM, "quantity", "group", "reference", "rung", "term", "method", "status", "disclosure")
    return table.astype(dict.fromkeys(text, "str"))


def _shown_as(own: Side, against: Side | None, hidden: NDArray[np.bool_]) -> StrArray:
    """Primary only where the row's own cell is; rounded where any input is."""
    rounded = own.disclosure == "rounded"
    if against is not None:
        rounded |= against.disclosure == "rounded"
    return np.select(
        [own.disclosure == "primary", hidden, rounded], ["primary", "secondary", "rounded"], "shown"
    ).astype(np.str_)
