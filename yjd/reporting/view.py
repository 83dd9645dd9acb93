"""A release as a report looks at it: which rows, in which order, with which words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from yjd.errors import RenderingError
from yjd.reporting.classify import Verdict, classify
from yjd.reporting.words import Measure, order_groups
from yjd.schema import ALL, KNOWN, RESULT_COLUMNS, RESULT_VALUES, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
_INDEXED = ("measure", "quantity", "period", "level")
_NUMBERS = frozenset(RESULT_VALUES) - {"method", "status", "disclosure"}


@dataclass(frozen=True)
class Comparison:
    """One group against the reference on one measure, and what the row may be said to show."""

    measure: Measure
    group: str
    row: Row
    verdict: Verdict


@dataclass(frozen=True)
class View:
    """The results and the manifest of one release.

    Parameters
    ----------
    results : DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`.
    manifest : mapping
        The content of `release.json`.
    """

    results: pd.DataFrame
    manifest: Mapping[str, Any]

    def __post_init__(self) -> None:
        missing = [name for name in RESULT_COLUMNS if name not in self.results.columns]
        if missing:
            raise RenderingError(
                f"results of the release lack the columns {', '.join(missing)}.",
                "Make the release again with this version of yjd.",
            )

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Every measure, in the order of the manifest."""
        return tuple(Measure.of(entry) for entry in self.manifest.get("measures", ()))

    @cached_property
    def pathway(self) -> tuple[Measure, ...]:
        """The measures of the overview: those the manifest names, or the first of each family."""
        named = self.manifest.get("headline", {}).get("measures")
        if named:
            return tuple(measure for measure in self.measures if measure.id in named)
        families: dict[str, list[Measure]] = {}
        for measure in self.measures:
            if self.has(measure, "rri"):
                families.setdefault(measure.family or measure.id, []).append(measure)
        return tuple(next(filter(self._was_supplied, found), found[0]) for found in families.values())

    def _was_supplied(self, measure: Measure) -> bool:
        return any(item.verdict.outcome != "not_available" for item in self.compare(measure))

    def period_of(self, measure: Measure) -> str:
        """The period in which a measure is shown.

        The headline period, unless every row of the measure is too recent to judge or not available there:
        then the latest earlier period of the same kind that has a number. Whoever shows it names it, with
        `title_of`.
        """
        if measure.id not in self._periods_of:
            self._periods_of[measure.id] = self._choose_period(measure)
        return self._periods_of[measure.id]

    @cached_property
    def _periods_of(self) -> dict[str, str]:
        return {}

    def _choose_period(self, measure: Measure) -> str:
        series = self.series
        if self.period not in series or not self._is_blank(measure, self.period):
            return self.period
        earlier = reversed(series[: series.index(self.period)])
        return next((period for period in earlier if self._has_number(measure, period)), self.period)

    def _is_blank(self, measure: Measure, period: str) -> bool:
        return all(
            item.verdict.outcome in ("not_available", "censored") for item in self.compare(measure, period=period)
        )

    def _has_number(self, measure: Measure, period: str) -> bool:
        return any(item.verdict.has_numbers for item in self.compare(measure, period=period))

    def title_of(self, measure: Measure) -> str:
        """The title of a measure, with its period where that is not the headline's."""
        return self._with_period(measure.title, self.period_of(measure))

    def _with_period(self, title: str, period: str) -> str:
        if period == self.period:
            return title
        label = self.period_label(period)
        return f"{title}, {label}" if title.endswith(")") else f"{title} ({label})"

    def other_periods(self, measures: Sequence[Measure]) -> dict[str, list[Measure]]:
        """The measures that are shown in another period than the headline's, by that period."""
        found: dict[str, list[Measure]] = {}
        for measure in measures:
            if (period := self.period_of(measure)) != self.period:
                found.setdefault(period, []).append(measure)
        return found

    def stage_title(self, stage: str) -> str:
        """A stage in the words of its definition."""
        for measure in self.measures:
            for part, name in (("numerator", measure.numerator), ("denominator", measure.denominator)):
                if name == stage and (title := (measure.definition.get(part) or {}).get("title")):
                    return str(title)
        words = stage.replace("_", " ")
        return words[:1].upper() + words[1:]

    def stage_words(self, stage: str) -> str:
        """A stage within a sentence: 'searches', as the measure that counts it says."""
        for measure in self.measures:
            if measure.numerator == stage:
                return measure.unit
        title = self.stage_title(stage)
        return title if title[1:2].isupper() else title[:1].lower() + title[1:]

    def _stage_period(self, stage: str) -> str:
        """The period of the measure that counts the stage, or else is counted against it."""
        for part in ("numerator", "denominator"):
            for measure in self.measures:
                if getattr(measure, part) == stage:
                    return self.period_of(measure)
        return self.period

    def unknown(self, *, pathway: bool) -> list[Row]:
        """How often ethnicity is not known, by stage, in the period in which the stage's measure is shown.

        Parameters
        ----------
        pathway : bool
            Only the stages that the measures of the overview count.

        Returns
        -------
        list of mapping
            Keys title, words, unknown, total, share (0 to 1, or None) and mark (`[c]`, `[x]`, `[z]` or '').
        """
        counted = {measure.numerator for measure in self.pathway}
        entries = self.manifest.get("ethnicity", {}).get("unknown", ())
        order = [stage for measure in self.measures for stage in (measure.denominator, measure.numerator)]
        wanted = [
            entry
            for entry in entries
            if entry.get("period") == self._stage_period(str(entry["stage"]))
            and (not pathway or entry["stage"] in counted)
        ]
        wanted.sort(key=lambda entry: order.index(entry["stage"]) if entry["stage"] in order else len(order))
        return [self._unknown_entry(entry) for entry in wanted]

    def _unknown_entry(self, entry: Mapping[str, Any]) -> Row:
        unknown, total = (_clean("numerator", entry.get(name)) for name in ("unknown", "total"))
        mark, share = "", None
        if total == 0:
            mark = "[z]"
        elif math.isfinite(unknown) and math.isfinite(total):
            share = unknown / total
        else:
            mark = self._why_missing(str(entry["stage"]))
        stage, period = str(entry["stage"]), str(entry["period"])
        return {
            "title": self._with_period(self.stage_title(stage), period),
            "words": self._with_period(self.stage_words(stage), period),
            "unknown": unknown,
            "total": total,
            "share": share,
            "mark": mark,
        }

    def _why_missing(self, stage: str) -> str:
        """A count that the manifest does not give was hidden, unless the stage was not supplied at all."""
        rows = [row for measure in self.measures if measure.numerator == stage for row in self.rows(measure, "rate")]
        missing = bool(rows) and all(row["status"] in ("not_available", "censored") for row in rows)
        return "[x]" if missing else "[c]"

    @property
    def title(self) -> str:
        """The project's title."""
        return str(self.manifest.get("title", ""))

    @property
    def period(self) -> str:
        """The period that the headlines are about."""
        return str(self.manifest["headline"]["period"])

    @property
    def reference(self) -> str:
        """The group that the headlines compare with."""
        return str(self.manifest["headline"]["reference"])

    @property
    def level(self) -> str:
        """The ethnicity classification of the headlines."""
        return str(self.manifest["headline"]["level"])

    @property
    def confidence(self) -> float:
        """The confidence of the intervals shown."""
        return float(self.manifest["headline"]["confidence"])

    @property
    def interval_name(self) -> str:
        """'95% interval'."""
        return f"{100 * self.confidence:g}% interval"

    def period_label(self, period: str | None = None) -> str:
        """A period in words."""
        wanted = period or self.period
        return next((str(p.get("label") or wanted) for p in self._periods if p["period"] == wanted), wanted)

    @property
    def series(self) -> list[str]:
        """The periods of the same kind as the headline's, in order of time."""
        kind = next((p.get("kind") for p in self._periods if p["period"] == self.period), None)
        same = [p for p in self._periods if p.get("kind") == kind]
        return [str(p["period"]) for p in sorted(same, key=lambda p: str(p.get("start")))]

    @property
    def _periods(self) -> Sequence[Mapping[str, Any]]:
        return list(self.manifest.get("periods", ()))

    @cached_property
    def _places(self) -> dict[tuple[str, ...], Any]:
        """Where the rows of the report are, by measure, quantity, period and level.

        Most rows of a release are of splits by area, sex, age or deprivation, or of another confidence: they
        are left out once, by column, and of the others only those that are asked for are read.
        """
        frame = self.results
        kept = (frame[list(SPLITS)] == ALL).all(axis=1)
        for name in ("rung", "term"):
            kept &= frame[name].isna() | (frame[name] == "")
        confidence = frame["confidence"].astype("float64")
        kept &= confidence.isna() | ((confidence - self.confidence).abs() < 1e-9)
        places = kept.to_numpy().nonzero()[0]
        names = [frame[name].to_numpy()[places] for name in _INDEXED]
        found: dict[tuple[str, ...], Any] = {}
        for place, key in zip(places, zip(*names, strict=True), strict=True):
            found.setdefault(key, []).append(place)
        return found

    @cached_property
    def _read(self) -> dict[tuple[str, ...], list[Row]]:
        return {}

    def _bucket(self, key: tuple[str, ...]) -> list[Row]:
        if key not in self._read:
            places = self._places.get(key)
            records = self.results.iloc[places].to_dict("records") if places else []
            self._read[key] = [
                {str(name): _clean(str(name), value) for name, value in record.items()} for record in records
            ]
        return self._read[key]

    @cached_property
    def _present(self) -> frozenset[tuple[str, ...]]:
        return frozenset(key[:2] for key in self._places)

    @cached_property
    def by_child(self) -> frozenset[str]:
        """Measures whose intervals allow for children who come again."""
        allow = self.results["method"].astype(str).str.endswith("_by_child") & (self.results["quantity"] == "rri")
        return frozenset(self.results.loc[allow, "measure"])

    def has(self, measure: Measure, quantity: str) -> bool:
        """The release holds this quantity for the measure, for all areas, ages and sexes together."""
        return (measure.id, quantity) in self._present

    def rows(
        self,
        measure: Measure,
        quantity: str,
        *,
        period: str | None = None,
        level: str | None = None,
        group: str | None = None,
        reference: str | None = None,
    ) -> list[Row]:
        """Rows of one quantity for all areas, ages and sexes together.

        The period is the measure's own (`period_of`) and the level the headline's where they are not given.
        """
        key = (measure.id, quantity, period or self.period_of(measure), level or self.level)
        return [
            row for row in self._bucket(key) if group in (None, row["group"]) and reference in (None, row["reference"])
        ]

    def row(
        self, measure: Measure, quantity: str, *, group: str, reference: str = "", level: str | None = None
    ) -> Row | None:
        """The one row of a group, or None."""
        found = self.rows(measure, quantity, group=group, reference=reference, level=level)
        return next(iter(found), None)

    @cached_property
    def _groups(self) -> dict[str, set[str]]:
        levels = self.results[["level", "group"]].drop_duplicates()
        found: dict[str, set[str]] = {}
        for level, group in levels.itertuples(index=False):
            found.setdefault(str(level), set()).add(str(group))
        return found

    def groups(self, level: str | None = None) -> list[str]:
        """Every group of a classification in the fixed order."""
        wanted = level or self.level
        listed = self.manifest.get("groups", {}).get(wanted, ())
        return order_groups((self._groups.get(wanted, set()) | set(listed)) - {ALL, KNOWN})

    def compare(
        self,
        measure: Measure,
        *,
        quantity: str = "rri",
        period: str | None = None,
        level: str | None = None,
        reference: str | None = None,
    ) -> list[Comparison]:
        """Every group against the reference, in the fixed order; a group without a row is not available."""
        against = reference or self.reference
        found = self.rows(measure, quantity, period=period, level=level, reference=against)
        rows = {row["group"]: row for row in found}
        compared = []
        for group in self.groups(level):
            if group in (against, UNKNOWN):
                continue
            row = rows.get(group, _absent(measure.id, quantity, group, against))
            compared.append(Comparison(measure, group, row, classify(row, adverse=measure.adverse)))
        return compared


def _clean(name: str, value: Any) -> Any:
    if name == "confidence" or name in _NUMBERS:
        return math.nan if value in ("", None) else float(value)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _absent(measure: str, quantity: str, group: str, reference: str) -> Row:
    row: dict[str, Any] = {name: math.nan if name in _NUMBERS else "" for name in RESULT_COLUMNS}
    return row | {
        "measure": measure,
        "quantity": quantity,
        "group": group,
        "reference": reference,
        "status": "not_available",
        "disclosure": "shown",
    }
