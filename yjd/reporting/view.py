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
from yjd.schema import ALL, KNOWN, RESULT_COLUMNS, RESULT_VALUES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
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

    def stage_title(self, stage: str) -> str:
        """A stage in the words of its definition."""
        for measure in self.measures:
            for part, name in (("numerator", measure.numerator), ("denominator", measure.denominator)):
                if name == stage and (title := (measure.definition.get(part) or {}).get("title")):
                    return str(title)
        words = stage.replace("_", " ")
        return words[:1].upper() + words[1:]

    def unknown(self, *, pathway: bool) -> list[Row]:
        """How often ethnicity is not known in the headline period, by stage.

        Parameters
        ----------
        pathway : bool
            Only the stages that the measures of the overview count.

        Returns
        -------
        list of mapping
            Keys title, unknown, total, share (0 to 1, or None) and mark (`[c]`, `[x]`, `[z]` or '').
        """
        counted = {measure.numerator for measure in self.pathway}
        entries = self.manifest.get("ethnicity", {}).get("unknown", ())
        order = [stage for measure in self.measures for stage in (measure.denominator, measure.numerator)]
        wanted = [
            entry
            for entry in entries
            if entry.get("period") == self.period and (not pathway or entry["stage"] in counted)
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
        return {
            "title": self.stage_title(str(entry["stage"])),
            "unknown": unknown,
            "total": total,
            "share": share,
            "mark": mark,
        }

    def _why_missing(self, stage: str) -> str:
        """A count that the manifest does not give was hidden, unless the stage was not supplied at all."""
        rows = [
            row
            for measure in self.measures
            if measure.numerator == stage
            for row in self.rows(measure, "rate")
        ]
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
    def _index(self) -> dict[tuple[str, ...], list[Row]]:
        """Rows by measure and quantity: one pass, so that looking up does not scan the frame again."""
        index: dict[tuple[str, ...], list[Row]] = {}
        for record in self.results.to_dict("records"):
            row = {str(name): _clean(str(name), value) for name, value in record.items()}
            index.setdefault((row["measure"], row["quantity"]), []).append(row)
        return index

    def has(self, measure: Measure, quantity: str) -> bool:
        """The release holds this quantity for the measure."""
        return (measure.id, quantity) in self._index

    def rows(self, measure: Measure, quantity: str, **keys: str) -> list[Row]:
        """Rows of one quantity; every dimension that is not given is the headline's, or not split."""
        wanted = {
            "period": self.period,
            "area": ALL,
            "sex": ALL,
            "age_band": ALL,
            "level": self.level,
            "rung": "",
        }
        wanted.update(keys)
        return [
            row
            for row in self._index.get((measure.id, quantity), ())
            if (math.isnan(row["confidence"]) or math.isclose(row["confidence"], self.confidence))
            and all(row[name] == value for name, value in wanted.items())
        ]

    def row(self, measure: Measure, quantity: str, **keys: str) -> Row | None:
        """The one row with these keys, or None."""
        return next(iter(self.rows(measure, quantity, **keys)), None)

    def groups(self, level: str | None = None) -> list[str]:
        """Every group of a classification in the fixed order."""
        wanted = level or self.level
        listed = self.manifest.get("groups", {}).get(wanted, ())
        found = {row["group"] for rows in self._index.values() for row in rows if row["level"] == wanted}
        return order_groups((found | set(listed)) - {ALL, KNOWN})

    def compare(self, measure: Measure, *, quantity: str = "rri", **keys: str) -> list[Comparison]:
        """Every group against the reference, in the fixed order; a group without a row is not available."""
        reference = keys.pop("reference", self.reference)
        rows = {row["group"]: row for row in self.rows(measure, quantity, reference=reference, **keys)}
        found = []
        for group in self.groups(keys.get("level")):
            if group in (reference, UNKNOWN):
                continue
            row = rows.get(group, _absent(measure.id, quantity, group, reference))
            found.append(Comparison(measure, group, row, classify(row, adverse=measure.adverse)))
        return found


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
