"""The document on data gaps: what is hidden stays hidden, what is said follows from the release."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.reporting.made_up import PERIODS, manifest, results, row
from yjd.reporting import gap_agreement, gap_chart, gap_data, gap_points, gap_steps, gaps
from yjd.reporting.svg import chart_style, svg_bytes
from yjd.reporting.view import View

AREAS = ("North Exampleshire", "South Exampleshire")
SCHEMES = {
    "police_18plus1": {"detailed": ["African", "Arab"], "headings": [], "under": ["Asian", "Black", "Mixed", "White",
                       "Other"], "joined": []},
    "police_16plus1": {"detailed": ["African"], "headings": [], "under": ["Asian", "Black", "Mixed", "White", "Other"],
                       "joined": []},
    "officer": {"detailed": [], "headings": ["Asian", "Black", "White", "Other"],
                "under": ["Asian", "Black", "White", "Other"], "joined": []},
}  # fmt: skip
HIDDEN = 7.77  # a number that ought not to be there, so that one that slips through is seen


def extract(name: str, table: str, **changes: Any) -> dict[str, Any]:
    start = {"extract": name, "table": table, "counts": False, "self_scheme": "police_18plus1", "officer_scheme": None,
             "identifier": True, "first": "2021-04-01", "last": "2025-03-31", "stated": True}  # fmt: skip
    return start | changes


def spread(**shares: int) -> dict[str, list[int]]:
    return {name: [percent, 1] for name, percent in shares.items()}


AGREEMENT = {
    "extract": "arrests", "comparable": ["Asian", "Black", "White"], "about": 10000, "agree": [95, 1],
    "rows": [
        {"heading": "Asian", "weight": [30, 1], "officer": spread(Asian=95, Black=2, White=3)},
        {"heading": "Black", "weight": [20, 1], "officer": spread(Asian=2, Black=94, White=4)},
        {"heading": "Mixed", "weight": None, "officer": spread(Asian=20, Black=55, White=25)},
        {"heading": "White", "weight": [50, 1], "officer": spread(Asian=2, Black=2, White=96)},
    ],
}  # fmt: skip


def quality(**changes: Any) -> dict[str, Any]:
    recorded = {"known": [94, 1], "identified": [100, 1], "officer": [98, 1], "not_stated": [78, 2], "refused": [0, 2],
                "blank": [16, 2], "unmapped": [6, 2], "conflicting": [0, 2]}  # fmt: skip
    start = {
        "unit": 12,
        "extracts": [
            extract("arrests", "arrests", officer_scheme="officer"),
            extract("outcomes", "outcomes", self_scheme="police_16plus1", identifier=False, last="2024-09-30"),
        ],
        "recorded": [
            {"extract": "arrests", "system": "", "slices": [
                {"by": "all", "slice": "All", "percent": recorded},
                {"by": "area", "slice": AREAS[0], "percent": {"known": [90, 2]}},
                {"by": "area", "slice": AREAS[1], "percent": {}},
            ]},
            {"extract": "outcomes", "system": "yjs_case", "slices": [{"by": "all", "slice": "All", "percent": {}}]},
        ],
        "agreement": [AGREEMENT],
        "schemes": SCHEMES,
    }  # fmt: skip
    return start | changes


def unknown_rows() -> list[dict[str, Any]]:
    """Shares of unknown ethnicity: shown, hidden with numbers in them, not available, too recent."""
    kinds = {AREAS[0]: ("ok", "shown", 6.0), AREAS[1]: ("hidden", "hidden", HIDDEN), "All": ("ok", "shown", 5.0)}
    rows = []
    for area, (status, disclosure, percent) in kinds.items():
        for measure in ("arrest_rate", "precourt_share", "reoffending_rate"):
            keys = {"measure": measure, "quantity": "composition", "group": "Unknown", "reference": "", "area": area}
            late = "censored" if measure == "reoffending_rate" else status
            rows.append(row(**keys, status=late, disclosure=disclosure, estimate=percent, lower=percent - 1,
                            upper=percent + 1, numerator=60.0, denominator=1000.0))  # fmt: skip
    return rows


def looking(**changes: Any) -> View:
    detailed = ["African", "Arab", "Roma", "White (no detail)", "Unknown"]
    groups = {"broad": manifest()["groups"]["broad"], "detailed": detailed}
    frame = pd.concat([results(), pd.DataFrame(unknown_rows())], ignore_index=True)
    return View(frame, manifest(groups=groups, **({"quality": quality()} | changes)))


def page(view: View) -> str:
    blocks = (gap_points.main_points, gaps.who_collects, gaps.completeness, gaps.in_time, gaps.reasons, gaps.detail,
              gaps.lost_groups, gap_agreement.agreement_tables, gaps.coverage, gaps.set_aside, gap_steps.prevented,
              gap_steps.steps)  # fmt: skip
    return "".join(block(view).text for block in blocks)


# --- what may be said ---------------------------------------------------------------------------------------


def test_what_is_hidden_appears_nowhere() -> None:
    written = page(looking())
    assert "[c]" in written
    assert "7.8" not in written
    assert ">8<" not in written
    cell = gap_data.not_known(looking(), looking().measures[1], area=AREAS[1])
    assert math.isnan(cell.percent)
    assert cell.mark == "[c]"


def test_a_share_that_did_not_leave_is_marked() -> None:
    one = next(found for found in gap_data.slices(looking(), "area") if found.name == AREAS[1])
    assert one.words("known") == "[c]"
    assert "outcomes: youth justice services" in gaps.reasons(looking()).text


@pytest.mark.parametrize(
    ("share", "said"),
    [((0, 2), "less than 2"), ((100, 5), "more than 95"), ((40, 10), "40"), ((100, 1), "more than 99")],
)
def test_none_and_all_are_never_said(share: tuple[int, int], said: str) -> None:
    assert gap_data.percent_words(*share) == said


def test_a_release_without_quality_says_so_and_nothing_else() -> None:
    view = View(results(), manifest())
    written = page(view)
    assert "[x]" in written
    assert "does not say how its extracts record ethnicity" in written


def test_every_main_point_follows_from_the_release() -> None:
    said = gap_points.main_points(looking()).text
    assert "2 extracts of records feed this release" in said
    assert "1 of 2 say which child a record is about; 1 of 2 hold an officer&#x27;s view" in said
    assert "No extract of records can tell Roma children apart." in said
    assert "Some extracts of records can tell Arab children apart and others cannot." in said
    assert "95 of every 100 in arrests, of the headings that officers&#x27; labels have" in said
    assert "of every 100 children who say Mixed, they recorded 20 as Asian, 55 as Black and 25 as White" in said
    assert f"at most 6 of every 100 (arrests, {AREAS[0]}, {PERIODS[-1]})" in said
    assert 5 <= said.count("<li>") <= 8


def test_text_from_outside_comes_out_letter_for_letter() -> None:
    nasty = "<img src=x onerror=alert(1)>"
    changed = quality(extracts=[extract(nasty, "arrests", first=nasty)], recorded=[
        {"extract": nasty, "system": nasty, "slices": [{"by": "all", "slice": "All", "percent": {"known": [50, 1]}}]}
    ], agreement=[AGREEMENT | {"extract": nasty}])  # fmt: skip
    written = page(looking(quality=changed))
    assert "<img" not in written
    assert "&lt;img" in written


# --- agreement ----------------------------------------------------------------------------------------------


def test_kappa_is_that_of_other_software() -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    weights = np.array([0.30, 0.20, 0.50])
    officer = np.array([[0.95, 0.02, 0.03], [0.02, 0.94, 0.04], [0.02, 0.02, 0.96]])
    table = np.round(weights[:, None] * officer * 10000)
    known = cohens_kappa(table)
    agree = float(np.trace(table) / table.sum())
    found = gap_agreement.agreement(AGREEMENT | {"agree": [95, 1]})
    # the share that leaves is rounded: kappa follows from it, and its interval holds that of the exact table
    assert found.share == pytest.approx(agree, abs=0.005)
    assert found.kappa == pytest.approx(known.kappa, abs=0.01)
    assert found.kappa_lower < known.kappa_low
    assert found.kappa_upper > known.kappa_upp
    chance = float(weights @ (weights @ officer))
    simple = math.sqrt(agree * (1 - agree) / 10000) / (1 - chance)
    assert simple == pytest.approx(known.std_kappa, rel=0.05)
    assert found.kappa_upper - found.kappa == pytest.approx(1.959964 * simple + 0.005 / (1 - chance), rel=0.05)


def test_without_weights_there_is_no_kappa_but_each_heading() -> None:
    rows = [entry | {"weight": None} for entry in AGREEMENT["rows"]]  # type: ignore[attr-defined]
    held = AGREEMENT | {"about": None, "agree": None, "rows": rows}
    assert math.isnan(gap_agreement.agreement(held).kappa)
    written = gap_agreement.agreement_tables(looking(quality=quality(agreement=[held]))).text
    assert "hidden [c]" in written
    assert "<strong>95</strong>" in written


# --- coverage, what cannot be known, steps ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2020-04-01", "2025-03-31", "whole"), ("2024-04-01", "2025-03-31", "whole"),
        ("2024-04-02", "2025-03-31", "part"), ("2020-04-01", "2024-09-30", "part"),
        ("2020-04-01", "2024-03-31", "none"), ("2025-04-01", "2026-03-31", "none"),
        ("2024-04", "2025-03", "whole"), ("2024-05", "2025-03", "part"), (None, None, ""),
    ],
)  # fmt: skip
def test_a_period_is_covered_wholly_partly_or_not(first: str | None, last: str | None, said: str) -> None:
    assert gap_data.covered({"first": first, "last": last}, "2024-04-01", "2025-03-31") == said


def test_a_measure_without_data_is_something_nobody_can_know() -> None:
    facts = looking().manifest
    assert "Stop and search rate" not in gap_steps.prevented(looking()).text
    without = [entry for entry in facts["measures"] if entry["family"] != "search"]
    frame = looking().results
    view = View(frame, {**facts, "measures": without})
    written = gap_steps.prevented(view).text
    assert "Stops and searches: no records or counts" in written
    assert "Stop and search rate" in written
    assert "outcomes: records do not say which child they are about" in written
    assert "outcomes: its labels cannot express Arab" in written
    assert "Stop and search rate" in gap_steps.not_measured_sentence(view)
    searches = [*quality()["extracts"], extract("searches", "searches")]
    asked = View(frame, {**facts, "measures": without, "quality": quality(extracts=searches)})
    written = gap_steps.prevented(asked).text
    assert "Stops and searches: no records or counts" not in written
    assert "Left out of this release" in written


def test_steps_are_judged_by_what_the_release_shows() -> None:
    states = {step.what: step.judge(looking())[0] for step in gap_steps.STEPS}
    assert states["Ask the child, and record what the child says"] == "Taken"
    assert states["Use one set of labels in every agency"] == "Not taken"
    assert states["Share one pseudonymous identifier of the child between agencies"] == "Taken in part"
    empty = {step.judge(View(results(), manifest()))[0] for step in gap_steps.STEPS[:7]}
    assert empty == {"Cannot be told"}
    assert all(step.source for step in gap_steps.STEPS)
    assert "steps are taken" in gap_points.standard_sentence(looking())


# --- the chart ----------------------------------------------------------------------------------------------


def drawn(view: View) -> bytes:
    with chart_style():
        figure = gap_chart.gaps_chart(view)
        return svg_bytes(
            figure, name="gaps", title=gap_chart.gaps_headline(view), description=gap_chart.gaps_description(view)
        )


def test_the_chart_says_in_words_what_it_draws() -> None:
    view = looking()
    content = drawn(view).decode()
    assert f"most for arrests in {AREAS[0]}, 6 of every 100" in content
    assert re.search(r"\d+ of \d+ shares by area\s+cannot be shown", content)
    assert "All numbers are in the table below the chart." in content
    assert "7.8" not in gap_chart.gaps_description(view)
    assert drawn(looking()) == drawn(looking())


def test_without_a_number_there_is_no_chart() -> None:
    assert gap_chart.shown_stages(View(results(), manifest())) == []
    assert "<svg" not in gaps.completeness(View(results(), manifest())).text
