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
    rows = np.arange(len(frame)).repeat(times)

    def words(values: str | StrArray) -> pd.api.extensions.ExtensionArray:
        if isinstance(values, str):
            return _texts(np.array([values])).take(np.zeros(len(rows), dtype=np.intp))
        return _texts(values).take(rows)

    # the keys are texts already; a DataFrame that had to convert every column would cost more than all the rest
    columns: dict[str, object] = {name: frame[name].array.take(rows) for name in (*STRATUM, "group")}
    columns |= {name: words(text) for name, text in (("quantity", quantity), ("reference", reference), ("rung", ""))}
    columns |= {"term": words(term), "confidence": np.tile(levels, len(frame))}
    counts = {"numerator": own.numerator, "denominator": own.denominator}
    counts["reference_numerator"] = blank if against is None else against.numerator
    counts["reference_denominator"] = blank if against is None else against.denominator
    columns |= {name: np.where(keep, values, np.nan).repeat(times) for name, values in counts.items()}
    p_value = blank if found.p_value is None else found.p_value
    for name, values in (("estimate", found.estimate), ("p_value", p_value), ("q_value", blank)):
        columns[name] = np.where(usable, values, np.nan).repeat(times)
    columns |= {name: np.where(usable[:, None], limit, np.nan).ravel()
                for name, limit in (("lower", found.lower), ("upper", found.upper))}  # fmt: skip
    columns["method"] = _texts(np.where(usable[:, None], found.method, "").ravel())
    columns |= {"status": words(status), "disclosure": words(_shown_as(own, against, hidden))}
    return pd.DataFrame({name: columns[name] for name in RESULT_COLUMNS}, copy=False)


def _texts(values: StrArray) -> pd.api.extensions.ExtensionArray:
    return pd.array(values.astype(object), dtype="str")


def _shown_as(own: Side, against: Side | None, hidden: NDArray[np.bool_]) -> StrArray:
    """Hidden where the row is; rounded where any input is."""
    rounded = own.disclosure == "rounded"
    if against is not None:
        rounded |= against.disclosure == "rounded"
    return np.select([hidden, rounded], ["hidden", "rounded"], "shown").astype(np.str_)


def to_figures(values: FloatArray, figures: int | None, *, like: FloatArray | float = 0.0) -> FloatArray:
    """Round to significant figures, or not at all; to the decimals of `like` with so many where that is larger."""
    if figures is None:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.fmax(np.abs(values), like)))
    scale = 10.0 ** (figures - 1 - np.where(np.isfinite(size), size, 0.0))
    return np.asarray(np.round(values * scale) / scale + 0.0)  # 0, not -0
