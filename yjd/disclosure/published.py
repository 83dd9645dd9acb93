"""Every count that an outsider reads off the results of one release, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yjd.disclosure.audit_keys import Codes, Keys
from yjd.schema import ALL, CELL_KEYS, HIDDEN, KNOWN, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_COLUMNS = (*CELL_KEYS, "n", "disclosure", "low", "high", "terms")
_OTHERS, _EVERYONE = "others", "everyone"
_ABSENT = ("not_available", "censored")
_COARSE = 10  # counts of samples of models are rounded to this at least

# what stands in the columns of the counts, by quantity
_OF_GROUP = (
    "rate", "rri", "difference", "excess", "rri_bounds", "missing_explains", "rri_imputed", "missing_information",
    "rri_allocated", "representation", "representation_ratio", "change_rate", "change_rri", "funnel", "shrunken_rate",
    "control", "signal",
)  # fmt: skip
_COMPARED = (
    "rri", "difference", "excess", "rri_bounds", "missing_explains", "rri_imputed", "missing_information",
    "rri_allocated", "representation", "representation_ratio", "change_rri", "standardised_rri", "mh_ratio",
    "mh_homogeneity",
)  # fmt: skip
_WITHIN = ("standardised_rate", "standardised_rri", "standardised_ratio", "mh_ratio", "mh_homogeneity")
_ALONG = ("pathway_rri", "pathway_step", "pathway_share")
_TRENDS = ("trend_rate", "trend_rri")
_SAMPLES = ("adjusted_rate", "adjusted_rri", "stratum_rate", "stratum_rri")
Key = tuple[str, ...]


@dataclass(frozen=True)
class _Counts:
    """Counts of cells, as numbers of keys. `low` alone where a count says no more than that a cell is no less."""

    code: Codes
    n: NDArray[np.float64]
    rounded: NDArray[np.bool_]
    exact: bool = True


def published_cells(results: pd.DataFrame, measures: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Read the cells off the results of one release.

    Parameters
    ----------
    results : DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`, as `yjd.release.read_results` gives them.
    measures : sequence of mapping
        As in release.json: at least id, numerator and denominator of each.

    Returns
    -------
    DataFrame
        `PUBLISHED_COLUMNS`, one row for each cell: n, and shown or rounded; or blank and hidden, where a row of
        the release hides it and none shows it. A cell that the release shows with two different counts has two
        rows. Rows with `terms`, a tuple of (key, factor), are published sums of cells, between `low` and `high`.

    Notes
    -----
    A row that is not available says nothing. Where a measure has no cell for its denominator (residents of unknown
    ethnicity) the 0 in its place is not a count. Standardised rates count the strata that have weight alone, and the
    samples of models lack a few records: both say that a cell is no less.
    """
    import pandas as pd

    reader = _Reader.of(results, measures)
    cells = reader.cells()
    sums = pd.DataFrame(list(reader.sums()), columns=[*CELL_KEYS, "low", "high", "terms"])
    sums = sums.assign(n=sums["low"].where(sums["low"] == sums["high"], sums["low"]), disclosure="shown")
    frame = pd.concat([cells, sums[list(PUBLISHED_COLUMNS)]], ignore_index=True) if len(sums) else cells
    return frame[list(PUBLISHED_COLUMNS)]


