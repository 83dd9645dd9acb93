"""Counts worked back from what was computed of them: rates, shares, ratios, excess and the limits of intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from yjd.schema import CELL_KEYS, KNOWN

if TYPE_CHECKING:
    import pandas as pd

INVERTED_COLUMNS = (*CELL_KEYS, "attack", "low", "high")
_MOST = 20_000  # limits are tried for counts up to this
_NEAR = 1e-6
_ROUNDED = 8  # numbers with more decimals were not rounded
_RATES = ("rate", "funnel", "control")
_BESIDE = {"rri": "rri", "representation_ratio": "rri", "difference": "difference", "excess": "excess"}
_OF_CELL = ("period", "area", "sex", "age_band", "deprivation", "level", "group")
Key = tuple[str, ...]


def inverted_counts(
    results: pd.DataFrame, measures: Sequence[Mapping[str, Any]], published: pd.DataFrame
) -> pd.DataFrame:
    """Work counts back from every shown estimate or limit of a row whose own count is not shown as it is.

    Parameters
    ----------
    results : DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`.
    measures : sequence of mapping
        As in release.json: id, numerator, denominator, kind and per (1 where it is not given).
    published : DataFrame
        From `yjd.disclosure.published.published_cells` of the same results.

    Returns
    -------
    DataFrame
        `CELL_KEYS`, attack, low and high: between what a count must lie for the shown number to be what it is.
        Attacks: ``rate x denominator``, ``share x total``, ``ratio``, ``difference``, ``excess``, and ``interval
        inversion`` (Garwood's, Byar's and Wilson's limits). In a sound release there are none, since a row is
        hidden as a whole.
    """
    import pandas as pd

    known = _Known(published)
    digits = {
        column: {str(name): _last_digit(own) for name, own in results.groupby("quantity")[column]}
        for column in ("estimate", "upper")
    }
    named = {str(one["id"]): one for one in measures}
    numbers = results[["estimate", "lower", "upper"]].notna().any(axis=1)
    asked = results[numbers & results["measure"].isin(list(named)) & (results["rung"] == "")]
    asked = asked[asked["quantity"].isin([*_RATES, *_BESIDE, "composition"])]
    stage = asked["measure"].map({name: str(one["numerator"]) for name, one in named.items()}).astype("str")
    asked = asked.assign(stage=stage, **{
        f"last_{column}": asked["quantity"].map(last).astype("float64") for column, last in digits.items()
    })  # fmt: skip
    found = [
        (*_key(row, str(one["numerator"])), attack, low, high)
        for row in _records(asked[~known.has_exactly(asked)])
        for one in (named[str(row["measure"])],)
        for attack, low, high in _attacks(row, one, known)
    ]
    return pd.DataFrame(found, columns=list(INVERTED_COLUMNS)).drop_duplicates(ignore_index=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _last_digit(numbers: pd.Series) -> float:
    """Half of the last digit to which the numbers of a quantity are printed; 0 of numbers that were not rounded."""
    values = numbers.dropna().unique()
    digits = max((len(repr(float(value)).partition(".")[2].rstrip("0")) for value in values), default=0)
    return 0.0 if digits > _ROUNDED or any("e" in repr(float(value)) for value in values) else 0.5 * 10.0**-digits


class _Known:
    """Counts that are shown as they are, by key."""

    def __init__(self, published: pd.DataFrame) -> None:
        cells = published[published["terms"].isna()] if "terms" in published else published
        cells = cells[(cells["disclosure"] == "shown") & cells["n"].notna()]
        self._counts = {tuple(key): float(n) for *key, n in cells[[*CELL_KEYS, "n"]].itertuples(index=False, name=None)}

    def has_exactly(self, rows: pd.DataFrame) -> np.ndarray:
        """Which rows have a numerator that is shown as it is."""
        return np.array(
            [key in self._counts for key in rows[list(CELL_KEYS)].itertuples(index=False, name=None)], dtype=bool
        )

    def count(self, key: Key) -> float:
        """A shown count; NaN where there is none."""
        return self._counts.get(key, np.nan)


def _key(row: Mapping[str, Any], stage: str, **other: str) -> Key:
    return (stage, *(other.get(name, str(row[name])) for name in _OF_CELL))


def _first(*values: float) -> float:
    """The first that is known."""
    return next((value for value in values if value == value), np.nan)


def _attacks(row: Mapping[str, Any], measure: Mapping[str, Any], known: _Known) -> Iterator[tuple[str, float, float]]:
    quantity, per = str(row["quantity"]), float(measure.get("per", 1))
    above, below = str(measure["numerator"]), str(measure["denominator"])
    own = known.count(_key(row, below))
    # a denominator that is itself rounded gives nothing exactly
    base = _first(own, np.nan if _is_rounded(row) else row["denominator"])
    if quantity in _RATES:
        yield from _around("rate x denominator", row, base / per)
        if quantity == "rate":
            yield from _from_limits(row, base, per, str(measure.get("kind", "rate")))
    elif quantity == "composition":
        total = _first(known.count(_key(row, above, group=KNOWN)), row["denominator"])
        yield from _around("share x total", row, total / 100)
    else:
        group = KNOWN if row["reference"] == "everyone" else str(row["reference"])
        events = _first(row["reference_numerator"], known.count(_key(row, above, group=group)))
        others = _first(row["reference_denominator"], known.count(_key(row, below, group=group)))
        yield from _beside(_BESIDE[quantity], row, base, per, events, others)


def _is_rounded(row: Mapping[str, Any]) -> bool:
    return bool(row.get("disclosure") == "rounded")


def _beside(
    kind: str, row: Mapping[str, Any], base: float, per: float, events: float, others: float
) -> Iterator[tuple[str, float, float]]:
    expected = base * events / others if others else np.nan
    if kind == "rri":
        yield from _around("ratio", row, expected)
    elif kind == "difference":
        yield from _around("difference", row, base / per, expected)
    else:
        yield from _around("excess", row, 1.0, expected)


def _around(attack: str, row: Mapping[str, Any], times: float, plus: float = 0.0) -> Iterator[tuple[str, float, float]]:
    """The counts that give a shown number, which may have been rounded in its last digit."""
    value, slack = float(row["estimate"]) * times + plus, abs(times) * float(row["last_estimate"])
    if not np.isfinite(value):
        return
    slack += _NEAR * max(1.0, abs(value))
    low, high = np.ceil(value - slack), np.floor(value + slack)
    if low <= high:
        yield attack, max(float(low), 0.0), float(high)


def _from_limits(row: Mapping[str, Any], base: float, per: float, kind: str) -> Iterator[tuple[str, float, float]]:
    """The counts whose interval is the shown one."""
    lower, upper, method = float(row["lower"]), float(row["upper"]), str(row["method"])
    if not (np.isfinite(base) and base > 0 and np.isfinite(upper)) or method.endswith("_by_child"):
        return
    n = np.arange(0.0, min(base if kind == "proportion" else _MOST, _MOST) + 1)
    limits = _limits(n, base, float(row["confidence"]), kind, method)
    near = np.ones(len(n), dtype=bool)
    for shown, of_count in zip((lower, upper), limits, strict=True):
        slack = max(float(row["last_upper"]), _NEAR * abs(shown)) + 1e-9
        near &= np.abs(of_count * per - shown) <= slack
    if near.any():
        yield "interval inversion", float(n[near].min()), float(n[near].max())


def _limits(n: np.ndarray, base: float, level: float, kind: str, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Limits for every count, for 1 of the base: Wilson 1927; Garwood 1936; Breslow and Day 1987."""
    tail = (1 - level) / 2
    z = float(special.ndtri(1 - tail))
    if kind == "proportion" or method == "wilson":
        share = n / base
        middle, half = share + z**2 / (2 * base), z * np.sqrt(share * (1 - share) / base + z**2 / (4 * base**2))
        return (middle - half) / (1 + z**2 / base), (middle + half) / (1 + z**2 / base)
    exact = np.where(n > 0, special.gammaincinv(np.maximum(n, 1), tail), 0.0), special.gammainccinv(n + 1, tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = n * (1 - 1 / (9 * n) - z / (3 * np.sqrt(n))) ** 3
    high = (n + 1) * (1 - 1 / (9 * (n + 1)) + z / (3 * np.sqrt(n + 1))) ** 3
    if method == "garwood":
        return exact[0] / base, exact[1] / base
    return np.where(n > 0, low, 0.0) / base, high / base
