"""Rows of a release by what they are about: a page asks for a few hundred of some hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from yjd.errors import RenderingError
from yjd.schema import ALL, RESULT_COLUMNS, RESULT_VALUES

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
NUMBERS = ("confidence", *(name for name in RESULT_VALUES if name not in ("method", "status", "disclosure")))
TEXTS = tuple(name for name in RESULT_COLUMNS if name not in NUMBERS)
_KEY = ("measure", "quantity", "area", "period", "level")
_WHOLE = ("sex", "age_band", "deprivation")  # no report splits by these


class RowIndex:
    """The rows of all children of an area, found by measure, quantity, area, period and level.

    Each column is read once, as numbers or as codes of its labels; a row becomes a mapping only when it is asked
    for, and is kept.

    Parameters
    ----------
    results : DataFrame
        Released results, columns `yjd.schema.RESULT_COLUMNS`.
    """

    def __init__(self, results: pd.DataFrame) -> None:
        import pandas as pd

        missing = [name for name in RESULT_COLUMNS if name not in results.columns]
        if missing:
            raise RenderingError(
                f"results of the release lack the columns {', '.join(missing)}.",
                "Make the release again with this version of yjd.",
            )
        whole = (results[list(_WHOLE)] == ALL).all(axis=1).to_numpy(dtype=bool)
        frame = results.loc[whole]
        self._numbers = {
            name: pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype="float64") for name in NUMBERS
        }
        self._codes: dict[str, np.ndarray[Any, Any]] = {}
        self._labels: dict[str, list[str]] = {}
        for name in TEXTS:
            codes, labels = pd.factorize(frame[name])
            self._codes[name] = codes  # -1, the last of the labels, is nothing
            self._labels[name] = [*map(str, labels), ""]
        self._code_of = {name: {label: code for code, label in enumerate(self._labels[name])} for name in _KEY}
        self._order, self._bounds = self._sort()
        self._read: dict[tuple[str, ...], list[Row]] = {}

    def _sort(self) -> tuple[np.ndarray[Any, Any], dict[int, tuple[int, int]]]:
        """Places sorted by key, the rows of a key in their own order, and where each key begins and ends."""
        combined = np.zeros(len(self._codes["measure"]), dtype=np.int64)
        for name in _KEY:
            combined = combined * len(self._labels[name]) + self._codes[name] % len(self._labels[name])
        order = np.argsort(combined, kind="stable")
        keys, starts = np.unique(combined[order], return_index=True)
        ends = [*starts[1:].tolist(), len(order)][: len(keys)]
        return order, {key: (start, end) for key, start, end in zip(keys.tolist(), starts.tolist(), ends, strict=True)}

    def rows(self, measure: str, quantity: str, area: str, period: str, level: str) -> list[Row]:
        """Every row of a key, of every group, reference, rung, term and confidence, in the release's order."""
        key = (measure, quantity, area, period, level)
        if key not in self._read:
            start, end = self._bounds.get(self._combined(key), (0, 0))
            self._read[key] = [self._row(place) for place in self._order[start:end].tolist()]
        return self._read[key]

    def _combined(self, key: tuple[str, ...]) -> int:
        combined = 0
        for name, label in zip(_KEY, key, strict=True):
            code = self._code_of[name].get(label)
            if code is None:
                return -1
            combined = combined * len(self._labels[name]) + code
        return combined

    def _row(self, place: int) -> Row:
        row: dict[str, Any] = {name: self._labels[name][self._codes[name][place]] for name in TEXTS}
        return row | {name: float(self._numbers[name][place]) for name in NUMBERS}

    def places(self, **labels: str) -> np.ndarray[Any, Any]:
        """Whether each row has these labels; for questions about the release as a whole."""
        held = np.ones(len(self._codes["measure"]), dtype=bool)
        for name, label in labels.items():
            code = self._labels[name].index(label) if label in self._labels[name] else -2
            held &= self._codes[name] % len(self._labels[name]) == code
        return held

    def values(self, name: str, held: np.ndarray[Any, Any] | None = None) -> set[str]:
        """The labels of a column, of all rows or of some."""
        codes = self._codes[name] if held is None else self._codes[name][held]
        return {self._labels[name][code] for code in np.unique(codes).tolist()}

    def pairs(self, first: str, second: str, held: np.ndarray[Any, Any] | None = None) -> set[tuple[str, str]]:
        """The pairs of labels of two columns that occur together."""
        width = len(self._labels[second])
        codes = self._codes[first].astype(np.int64) % len(self._labels[first]) * width + self._codes[second] % width
        found = np.unique(codes if held is None else codes[held]).tolist()
        return {(self._labels[first][code // width], self._labels[second][code % width]) for code in found}
