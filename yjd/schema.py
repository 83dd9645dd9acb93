"""Every table's columns, declared once."""

from __future__ import annotations

RESULT_KEYS = (
    "measure", "quantity", "period", "area", "sex", "age_band", "level", "group", "reference", "rung", "confidence",
)  # fmt: skip
RESULT_VALUES = (
    "numerator", "denominator", "reference_numerator", "reference_denominator",
    "estimate", "lower", "upper", "p_value", "q_value", "method", "status", "disclosure",
)  # fmt: skip
RESULT_COLUMNS = RESULT_KEYS + RESULT_VALUES

CELL_KEYS = ("stage", "period", "area", "sex", "age_band", "level", "group")
CELL_COLUMNS = (*CELL_KEYS, "n", "status", "disclosure")
CUBE_COLUMNS = ("stage", "period", "area", "ethnicity", "sex", "age_band", "n")

ALL = "All"  # a dimension that is not split
KNOWN = "Known"  # every child whose ethnicity is known
UNKNOWN = "Unknown"
HIDDEN = ("primary", "secondary")  # values of `disclosure` that blank a row
