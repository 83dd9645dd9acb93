"""A release as a report looks at it: which rows, in which order, with which words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from yjd.judged import judged_periods
from yjd.reporting.classify import Verdict, classify
from yjd.reporting.index import NUMBERS, Row, RowIndex
from yjd.reporting.words import Measure, order_groups
from yjd.schema import ALL, ELSEWHERE, KNOWN, RESULT_COLUMNS, UNKNOWN

__all__ = ["Comparison", "Row", "View"]

if TYPE_CHECKING:
    import pandas as pd


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
    area : str
        The area that is looked at; all of them together by default.
    """

    results: pd.DataFrame
    manifest: Mapping[str, Any]
    area: str = ALL

    def __post_init__(self) -> None:
        _ = self.index  # refuses results that lack a column

    @cached_property
    def region(self) -> View:
        """The view of all areas together."""
        return self if self.area == ALL else self.at(ALL)

    def at(self, area: str) -> View:
        """The same release as one area looks at it; measures and periods stay those of the region."""
        if area == self.area:
            return self
        other = object.__new__(View)
        vars(other).update(results=self.results, manifest=self.manifest, area=area, index=self.index)
        if area != ALL:
            vars(other)["region"] = self.region
        return other

    @cached_property
    def areas(self) -> list[str]:
        """The areas that the release has rows of, in the order of its manifest, then the others."""
        held = self.index.values("area") - {ALL, UNKNOWN, ELSEWHERE}
        listed = [str(area) for area in self.manifest.get("areas", ()) if str(area) in held]
        return listed + sorted(held - set(listed))

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Every measure, in the order of the manifest."""
        return tuple(Measure.of(entry) for entry in self.manifest.get("measures", ()))

    @cached_property
    def pathway(self) -> tuple[Measure, ...]:
        """The measures of the overview: those the manifest names, or the first of each family."""
        if self.area != ALL:
            return self.region.pathway
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
        """The period in which a measure is shown (`yjd.judged`); whoever shows it names it, with `title_of`."""
        if self.area != ALL:
            return self.region.period_of(measure)
        return self._periods_of.get(measure.id, self.period)

    @cached_property
    def _periods_of(self) -> dict[str, str]:
        return judged_periods(self.results, self.manifest)

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
        unknown, total = (_number(entry.get(name)) for name in ("unknown", "total"))
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
    def index(self) -> RowIndex:
        """The rows; a view of an area shares them with the view of all areas."""
        return RowIndex(self.results)

    @cached_property
    def _present(self) -> set[tuple[str, str]]:
        held = self.index.places(area=self.area, rung="", term="")
        return self.index.pairs("measure", "quantity", held)

    @cached_property
    def by_child(self) -> frozenset[str]:
        """Measures whose intervals allow for children who come again."""
        found = self.index.pairs("measure", "method", self.index.places(quantity="rri"))
        return frozenset(measure for measure, method in found if method.endswith("_by_child"))

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
        found = self.parts(measure.id, quantity, period=period or self.period_of(measure), level=level)
        return [
            row
            for row in found
            if not row["rung"]
            and not row["term"]
            and group in (None, row["group"])
            and reference in (None, row["reference"])
        ]

    def parts(
        self,
        measure: str,
        quantity: str,
        *,
        period: str,
        level: str | None = None,
        confidence: float | None = None,
        **keys: str,
    ) -> list[Row]:
        """Rows of one quantity with all their rungs and terms, at the headline's confidence unless another is named.

        `keys` are further columns with the label that they must have, such as group, reference, rung or term.
        """
        wanted = self.confidence if confidence is None else confidence
        return [
            row
            for row in self.index.rows(measure, quantity, self.area, period, level or self.level)
            if (math.isnan(row["confidence"]) or abs(row["confidence"] - wanted) < 1e-9)
            and all(row[name] == label for name, label in keys.items())
        ]

    def row(
        self, measure: Measure, quantity: str, *, group: str, reference: str = "", level: str | None = None
    ) -> Row | None:
        """The one row of a group, or None."""
        found = self.rows(measure, quantity, group=group, reference=reference, level=level)
        return next(iter(found), None)

    @cached_property
    def _groups(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for level, group in self.index.pairs("level", "group"):
            found.setdefault(level, set()).add(group)
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


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _absent(measure: str, quantity: str, group: str, reference: str) -> Row:
    row: dict[str, Any] = {name: math.nan if name in NUMBERS else "" for name in RESULT_COLUMNS}
    return row | {
        "measure": measure,
        "quantity": quantity,
        "group": group,
        "reference": reference,
        "status": "not_available",
        "disclosure": "shown",
    }
