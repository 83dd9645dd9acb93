"""A made-up release: hand-made rows of every kind, and the manifest that the contract asks for."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from yjd.schema import RESULT_COLUMNS, SPLITS

NAN = math.nan
PERIODS = ("2021-22", "2022-23", "2023-24", "2024-25")
GROUPS = ("Asian", "Black", "Mixed", "Other")
MEASURES: tuple[dict[str, Any], ...] = (
    {
        "id": "search_rate",
        "title": "Stop and search rate",
        "family": "search",
        "numerator": "searches",
        "denominator": "population",
        "kind": "rate",
        "per": 1000,
        "adverse": "higher",
        "unit": "searches",
        "per_words": "for every 1,000 {group} children aged 10 to 17",
    },
    {
        "id": "arrest_rate",
        "title": "Arrest rate",
        "family": "arrest",
        "numerator": "arrests",
        "denominator": "population",
        "kind": "rate",
        "per": 1000,
        "adverse": "higher",
        "unit": "arrests",
        "per_words": "for every 1,000 {group} children aged 10 to 17",
    },
    {
        "id": "precourt_share",
        "title": "Pre-court share",
        "family": "precourt",
        "numerator": "precourt",
        "denominator": "outcomes",
        "kind": "proportion",
        "per": 100,
        "adverse": "lower",
        "unit": "pre-court outcomes",
        "per_words": "of every 100 outcomes for {group} children",
        "likely_to": "be dealt with before court",
    },
    {
        "id": "precourt_per_arrest",
        "title": "Pre-court outcomes per 100 arrests",
        "family": "precourt",
        "numerator": "precourt",
        "denominator": "arrests",
        "kind": "rate",
        "per": 100,
        "adverse": "lower",
        "unit": "pre-court outcomes",
        "per_words": "for every 100 arrests of {group} children",
    },
    {
        "id": "fte_rate_pnc",
        "title": "First-time entrants (police records)",
        "family": "fte",
        "numerator": "first_time_entrants_pnc",
        "denominator": "population",
        "kind": "rate",
        "per": 100000,
        "adverse": "higher",
        "unit": "first-time entrants",
        "per_words": "for every 100,000 {group} children aged 10 to 17",
        "likely_to": "enter the youth justice system",
    },
    {
        "id": "reoffending_rate",
        "title": "Proven re-offending rate",
        "family": "reoffending",
        "numerator": "reoffenders",
        "denominator": "reoffending_cohort",
        "kind": "proportion",
        "per": 100,
        "adverse": "higher",
        "unit": "children who re-offended",
        "per_words": "of every 100 {group} children in the cohort",
        "likely_to": "re-offend",
    },
    {
        "id": "intervention_accepted",
        "title": "Interventions accepted",
        "family": "intervention",
        "numerator": "interventions_accepted",
        "denominator": "interventions_offered",
        "kind": "proportion",
        "per": 100,
        "adverse": "lower",
        "unit": "interventions accepted",
        "per_words": "of every 100 offered to {group} children",
        "likely_to": "accept an intervention that was offered",
    },
)
BASES = {"Asian": 52000.0, "Black": 18000.0, "Mixed": 15000.0, "Other": 4000.0, "White": 110000.0}

# (estimate, lower, upper) or a status, for each measure and group of the headline period
KINDS: dict[str, dict[str, Any]] = {
    "search_rate": {
        "Asian": (1.3, 1.1, 1.5),
        "Black": (4.1, 3.6, 4.7),
        "Mixed": (1.6, 1.4, 1.9),
        "Other": "hidden",
    },
    "arrest_rate": {
        "Asian": (0.9, 0.7, 1.2),
        "Black": (3.2, 2.8, 3.7),
        "Mixed": (1.7, 1.3, 2.1),
        "Other": (1.8, 1.02, 3.0),
    },
    "precourt_share": {
        "Asian": (0.95, 0.7, 1.3),
        "Black": (0.62, 0.51, 0.76),
        "Mixed": (0.8, 0.64, 0.99),
        "Other": "hidden",
    },
    "precourt_per_arrest": {
        "Asian": (1.1, 0.9, 1.3),
        "Black": (0.7, 0.6, 0.8),
        "Mixed": (0.9, 0.7, 1.2),
        "Other": "hidden",
    },
    "fte_rate_pnc": {
        "Asian": (0.7, 0.5, 0.94),
        "Black": (2.3, 1.8, 3.0),
        "Mixed": (1.4, 0.97, 2.0),
        "Other": "not_available",
    },
    "reoffending_rate": dict.fromkeys(GROUPS, "censored"),
    "intervention_accepted": {
        "Asian": (1.0, 0.6, 1.5),
        "Black": (0.9, 0.2, 2.2),
        "Mixed": "no_events",
        "Other": "no_reference",
    },
}


def row(**values: Any) -> dict[str, Any]:
    """One row of results; what is not given is blank."""
    start: dict[str, Any] = dict.fromkeys(RESULT_COLUMNS, NAN)
    start |= {
        "measure": "arrest_rate",
        "quantity": "rri",
        "period": PERIODS[-1],
        **dict.fromkeys(SPLITS, "All"),
        "level": "broad",
        "group": "Black",
        "reference": "White",
        "rung": "",
        "term": "",
        "confidence": 0.95,
        "method": "exact",
        "status": "ok",
        "disclosure": "shown",
    }
    return start | values


def _compared(measure: str, group: str, kind: Any, period: str) -> dict[str, Any]:
    keys = {"measure": measure, "group": group, "period": period}
    if isinstance(kind, str):
        disclosure = "hidden" if kind == "hidden" else "shown"
        return row(**keys, status=kind, disclosure=disclosure, method="")
    estimate, lower, upper = kind
    base, other = (BASES[group], BASES["White"]) if measure.endswith(("rate", "pnc")) else (800.0, 2000.0)
    reference = round(0.011 * other) if base > 800 else round(0.61 * other)
    return row(
        **keys,
        estimate=estimate,
        lower=lower,
        upper=upper,
        numerator=round(estimate * reference / other * base),
        denominator=base,
        reference_numerator=reference,
        reference_denominator=other,
    )


def _rates(measure: str, period: str) -> list[dict[str, Any]]:
    keys = {"measure": measure, "quantity": "rate", "period": period, "reference": ""}
    white = row(**keys, group="White", numerator=1210.0, denominator=110000.0, estimate=11.0, lower=10.4, upper=11.6)
    unknown = row(**keys, group="Unknown", numerator=140.0, status="no_denominator")
    return [white, unknown]


def results() -> pd.DataFrame:
    """Rows of every status, in four periods, with bounds and compositions."""
    rows: list[dict[str, Any]] = []
    for measure, groups in KINDS.items():
        for group, kind in groups.items():
            rows.append(_compared(measure, group, kind, PERIODS[-1]))
            if not isinstance(kind, str):
                rows.append(
                    row(
                        measure=measure,
                        group=group,
                        quantity="rri_bounds",
                        confidence=NAN,
                        estimate=kind[0],
                        lower=kind[0] * 0.8,
                        upper=kind[0] * 1.5,
                    )
                )
        rows += _rates(measure, PERIODS[-1])
    for place, period in enumerate(PERIODS[:-1]):
        for group in GROUPS:
            kind: Any = (2.9 - place * 0.1, 2.3, 3.5) if group == "Black" else (1.1, 0.8, 1.5)
            if group == "Other":
                kind = "hidden" if place == 1 else "not_available" if place == 0 else (2.0, 0.4, 21.0)
            made = _compared("arrest_rate", group, kind, period)
            rows.append(made | {"status": "break"} if period == "2022-23" and group != "Other" else made)
    rows += [
        row(
            measure="precourt_share",
            quantity="composition",
            group=group,
            reference="",
            numerator=share * 10,
            denominator=1000.0,
            estimate=share,
            lower=share - 2,
            upper=share + 2,
        )
        for group, share in (("Asian", 18.0), ("Black", 12.0), ("Mixed", 11.0), ("White", 58.0))
    ]
    rows.append(
        row(
            measure="precourt_share",
            quantity="composition",
            group="Other",
            reference="",
            status="hidden",
            disclosure="hidden",
        )
    )
    return pd.DataFrame(rows, columns=list(RESULT_COLUMNS))


def manifest(**changes: Any) -> dict[str, Any]:
    """The manifest of the made-up release."""
    measures = [
        dict(entry)
        | {
            "definition": {
                part: {
                    "title": str(entry[part]).replace("_", " ").capitalize(),
                    "unit": "event",
                    "source": "Made up",
                    "counts": f"Rows of {entry[part]}, as made up for the tests.",
                }
                for part in ("numerator", "denominator")
            }
        }
        for entry in MEASURES
    ]
    unknown = (
        ("searches", 900, 5000),
        ("arrests", 140, 1900),
        ("outcomes", 20, 1600),
        ("precourt", None, None),
    )
    made: dict[str, Any] = {
        "format": 1,
        "run": "0f1e2d3c",
        "title": "Exampleshire youth justice",
        "demonstration": True,
        "created_from": {
            "version": "0.1.0",
            "config_sha256": "ab" * 32,
            "inputs": [{"extract": "arrests", "fingerprint": "cd" * 32}],
        },
        "areas": ["North Exampleshire", "South Exampleshire"],
        "periods": [
            {
                "period": period,
                "label": f"April 20{period[2:4]} to March 20{period[-2:]}",
                "kind": "financial_year",
                "start": f"20{period[2:4]}-04-01",
                "end": f"20{period[-2:]}-04-01",
            }
            for period in PERIODS
        ],
        "groups": {"broad": ["Asian", "Black", "Mixed", "White", "Other", "Unknown"], "detailed": []},
        "references": ["White"],
        "headline": {"period": PERIODS[-1], "reference": "White", "level": "broad", "confidence": 0.95},
        "measures": measures,
        "accounting": [
            {"extract": "arrests", "read": 2000, "used": 1900, "set_aside": 60, "out_of_scope": 40, "adds_up": True},
            {
                "extract": "outcomes",
                "read": 1640,
                "used": 1600,
                "set_aside": "fewer than 10",
                "out_of_scope": 40,
                "adds_up": True,
            },
        ],
        "accounting_rounded_to": 10,
        "attrition": [
            {"step": "Arrests", "unit": "event", "period": PERIODS[-1], "rows": 1900},
            {"step": "Outcomes", "unit": "event", "period": PERIODS[-1], "rows": None},
            {"step": "Re-offences", "unit": "event", "period": PERIODS[-1], "rows": None, "counted": False},
        ],
        "ethnicity": {
            "crosswalk_version": "1",
            "rule": "most_recent_self_defined",
            "source": "self",
            "disagreements": {"children": 45, "shared": 900},
            "unknown": [
                {"stage": stage, "period": PERIODS[-1], "unknown": missing, "total": total}
                for stage, missing, total in unknown
            ],
        },
        "disclosure": {
            "rules": {"minimum_count": 5, "zero_safe": True, "minimum_denominator": 100, "round_to": 5},
            "cells": {"shown": 40, "rounded": 0, "hidden": 5},
        },
        "findings": [{"severity": "warning", "text": "12 outcomes are of a type that a child cannot be given."}],
        "office": {"name": "Office of the Example Commissioner", "contact": "data@example.invalid"},
        "files": [],
    }
    return made | changes


def write_release(folder: Path, frame: pd.DataFrame, facts: dict[str, Any], charts: dict[str, bytes]) -> Path:
    """Write a release folder, with its checksums."""
    (folder / "charts").mkdir(parents=True)
    files = {"results.csv": frame.to_csv(index=False, lineterminator="\n").encode()}
    files |= {f"charts/{name}": content for name, content in charts.items()}
    listed = [{"path": name, "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()]
    files["release.json"] = json.dumps(facts | {"files": listed}, indent=2).encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    (folder / "SHA256SUMS").write_bytes(sums.encode())
    return folder
