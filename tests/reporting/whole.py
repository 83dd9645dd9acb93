"""The made-up release with everything else that a report can be about: hand-made rows of every quantity and kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tests.reporting import made_up
from tests.reporting.made_up import GROUPS, PERIODS, row
from yjd.schema import RESULT_COLUMNS

AREAS = ("North Exampleshire", "South Exampleshire")
MEASURES = tuple(str(entry["id"]) for entry in made_up.MEASURES)
STAGES = ("searches", "arrests", "court")
RUNGS = ("M0", "M1", "M2")
SPAN = "2022-23 to 2024-25"
BLANK: dict[str, Any] = {"method": "", "estimate": math.nan, "lower": math.nan, "upper": math.nan}
COUNTS = {
    "numerator": 40.0,
    "denominator": 900.0,
    "reference_numerator": 300.0,
    "reference_denominator": 9000.0,
}
# of a row of each group: clearly above, clearly below, not clear, hidden
KINDS: dict[str, Any] = {"Asian": (0.7, 0.5, 0.9), "Black": (2.5, 2.1, 2.9), "Mixed": (1.1, 0.8, 1.5)}


def _made(group: str, **keys: Any) -> dict[str, Any]:
    if group not in KINDS:
        return row(**keys, group=group) | {"status": "hidden", "disclosure": "hidden", **BLANK}
    estimate, lower, upper = KINDS[group]
    return row(**keys, group=group, estimate=estimate, lower=lower, upper=upper, **COUNTS)


def _over_time() -> Iterator[dict[str, Any]]:
    for measure in ("arrest_rate", "search_rate"):
        for group in (*GROUPS, "White"):
            yield _made(group, measure=measure, quantity="trend_rate", reference="", term=PERIODS[0])
        for group in GROUPS:
            yield _made(group, measure=measure, quantity="trend_rri", term=PERIODS[0])
            yield _made(group, measure=measure, quantity="change_rri", term=PERIODS[2])
            broken = _made(group, measure=measure, quantity="change_rri", term=PERIODS[0])
            yield broken | ({"status": "break"} if broken["status"] == "ok" else {})


def _pathway() -> Iterator[dict[str, Any]]:
    for group in GROUPS:
        for place, stage in enumerate(STAGES):
            keys = {"measure": "pathway_court", "term": stage}
            yield _made(group, quantity="pathway_rri", **keys)
            yield _made(group, quantity="pathway_step", **keys)
            share = _made(group, quantity="pathway_share", **keys)
            if group == "Mixed":
                share |= {"status": "parity_possible", **BLANK}
            elif group != "Other":
                share |= {"estimate": (60.0, 30.0, 10.0)[place], "lower": (40.0, 20.0, -5.0)[place], "upper": 80.0}
            yield share


def _adjusted() -> Iterator[dict[str, Any]]:
    for rung in RUNGS:
        keys = {"measure": "arrest_rate", "rung": rung, "period": SPAN}
        for group in (*GROUPS, "White"):
            yield _made(group, quantity="adjusted_rate", reference="", **keys)
        for group in GROUPS:
            made = _made(group, quantity="adjusted_rri", **keys)
            yield made | ({"status": "separated", **BLANK} if group == "Mixed" and rung == "M2" else {})
            yield _made(group, quantity="marginal_difference", **keys)


def _missing() -> Iterator[dict[str, Any]]:
    for group, verdict in (("Asian", "no_difference"), ("Black", 0.0), ("Mixed", 1.0), ("Other", 1.0)):
        keys = {"measure": "arrest_rate", "quantity": "missing_explains", "group": group}
        yield row(**keys, **(BLANK | {"status": verdict} if isinstance(verdict, str) else {"estimate": verdict}))


def _areas() -> Iterator[dict[str, Any]]:
    for area in AREAS:
        for measure in MEASURES:
            for group in GROUPS:
                kind = group if area == AREAS[0] and measure in ("arrest_rate", "search_rate") else "Other"
                yield _made(kind, measure=measure, area=area) | {"group": group}
            yield _made("Black", measure=measure, area=area, quantity="rate", reference="") | {"group": "White"}
        for group in ("Black", "Other"):
            for level, spread in ((0.95, 0.4), (0.998, 0.2)):
                made = _made(group, measure="arrest_rate", area=area, quantity="funnel", reference="", confidence=level)
                outside = {"estimate": 44.0, "lower": 20.0 + spread, "upper": 40.0 - spread, "method": "poisson_mid_p"}
                yield made | (outside if made["status"] == "ok" else {})
            yield _made(group, measure="arrest_rate", area=area, quantity="shrunken_rate", reference="")


def results() -> pd.DataFrame:
    """Rows of every quantity that a report is about, in every kind."""
    rows = [*_over_time(), *_pathway(), *_adjusted(), *_missing(), *_areas()]
    return pd.concat([made_up.results(), pd.DataFrame(rows, columns=list(RESULT_COLUMNS))], ignore_index=True)


def manifest(**changes: Any) -> dict[str, Any]:
    """The manifest of that release."""
    made = made_up.manifest(
        pathways=[{"name": "court", "steps": ["population", *STAGES]}],
        models=[
            {
                "measure": "arrest_rate",
                "period": SPAN,
                "rungs": [
                    {"name": "M0", "adjusters": [], "mediator": False},
                    {"name": "M1", "adjusters": ["age_band", "sex"], "mediator": False},
                    {"name": "M2", "adjusters": ["age_band", "sex", "gravity"], "mediator": True},
                ],
            }
        ],
    )
    return made | changes
