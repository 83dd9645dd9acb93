"""What release.json says beside the numbers: where they come from, what they mean and what was left out.

Everything here may leave the machine: counts of children come from released cells alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from yjd import claims, ethnicity, recommendations
from yjd.choices import choices
from yjd.folders import fingerprints
from yjd.quality import quality_section
from yjd.release import run_identity
from yjd.schema import ALL, DISCLOSURES, HIDDEN, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.config_extract import Extract
    from yjd.counting import Counted
    from yjd.extracts import Accounting, LoadedExtracts
    from yjd.measures import Measure, Stage
    from yjd.modelling import Modelled


_LEAST_ROWS = 10  # numbers of rows are rounded to it at least: one row set aside is one child whose record is odd


def build_manifest(
    settings: Settings,
    loaded: LoadedExtracts,
    counted: Counted,
    released: pd.DataFrame,
    models: Sequence[Modelled] = (),
    earlier: Sequence[str] = (),
) -> dict[str, Any]:
    """The manifest of one run.

    Parameters
    ----------
    settings, loaded, counted
        The project, what was read and what was counted.
    released : DataFrame
        Cells after disclosure control (`yjd.schema.CELL_COLUMNS`).
    models : sequence of Modelled
        What was fitted.
    earlier : sequence of str
        The project's runs before this one.
    """
    from yjd.analysis import pathways
    from yjd.counting import links_of

    hashes = fingerprints(settings, loaded.hashes)
    inputs = [{"extract": name, "fingerprint": digest} for name, digest in hashes.items()]
    created_from = {"version": version("yjd"), "config_sha256": settings.sha256, "inputs": inputs}
    headline = headline_period(settings, counted.periods)
    closed = _tables_closed(counted.stages, released)
    rows = max(_LEAST_ROWS, settings.disclosure.minimum_count, settings.disclosure.round_to)
    return {
        "format": 1,
        "run": run_name(settings, loaded.hashes),
        "related_releases": list(earlier),
        "title": settings.project.title,
        "demonstration": settings.project.demonstration,
        "office": settings.office.model_dump(),
        "created_from": created_from,
        "areas": list(settings.project.areas),
        "periods": [
            {"period": row.period, "label": row.label, "kind": row.kind, "start": row.start, "end": row.end}
            for row in counted.periods.itertuples()
        ],
        "groups": {"broad": list(ethnicity.broad_groups()), "detailed": list(ethnicity.detailed_groups())},
        "references": list(settings.ethnicity.references),
        "headline": {
            "period": headline,
            "reference": settings.ethnicity.references[0],
            "level": next(iter(settings.analysis.splits)),
            "confidence": settings.analysis.confidence[0],
        },
        "extracts": [_extract(extract) for extract in settings.extracts],
        "measures": [_measure(measure, counted.stages) for measure in counted.measures],
        "pathways": [{"name": way.name, "steps": list(way.steps)} for way in pathways(settings, counted.stages)],
        "models": [_model(one) for one in models],
        "accounting": [_accounted(entry, rows, closed) for entry in loaded.accounting],
        "accounting_rounded_to": rows,
        "attrition": _attrition(counted.stages, released, headline),
        "ethnicity": {
            "crosswalk_version": ethnicity.CROSSWALK_VERSION,
            "rule": settings.ethnicity.per_child,
            "source": settings.ethnicity.source,
            "disagreements": _disagreements(loaded, settings, rows),
            "unknown": _unknown(counted.stages, released),
        },
        "disclosure": {
            "rules": settings.disclosure.model_dump(),
            "cells": {name: int((released["disclosure"] == name).sum()) for name in DISCLOSURES},
        },
        "links": links_of(counted).as_json(),
        "quality": quality_section(counted.quality, settings, released, counted.stages),
        "choices": choices(settings),
        "claims": claims.register(settings.folder),
        "findings": loaded.findings + counted.findings + [
            {"severity": "break", "text": f"{entry.period}: {entry.note}"} for entry in settings.periods.breaks
        ],
    }  # fmt: skip


def run_name(settings: Settings, inputs: Mapping[str, str]) -> str:
    """The name of the run: from the hashes of its inputs, its configuration and the version of the package."""
    registers = claims.local_sha256(settings.folder) | recommendations.local_sha256(settings.folder)
    return run_identity(fingerprints(settings, inputs) | registers, settings.sha256, version("yjd"))


def headline_period(settings: Settings, periods: pd.DataFrame) -> str:
    """The configured headline period, or else the latest of the first kind."""
    if settings.periods.headline is not None:
        return settings.periods.headline
    first_kind = periods[periods["kind"] == periods["kind"].iloc[0]]
    return str(first_kind["period"].iloc[-1])


def safe_rows(number: int, base: int) -> int | str:
    """A number of rows as it may leave: rounded to the nearest multiple, halves up, or 'fewer than 10'.

    Parameters
    ----------
    number : int
        Of rows, at least 0. Zero says nothing of anybody, and stays.
    base : int
        What is rounded to, and below which nothing more is said; above 1.
    """
    if 0 < number < base:
        return f"fewer than {base}"
    return (2 * number + base) // (2 * base) * base


def _tables_closed(stages: Mapping[str, Stage], released: pd.DataFrame) -> set[str]:
    """Tables that stages read of which some total of the region is hidden.

    How many rows were used says such a total to within the rounding, which can be all that keeps a small count of
    unknown ethnicity from being the total less the known.
    """
    totals = _totals(released)
    closed = totals.loc[(totals["group"] == ALL) & totals["disclosure"].isin(HIDDEN), "stage"]
    return {table for name in closed.unique() for table in stages[name].reads}


def _accounted(entry: Accounting, base: int, closed: Collection[str] = ()) -> dict[str, Any]:
    """Where the rows of an extract went, rounded, and whether the exact numbers add up.

    Of a table in `closed` the rows read and used are None: see `_tables_closed`.
    """
    parts = {"used": entry.used, "set_aside": entry.set_aside, "out_of_scope": entry.out_of_scope}
    every = {"read": entry.read} | parts
    rounded = {
        name: None if entry.table in closed and name in ("read", "used") else safe_rows(number, base)
        for name, number in every.items()
    }
    return {"extract": entry.extract, **rounded, "adds_up": entry.read == sum(parts.values())}


def _model(one: Modelled) -> dict[str, Any]:
    return {
        "measure": one.measure.id,
        "period": one.period,
        "rungs": [
            {"name": rung.name, "adjusters": list(rung.adjusters), "mediator": rung.mediator} for rung in one.rungs
        ],
    }


def _extract(extract: Extract) -> dict[str, Any]:
    """What an extract is, so that a later run can tell whether it still is that."""
    schemes = [extract.ethnicity.self_defined, extract.ethnicity.officer]
    return {"extract": extract.name, "table": extract.table, "covers": extract.covers, "schemes": schemes}


def _measure(measure: Measure, stages: dict[str, Stage]) -> dict[str, Any]:
    def definition(stage: Stage) -> dict[str, str]:
        return {
            "title": stage.title,
            "counts": stage.counts,
            "unit": stage.unit,
            "source": stage.source,
            "note": stage.note,
            "sha256": stage.sha256,
        }

    return {
        "id": measure.id,
        "title": measure.title,
        "family": measure.family,
        "numerator": measure.numerator,
        "denominator": measure.denominator,
        "kind": measure.kind,
        "per": measure.per,
        "adverse": measure.adverse,
        "unit": measure.unit,
        "per_words": measure.per_words,
        "likely_to": measure.likely_to,
        "sentence": measure.sentence,
        "definition": {
            "numerator": definition(stages[measure.numerator]),
            "denominator": definition(stages[measure.denominator]),
        },
    }


def _totals(released: pd.DataFrame) -> pd.DataFrame:
    """The regional cells, not split by anything but ethnicity at the broad level."""
    whole = (released[list(SPLITS)] == ALL).all(axis=1)
    return released[whole & (released["level"] == released["level"].iloc[0])] if len(released) else released


def _number(cell: pd.Series) -> int | None:
    """A count that may be shown, or None."""
    if cell["disclosure"] in HIDDEN or cell["n"] != cell["n"] or cell["status"] not in ("ok", "break"):
        return None
    return int(cell["n"])


def _attrition(stages: dict[str, Stage], released: pd.DataFrame, period: str) -> list[dict[str, Any]]:
    """How many were counted at each stage of the headline period, and whether that could be counted."""
    totals = _totals(released)
    totals = totals[(totals["group"] == ALL) & (totals["period"] == period)]
    rows = {row["stage"]: row for _, row in totals.iterrows()}
    return [
        {
            "step": stage.title, "unit": stage.unit, "period": period, "rows": _number(rows[name]),
            "counted": rows[name]["status"] not in ("not_available", "censored"),
        }
        for name, stage in stages.items()
        if name in rows
    ]  # fmt: skip


def _unknown(stages: dict[str, Stage], released: pd.DataFrame) -> list[dict[str, Any]]:
    """How many at each stage and period have no known ethnicity; None where that may not be shown."""
    totals = _totals(released)
    wide = {
        (row["stage"], row["period"], row["group"]): _number(row)
        for _, row in totals[totals["group"].isin([ALL, UNKNOWN])].iterrows()
    }
    return [
        {
            "stage": stage,
            "period": period,
            "unknown": wide.get((stage, period, UNKNOWN)),
            "total": wide[stage, period, ALL],
        }
        for stage, period, group in wide
        if group == ALL and not stages[stage].public
    ]


def _disagreements(loaded: LoadedExtracts, settings: Settings, base: int) -> dict[str, int | str | None]:
    """Children whose records disagree, among those with two records or more, rounded; None where too few to show."""
    disagree, shared = loaded.disagreements.get("disagree", 0), loaded.disagreements.get("shared", 0)
    least = settings.disclosure.minimum_count
    safe = all(count == 0 or count >= least for count in (disagree, shared - disagree))
    return {
        "children": safe_rows(disagree, base) if safe else None,
        "shared": safe_rows(shared, base) if safe else None,
    }
