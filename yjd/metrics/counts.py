"""Counts as every metric reads them: checked, with their totals to be looked up."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import ALL, DISCLOSURES, HIDDEN, KNOWN, SPLITS, UNKNOWN

Kind = Literal["proportion", "rate"]

STRATUM = ("measure", "period", *SPLITS, "level")
NOT_GROUPS = (ALL, KNOWN, UNKNOWN)  # rows that are never compared with a reference
OTHERS, EVERYONE = "others", "everyone"

_ABSENT = {"measure": "", "level": ""}  # other keys: All
_STATUSES = ("ok", "break", "not_available", "censored")  # from best to worst
USABLE = ("ok", "break")
CHILD_SUMS = ("numerator_squares", "products", "denominator_squares")


Reason = tuple[NDArray[np.bool_], str | StrArray]  # where it holds, and the status it gives


@dataclass(frozen=True)
class Side:
    """One side of a comparison, one value per row: all arrays have shape (rows,), `sums` has (rows, 3).

    `sums` are sums over children: of the squares of each child's events, of events times the child's part of
    the base, of the squares of that part. NaN where they are not known; the events then count as independent.
    """

    numerator: FloatArray
    denominator: FloatArray
    status: StrArray
    disclosure: StrArray
    sums: FloatArray | None = None

    @property
    def child_sums(self) -> FloatArray:
        """The sums over children, NaN where there are none, shape (rows, 3)."""
        return np.full((len(self.numerator), len(CHILD_SUMS)), np.nan) if self.sums is None else self.sums

    @property
    def by_child(self) -> NDArray[np.bool_]:
        """Which rows have all three sums over children."""
        return np.asarray(~np.isnan(self.child_sums).any(axis=1))

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """Which rows disclosure control keeps back."""
        return np.asarray(np.isin(self.disclosure, HIDDEN))

    def at(self, position: NDArray[np.intp]) -> Side:
        """Take the rows at these positions; -1 is a row that is not there, with status no_reference."""
        absent = position < 0
        return Side(
            np.where(absent, np.nan, self.numerator[position]),
            np.where(absent, np.nan, self.denominator[position]),
            np.where(absent, "no_reference", self.status[position]),
            np.where(absent, "shown", self.disclosure[position]),
            None if self.sums is None else np.where(absent[:, None], np.nan, self.sums[position]),
        )

    def where(self, condition: NDArray[np.bool_], other: Side) -> Side:
        """Take this side where the condition holds, the other elsewhere."""
        return Side(
            np.where(condition, self.numerator, other.numerator),
            np.where(condition, self.denominator, other.denominator),
            np.where(condition, self.status, other.status),
            np.where(condition, self.disclosure, other.disclosure),
            np.where(condition[:, None], self.child_sums, other.child_sums),
        )

    def plus(self, other: Side, sign: Literal[1, -1] = 1) -> Side:
        """Add (or take away) counts, with the worse status and the more closed disclosure of the two."""
        status = np.where(np.isin(self.status, USABLE), other.status, self.status)
        either_break = (self.status == "break") & (other.status == "ok")
        closed = np.maximum(_rank(self.disclosure, DISCLOSURES), _rank(other.disclosure, DISCLOSURES))
        return Side(
            self.numerator + sign * other.numerator,
            self.denominator + sign * other.denominator,
            np.where(either_break, "break", status),
            np.array(DISCLOSURES)[closed],
            self.child_sums + sign * other.child_sums,  # each child is in one group
        )


def first_reason(reasons: Sequence[Reason], otherwise: str | StrArray) -> StrArray:
    """For every row, the first status whose condition holds."""
    chosen = np.asarray(otherwise, dtype=np.str_)
    for when, why in reversed(reasons):
        chosen = np.where(when, np.asarray(why, dtype=np.str_), chosen)
    return chosen


def _rank(values: StrArray, order: Sequence[str]) -> NDArray[np.intp]:
    """Place of each value in the order; a value that is not in it counts as not_available (place 2)."""
    return np.select([values == word for word in order], list(range(len(order))), 2)


def check_kind(kind: str) -> None:
    """Refuse a kind that is not one of `Kind`."""
    if kind not in get_args(Kind):
        raise EstimationError("The kind of a measure is `proportion` or `rate`.", "Give kind one of the two.")


def check_per(per: float) -> None:
    """Refuse a scale that is not above 0."""
    if not (np.isfinite(per) and per > 0):
        raise EstimationError("The scale `per` must be a number above 0.", "Give for example per=100 or per=1000.")


def confidence_levels(confidence: float | Sequence[float]) -> FloatArray:
    """Return the levels asked for as an array; each lies strictly between 0 and 1."""
    levels = np.atleast_1d(np.asarray(confidence, dtype=np.float64))
    if levels.ndim != 1 or levels.size == 0 or not ((levels > 0) & (levels < 1)).all():
        raise EstimationError(
            "A confidence level must lie between 0 and 1.",
            "Write 95 per cent as 0.95; give one or more levels.",
        )
    return levels


def prepare(counts: pd.DataFrame) -> pd.DataFrame:
    """Copy a counts frame, checked, with every key, a fresh index and float counts.

    Columns beyond the keys are left out; if rows differ only in those, that is an error, not a sum.
    """
    missing = [name for name in ("group", "numerator", "denominator") if name not in counts.columns]
    if missing:
        raise EstimationError(f"The counts have no column {', '.join(missing)}.", "Add it, or rename a column to it.")
    columns: dict[str, object] = {name: _text(counts, name, _ABSENT.get(name, ALL)) for name in STRATUM}
    columns["group"] = _text(counts, "group", "")
    columns |= {name: _numbers(counts[name], name) for name in ("numerator", "denominator")}
    unknown = pd.Series(np.full(len(counts), np.nan))
    columns |= {name: _numbers(counts.get(name, unknown), name) for name in CHILD_SUMS}
    columns["status"] = _text(counts, "status", "ok")
    columns["disclosure"] = _text(counts, "disclosure", "shown")
    frame = pd.DataFrame(columns)
    if not frame["disclosure"].isin(DISCLOSURES).all():
        raise EstimationError(
            "The column disclosure holds a word that is not a disclosure.", f"Use {', '.join(DISCLOSURES)}."
        )
    repeated = int(frame.duplicated([*STRATUM, "group"]).sum())
    if repeated:
        raise EstimationError(
            f"{repeated} rows of the counts repeat the keys of another row.",
            "Sum the counts first, or keep the rows of one split only.",
        )
    return frame


def _text(counts: pd.DataFrame, name: str, default: str) -> pd.Series:
    if name not in counts.columns:
        return pd.Series(np.full(len(counts), default), dtype="str")
    values = counts[name]
    if values.isna().any():
        raise EstimationError(
            f"The column {name} is blank in {int(values.isna().sum())} rows of the counts.",
            "Write All where a dimension is not split and Unknown where the value is not known.",
        )
    return values.astype("str").reset_index(drop=True)


def _numbers(values: pd.Series, name: str) -> FloatArray:
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise EstimationError(
            f"The column {name} of the counts holds text.", "Give numbers, blank if hidden."
        ) from None
    wrong = int(((numbers < 0) | np.isinf(numbers)).sum())
    if wrong:
        raise EstimationError(
            f"The column {name} of the counts is negative or infinite in {wrong} rows.", "Counts start at 0."
        )
    return np.array(numbers)


@dataclass(frozen=True)
class Counts:
    """A prepared frame with its strata numbered, ready to be looked up in. Arrays have shape (rows,).

    Every metric takes it in the place of a frame, so that many metrics of one frame check it once.
    """

    frame: pd.DataFrame
    stratum: NDArray[np.intp]
    own: Side
    found: dict[Hashable, Any] = field(default_factory=dict, compare=False)  # what was worked out of it before

    @classmethod
    def of(cls, counts: pd.DataFrame | Counts) -> Counts:
        """Check a counts frame and number its strata."""
        return counts if isinstance(counts, Counts) else cls._prepared(prepare(counts))

    @classmethod
    def _prepared(cls, frame: pd.DataFrame) -> Counts:
        status, disclosure = (frame[name].to_numpy(dtype=str) for name in ("status", "disclosure"))
        numerator, denominator = (frame[name].to_numpy(dtype=np.float64) for name in ("numerator", "denominator"))
        # a count that is simply absent is not available; a base that is absent is each metric's to judge
        gone = np.isnan(numerator) & np.isin(status, USABLE)
        sums = np.where(np.isin(disclosure, HIDDEN)[:, None], np.nan, frame[list(CHILD_SUMS)].to_numpy(np.float64))
        own = Side(numerator, denominator, np.where(gone, "not_available", status), disclosure, sums)
        stratum = frame.groupby(list(STRATUM), sort=False).ngroup().to_numpy().astype(np.intp)
        return cls(frame, stratum, own)

    def where(self, kept: NDArray[np.bool_]) -> Counts:
        """Some of the rows."""
        return self if kept.all() else self._prepared(self.frame[kept].reset_index(drop=True))

    @property
    def is_group(self) -> NDArray[np.bool_]:
        """Which rows are groups, and not All, Known or Unknown."""
        return ~self.frame["group"].isin(NOT_GROUPS).to_numpy(dtype=bool)

    def named(self, group: str) -> Side:
        """For every row, the row of this group in the same stratum."""
        position = np.full(self._strata, -1, dtype=np.intp)
        found = np.flatnonzero((self.frame["group"] == group).to_numpy(dtype=bool))
        position[self.stratum[found]] = found
        return self.own.at(position[self.stratum])

    def known(self) -> Side:
        """For every row, all children of known ethnicity: the Known row, else the sum of the groups."""
        row = self.named(KNOWN)
        return row.where(self._has(KNOWN), self._sum_of_groups())

    def unknown(self) -> Side:
        """For every row, children of unknown ethnicity: the Unknown row, else All less Known."""
        row, derived = self.named(UNKNOWN), self.named(ALL).plus(self.named(KNOWN), -1)
        return row.where(self._has(UNKNOWN), derived)

    def everybody(self) -> Side:
        """For every row, all children whether known or not: the All row, else Known plus Unknown."""
        row, derived = self.named(ALL), self.known().plus(self.named(UNKNOWN))
        return row.where(self._has(ALL), derived)

    @property
    def _strata(self) -> int:
        return int(self.stratum.max(initial=-1)) + 1

    def _has(self, group: str) -> NDArray[np.bool_]:
        present = np.zeros(self._strata, dtype=bool)
        present[self.stratum[(self.frame["group"] == group).to_numpy(dtype=bool)]] = True
        return present[self.stratum]

    def _sum_of_groups(self) -> Side:
        groups, size = self.is_group, self._strata
        within = self.stratum[groups]

        def total(values: FloatArray) -> FloatArray:
            return np.bincount(within, weights=values[groups], minlength=size).astype(np.float64)[self.stratum]

        def worst(values: StrArray, order: Sequence[str]) -> StrArray:
            place = np.zeros(size, dtype=np.intp)
            np.maximum.at(place, within, _rank(values, order)[groups])
            return np.array(order)[place[self.stratum]]

        return Side(
            total(self.own.numerator), total(self.own.denominator),
            worst(self.own.status, _STATUSES), worst(self.own.disclosure, DISCLOSURES),
            np.column_stack([total(values) for values in self.own.child_sums.T]),
        )  # fmt: skip