@dataclass(frozen=True)
class _Reader:
    """Results with the key of every row's numerator, as a number; whether its measure counts events, and is a rate."""

    rows: pd.DataFrame
    keys: Keys
    code: Codes
    below: Codes  # the stage of the denominator
    of_events: NDArray[np.bool_]
    is_rate: NDArray[np.bool_]

    @classmethod
    def of(cls, results: pd.DataFrame, measures: Sequence[Mapping[str, Any]]) -> _Reader:
        """Find the stage of each row."""
        stages = {str(one["id"]): (str(one["numerator"]), str(one["denominator"])) for one in measures}
        kept = results["measure"].isin(list(stages)) | results["quantity"].isin(_ALONG)
        rows = results[kept & ~results["status"].isin(_ABSENT)].reset_index(drop=True)
        above = rows["measure"].map({name: pair[0] for name, pair in stages.items()})
        rows = rows.assign(stage=above.fillna(rows["term"]).astype("str"))
        words = {
            "stage": [name for pair in stages.values() for name in pair],
            "group": [str(word) for word in rows["reference"].unique()],
            "period": [str(word) for word in rows["term"].unique()],
        }
        keys = Keys.of([rows], {name: iter(list_) for name, list_ in words.items()})
        below = rows["measure"].map({name: keys.word("stage", pair[1]) for name, pair in stages.items()})
        return cls(
            rows, keys, keys.codes(rows), np.asarray(below.fillna(-1), dtype=np.int64),
            *(
                rows["measure"].isin([str(one["id"]) for one in measures if holds(one)]).to_numpy(dtype=bool)
                for holds in (lambda one: _unit(one) == "event", lambda one: one.get("kind") == "rate")
            ),
        )  # fmt: skip

    def cells(self) -> pd.DataFrame:
        """Every cell once, or as often as its counts differ."""
        import pandas as pd

        counts = [part for part in self._counts() if len(part.code)]
        hidden, may_be_absent = self._hidden()
        columns = [
            pd.DataFrame({"code": part.code, "n": part.n, "rounded": part.rounded, "exact": part.exact})
            for part in counts
        ]
        read = pd.concat(columns, ignore_index=True) if columns else pd.DataFrame(
            {"code": np.zeros(0, np.int64), "n": np.zeros(0), "rounded": np.zeros(0, bool), "exact": np.zeros(0, bool)}
        )  # fmt: skip
        read = read[read["n"].notna()]
        shown = read[read["exact"]].groupby(["code", "n"], as_index=False)[["rounded"]].any()
        # an exact count is one even where another row of it was marked as rounded for its reference's sake
        plain = np.unique(shown["code"].to_numpy())
        least = read[~read["exact"]].groupby("code")["n"].max()
        may_be_absent = may_be_absent[self._stage_shows_unknown(may_be_absent, plain)]
        gone = np.setdiff1d(np.unique(np.concatenate([hidden, may_be_absent])), plain)
        code = np.concatenate([shown["code"].to_numpy(), gone])
        frame = self.keys.frame(code)
        blank = np.full(len(gone), np.nan)
        low = pd.Series(code).map(least).to_numpy(dtype=np.float64)
        marks = [*np.where(shown["rounded"], "rounded", "shown"), *["hidden"] * len(gone)]
        return frame.assign(
            n=np.concatenate([shown["n"].to_numpy(dtype=np.float64), blank]),
            disclosure=pd.array(marks, dtype="str"),
            low=np.where(np.isin(code, gone), low, np.nan),
            high=np.nan,
            terms=None,
        )

    def _among(self, *names: str) -> NDArray[np.bool_]:
        return np.asarray(self.rows["quantity"].isin(names))

    def _part(self, chosen: NDArray[np.bool_], code: Codes, column: str, *, exact: bool = True) -> _Counts:
        n = self.rows.loc[chosen, column].to_numpy(dtype=np.float64)
        rounded = (self.rows.loc[chosen, "disclosure"] == "rounded").to_numpy(dtype=bool)
        return _Counts(code, n, rounded, exact)

    def _below(self, chosen: NDArray[np.bool_], code: Codes) -> Codes:
        return self.keys.replaced(code, "stage", self.below[chosen])

    def _mapped(self, column: str, to: str, chosen: NDArray[np.bool_]) -> Codes:
        """The words of a column of the results as words of a key."""
        numbered, words = self.rows.loc[chosen, column].factorize()
        table = np.array([self.keys.word(to, str(word)) for word in words], dtype=np.int64)
        return table[numbered] if len(words) else numbered.astype(np.int64)

    def _counts(self) -> Iterator[_Counts]:
        keys, plain = self.keys, self.rows["rung"].eq("").to_numpy(dtype=bool)
        no_base = self.rows["status"].eq("no_denominator").to_numpy(dtype=bool)
        for names, exact in ((_OF_GROUP, True), (_WITHIN, False)):
            chosen = self._among(*names) & plain
            yield self._part(chosen, self.code[chosen], "numerator", exact=exact)
            chosen = chosen & ~no_base
            yield self._part(chosen, self._below(chosen, self.code[chosen]), "denominator", exact=exact)
        yield from self._references(plain)
        chosen = self._among("change_rate") & plain
        earlier = keys.replaced(self.code[chosen], "period", self._mapped("term", "period", chosen))
        yield self._part(chosen, earlier, "reference_numerator")
        yield self._part(chosen, self._below(chosen, earlier), "reference_denominator")
        chosen = self._among("composition") & plain
        yield self._part(chosen, self.code[chosen], "numerator")
        unknown = keys.column(self.code[chosen], "group") == keys.word("group", UNKNOWN)
        whole = np.where(unknown, keys.word("group", ALL), keys.word("group", KNOWN))
        yield self._part(chosen, keys.replaced(self.code[chosen], "group", whole), "denominator")
        chosen = self._among(*_ALONG)
        yield self._part(chosen, self.code[chosen], "numerator")

    def _references(self, plain: NDArray[np.bool_]) -> Iterator[_Counts]:
        """Counts of a group, or of everyone, that a row is set beside."""
        reference = self.rows["reference"]
        of_cell = ((reference != "") & (reference != _OTHERS)).to_numpy(dtype=bool)
        for chosen, exact in (
            (self._among(*_COMPARED) & plain & of_cell & ~self._among(*_WITHIN), True),
            (self._among("standardised_rri", "mh_ratio", "mh_homogeneity") & plain & of_cell, False),
            (self._among(*_ALONG) & of_cell, True),
        ):
            group = self._mapped("reference", "group", chosen)
            everyone = (reference[chosen] == _EVERYONE).to_numpy(dtype=bool)
            group = np.where(everyone, self.keys.word("group", KNOWN), group)
            code = self.keys.replaced(self.code[chosen], "group", group)
            yield self._part(chosen, code, "reference_numerator", exact=exact)
            known = self.below[chosen] >= 0
            if known.all():
                yield self._part(chosen, self._below(chosen, code), "reference_denominator", exact=exact)

    def _hidden(self) -> tuple[Codes, Codes]:
        """Cells of hidden rows; and those of their denominators, of which some may not exist."""
        chosen = self._among("rate") & self.rows["disclosure"].isin(HIDDEN).to_numpy(dtype=bool)
        code = self.code[chosen]
        return np.unique(code), np.unique(self._below(chosen, code))

    def _stage_shows_unknown(self, codes: Codes, shown: Codes) -> NDArray[np.bool_]:
        """Whether a stage has cells for Unknown at all: residents have none."""
        keys, unknown = self.keys, self.keys.word("group", UNKNOWN)
        stages = np.unique(keys.column(shown[keys.column(shown, "group") == unknown], "stage"))
        of_unknown = keys.column(codes, "group") == unknown
        return np.asarray(~of_unknown | np.isin(keys.column(codes, "stage"), stages))

    def sums(self) -> Iterator[tuple[object, ...]]:
        """Published sums of several cells: all others than a group, trends over years, samples of models."""
        others = self.rows["reference"] == _OTHERS
        compared = (self._among(*_COMPARED, *_ALONG) & ~self._among(*_WITHIN)) & others.to_numpy(dtype=bool)
        yield from self._of_others(compared)
        yield from self._over_periods(self._among(*_TRENDS), coarse=False)
        # a model of children follows each child, and its sample is no part of the cells of its periods
        samples = self._among(*_SAMPLES) & (self.of_events | self.is_rate)
        yield from self._over_periods(samples, coarse=True, whole=self.is_rate)

    def _of_others(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[object, ...]]:
        keys = self.keys
        for column, codes in (
            ("reference_numerator", self.code[chosen]),
            ("reference_denominator", self._below(chosen & (self.below >= 0), self.code[chosen & (self.below >= 0)])),
        ):
            rows = chosen if column == "reference_numerator" else chosen & (self.below >= 0)
            n = self.rows.loc[rows, column].to_numpy(dtype=np.float64)
            rounded = (self.rows.loc[rows, "disclosure"] == "rounded").to_numpy(dtype=bool)
            told = ~np.isnan(n) & ~rounded
            code, place = np.unique(codes[told], return_index=True)
            own = self._tuples(code)
            known = self._tuples(keys.replaced(code, "group", keys.word("group", KNOWN)))
            for key, whole, value in zip(own, known, n[told][place].tolist(), strict=True):
                yield (*key, value, value, ((whole, 1.0), (key, -1.0)))

    def _over_periods(
        self, chosen: NDArray[np.bool_], *, coarse: bool, whole: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[object, ...]]:
        """Sums over the periods of a span. Of `whole` rows the sample of a model lacks nothing."""
        periods = list(dict.fromkeys(self.rows["period"].tolist()))
        lacks = np.ones(len(self.rows), dtype=bool) if whole is None else ~whole
        rows = self.rows.assign(lacks=lacks)[chosen & self.rows["numerator"].notna().to_numpy(dtype=bool)]
        # whatever base they were rounded to, all of them are multiples of it
        step = max(_COARSE, int(np.gcd.reduce(rows["numerator"].to_numpy().astype(np.int64)))) if coarse else 0
        asked = [*CELL_KEYS, "numerator", "term", "disclosure", "lacks"]
        for *key, n, term, mark, lacking in rows[asked].drop_duplicates().itertuples(index=False, name=None):
            members = spanned(key[1], "" if coarse else term, periods)
            if not members or (mark == "rounded" and not coarse):
                continue
            terms = tuple(((key[0], period, *key[2:]), 1.0) for period in members)
            yield (*key, n - step / 2, np.inf if coarse and lacking else n + step / 2, terms)

    def _tuples(self, codes: Codes) -> list[Key]:
        return list(self.keys.frame(codes).itertuples(index=False, name=None))


def _unit(measure: Mapping[str, Any]) -> str:
    return str(measure.get("definition", {}).get("numerator", {}).get("unit", ""))


def spanned(period: str, first: str, periods: Sequence[str]) -> list[str]:
    """The periods from the first to the last of a span, of one kind, in order.

    Parameters
    ----------
    period : str
        The last period, or both ends: ``2020-21 to 2022-23``.
    first : str
        The first, or '' where `period` names both.
    periods : sequence of str
        All that the release has.

    Returns
    -------
    list of str
        Empty where the span is not of these periods.
    """
    start, _, last = period.partition(" to ") if not first else (first, "", period)
    last = last or start
    shape = re.sub(r"\d", "0", start)
    inside = [name for name in periods if re.sub(r"\d", "0", name) == shape and start <= name <= last]
    return sorted(inside) if start in inside and last in inside else []
