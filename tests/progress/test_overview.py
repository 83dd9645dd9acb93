"""The register beside a release: what is kept, what two runs have in common, and the verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.progress.regions import GROUPS, KINDS, NOW, THEN, Change, counts, of, results
from yjd import metrics
from yjd.cli import app, guarded
from yjd.history import History
from yjd.progress import earlier_run
from yjd.progress.comparability import compare, revisions
from yjd.progress.overview import Progress, Run, progress, verdicts
from yjd.progress.priorities import priorities
from yjd.progress.signals import early_signals
from yjd.recommendations import Register, from_json, load
from yjd.release import Release, read_release, write_release
from yjd.reporting.view import View
from yjd.reporting.words import Measure
from yjd.schema import RESULT_COLUMNS

REGISTER = """
[[recommendations]]
id = "entrants"
source = "Review"
owner = "Office"
gist = "Fewer."
[[recommendations.tracks]]
measure = "fte_rate_pnc"
groups = ["Black", "Mixed"]
reference = "White"
baseline = { period = "2020-21"BASELINE }
target = { ratio = 1.0, date = "2024-12-31" }

[[recommendations]]
id = "trust"
source = "Review"
owner = "Other office"
gist = "More."
[[recommendations.evidence]]
date = "2024-05-01"
what = "A meeting."

[[answers]]
kind = "action"
date = "2024-09-01"
measure = "fte_rate_pnc"
group = "Black"
reference = "White"
owner = "Office"
text = "Something is done."
"""
TOML = """
[project]
title = "A small region"
areas = ["North"]
[periods]
first = 2020
last = 2024
[disclosure]
minimum_count = 6
zero_safe = true
minimum_denominator = 10
minimum_children = 0
largest_share_percent = 100
interval_width = 2
method = "hide"
round_to = 0
minimum_degrees_of_freedom = 10
[[extracts]]
name = "arrests"
table = "arrests"
file = "arrests.csv"
columns = { date = "when", area = "district" }
"""


def manifest(**changed: Any) -> dict[str, Any]:
    stage = {"title": "First-time entrants", "counts": "Children", "unit": "child", "sha256": "a"}
    measure = {
        "id": "fte_rate_pnc", "title": "First-time entrants", "family": "fte", "numerator": "entrants", "kind": "rate",
        "denominator": "population", "per": 1, "adverse": "higher", "unit": "first-time entrants", "likely_to": "",
        "per_words": "for every {group} child", "definition": {"numerator": stage, "denominator": stage},
    }  # fmt: skip
    kept = {
        "run": "now", "title": "A small region", "demonstration": False, "areas": ["North"], "measures": [measure],
        "created_from": {"version": "1", "config_sha256": "c", "inputs": [{"extract": "pnc", "fingerprint": "x"}]},
        "periods": [
            {"period": name, "label": name, "kind": "financial_year", "start": f"{name[:4]}-04-01",
             "end": f"20{name[5:]}-03-31"}
            for name in (THEN, NOW)
        ],
        "references": ["White"], "groups": {"broad": [*GROUPS, "Unknown"], "detailed": ["African"]},
        "headline": {"period": NOW, "reference": "White", "level": "broad", "confidence": 0.95},
        "extracts": [{"extract": "pnc", "table": "outcomes", "covers": ["2020-04-01", "2025-03-31"], "schemes": []}],
        "ethnicity": {"crosswalk_version": "1", "source": "self", "rule": "r", "unknown": [
            {"stage": "entrants", "period": THEN, "unknown": 50, "total": 1000}
        ]},
        "disclosure": {"rules": {"minimum_count": 6}},
        "accounting": [{"extract": "pnc", "read": 1000, "set_aside": 10}],
    }  # fmt: skip
    return kept | changed


def released(change: Change = Change(), *, volume: float = 20, seed: int = 4) -> pd.DataFrame:  # noqa: B008
    frame = counts(change, regions=1, volume=volume, seed=seed)["entrants"]
    frame = frame.assign(area="All", measure="entrants")
    table = results({"entrants": frame})
    table = pd.concat([table, metrics.excess(frame, kind="rate", reference="White")])
    return table.assign(measure="fte_rate_pnc").reset_index(drop=True)[list(RESULT_COLUMNS)]


def register(tmp_path: Path, run: str = "") -> Register:
    path = tmp_path / "recommendations.toml"
    path.write_text(REGISTER.replace("BASELINE", f', run = "{run}"' if run else ""), encoding="utf-8")
    return load(path)


def test_the_overview_says_why_and_is_kept_in_the_release(tmp_path: Path) -> None:
    table = released(Change({"entrants": of(Black=0.6)}))
    found = progress(Run("now", table, manifest()), register(tmp_path))
    assert [(one.recommendation.id, one.verdict) for one in found.recommendations] == [
        ("entrants", "improving"), ("trust", "not measurable with this data"),
    ]  # fmt: skip
    assert found.recommendations[0].reasons[0] == "Of 2 comparisons: 1 improving, 1 no clear change."
    assert found.recommendations[1].reasons[1] == "It has evidence of process (1 on record)."
    black = found.comparisons.set_index("group").loc["Black"]
    assert any("The target is a ratio of 1.00 by 2024-12-31." in text for text in black["reasons"])
    assert any("Its date has passed." in text for text in black["reasons"])
    assert found.answers.set_index("group")["state"].to_dict()["Mixed"] == "unanswered"
    kept = manifest(progress=json.loads(json.dumps(found.as_json(), allow_nan=False)))
    again = progress(Run("now", table, kept))
    assert again.register == found.register
    assert again.recommendations == found.recommendations
    assert again.comparisons["reasons"].tolist() == found.comparisons["reasons"].tolist()


def test_half_of_what_is_asked_is_named(tmp_path: Path) -> None:
    """Both rates fall by 30%: the rate is better, the ratio is not."""
    everyone = dict.fromkeys(GROUPS, 0.7)
    table = released(Change({"entrants": of(**everyone)}))
    row = verdicts(Run("now", table, manifest()), register(tmp_path)).comparisons.set_index("group").loc["Black"]
    assert row["verdict"] == "no clear change"
    assert "Taken alone the group's rate is better, but not clearly more so than the reference's." in row["reasons"]


def test_no_number_comes_from_elsewhere_than_the_release(tmp_path: Path) -> None:
    """With every estimate of a group hidden nothing of it is said."""
    table = released()
    black = table["group"] == "Black"
    numbers = [name for name in RESULT_COLUMNS if table[name].dtype == float and name != "confidence"]
    table.loc[black, numbers] = np.nan
    table.loc[black, ["status", "disclosure", "method"]] = ["hidden", "hidden", ""]
    kept = verdicts(Run("now", table, manifest()), register(tmp_path)).as_json()
    row = next(one for one in kept["comparisons"] if one["group"] == "Black")
    assert row["verdict"] == "not measurable with this data"
    told = {name for name, value in row.items() if isinstance(value, float)}
    assert told <= {"target_ratio", "better", "tests", "track", "year_freedom", "year_factor"}


def test_what_is_too_recent_to_judge_is_looked_at_in_its_own_latest_period(tmp_path: Path) -> None:
    table = released()
    late = table["period"] == NOW
    numbers = [name for name in RESULT_COLUMNS if table[name].dtype == float and name != "confidence"]
    table.loc[late, numbers] = np.nan
    table.loc[late, ["status", "method"]] = ["censored", ""]
    found = progress(Run("now", table, manifest()), register(tmp_path))
    measure = Measure.of(manifest()["measures"][0])
    period = View(table, manifest()).period_of(measure)
    assert period == THEN
    for part in (found.comparisons, found.answers, found.priorities):
        assert len(part)
        assert set(part["period"]) == {period}


CHANGES = {
    "definition": ("refuse", lambda m: m["measures"][0]["definition"]["numerator"].update(sha256="b")),
    "ethnicity": ("refuse", lambda m: m["ethnicity"].update(crosswalk_version="2")),
    "areas": ("refuse", lambda m: m.update(areas=["North", "South"])),
    "groups": ("refuse", lambda m: m.update(groups={"broad": ["White"], "detailed": []})),
    "unknown ethnicity": ("refuse", lambda m: m["ethnicity"]["unknown"][0].update(unknown=90)),
    "version": ("mark", lambda m: m["created_from"].update(version="2")),
    "coverage": ("mark", lambda m: m["extracts"][0].update(covers=["2019-04-01", "2025-03-31"])),
    "extracts": ("mark", lambda m: m.update(extracts=[{"extract": "other", "table": "outcomes", "covers": None}])),
    "disclosure": ("mark", lambda m: m["disclosure"]["rules"].update(round_to=5)),
}


@pytest.mark.parametrize("aspect", CHANGES)
def test_what_differs_between_two_runs_is_found(aspect: str) -> None:
    weight, change = CHANGES[aspect]
    then = manifest()
    change(then)  # type: ignore[no-untyped-call]
    found = compare(manifest(), then)
    assert (aspect, weight) in {(one.aspect, one.weight) for one in found}
    same = compare(manifest(), manifest())
    assert [one.weight for one in same] == ["note"]  # both read the same records


def test_the_same_period_in_two_runs_is_a_revision() -> None:
    table = released()
    later = table.assign(numerator=table["numerator"].where(table["period"] != THEN, table["numerator"] * 1.1))
    (found,) = revisions(later, table)
    assert (found.aspect, found.weight) == ("revision", "mark")
    assert "(by +10.0%)" in found.text
    assert revisions(table, table) == []


def test_a_baseline_of_an_earlier_run_needs_a_run_that_can_be_compared(tmp_path: Path) -> None:
    table = released(Change({"entrants": of(Black=0.6)}))
    asked = register(tmp_path, "before")
    later, earlier = table[table["period"] == NOW], table[table["period"] == THEN]
    now = Run("now", later, manifest())

    def verdict(then: Run | None) -> tuple[str, str]:
        row = verdicts(now, asked, earlier=then).comparisons.set_index("group").loc["Black"]
        return row["verdict"], row["status"]

    assert verdict(Run("before", earlier, manifest())) == ("improving", "ok")
    assert verdict(Run("another", earlier, manifest())) == ("not measurable with this data", "no_earlier_run")
    assert verdict(None) == ("not measurable with this data", "no_earlier_run")
    recoded = manifest(ethnicity=manifest()["ethnicity"] | {"source": "officer"})
    assert verdict(Run("before", earlier, recoded)) == ("not measurable with this data", "incomparable")


def quarters(events: np.ndarray) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The control charts of so many areas, shape (areas, 24), and a manifest that knows their quarters."""
    names = [f"{2018 + number // 4}-Q{number % 4 + 1}" for number in range(24)]
    frame = pd.DataFrame({
        "measure": "fte_rate_pnc", "level": "broad", "group": "Black", "period": np.tile(names, len(events)),
        "area": np.repeat([f"a{number:04d}" for number in range(len(events))], 24), "numerator": events.ravel(),
        "denominator": 1e5,
    })  # fmt: skip
    periods = [{"period": name, "kind": "quarter", "start": name, "end": name} for name in names]
    return metrics.control_chart(frame, kind="rate"), manifest(periods=periods)


def test_signals_are_listed_the_newest_first() -> None:
    events = np.random.default_rng(3).poisson(100, (1, 24)).astype(float)
    events[0, -1] = 190
    table, said = quarters(events)
    found = early_signals(table, said)
    assert (found.charts, found.points) == (1, 24)
    first = found.table.iloc[0]
    assert (first["period"], first["direction"], first["side"]) == ("2023-Q4", "above", "adverse")
    assert "beyond_limits" in first["rules"]
    assert 0 < early_signals(table, said, last=1).expected < found.expected


def test_as_many_signals_are_expected_as_chance_gives() -> None:
    """Of charts without any change; signals come in runs, so that their number varies by about three times its root."""
    events = np.random.default_rng(8).poisson(20, (200, 24)).astype(float)
    found = early_signals(*quarters(events))
    assert abs(found.found - found.expected) < 3 * 3 * np.sqrt(found.expected)
    assert found.expected < 0.01 * 200 * 24


def test_areas_are_ranked_by_children_not_by_ratio() -> None:
    rows = {"North": ((400, 20_000), (4000, 400_000)), "South": ((9, 100), (4000, 400_000))}
    frames = []
    for area, (own, other) in rows.items():
        for group, (events, base) in (("Black", own), ("White", other)):
            frames.append({"area": area, "group": group, "numerator": float(events), "denominator": float(base)})
    frame = pd.DataFrame(frames).assign(measure="fte_rate_pnc", period=NOW, level="broad")
    table = pd.concat(
        getattr(metrics, name)(frame, kind="rate", reference="White") for name in ("excess", "relative_rate")
    )
    found = priorities(table, manifest(areas=["North", "South"])).set_index("area")
    assert found["more"].round(6).to_dict() == {"North": 200.0, "South": 8.0}
    assert found.loc["South", "ratio"] > found.loc["North", "ratio"]
    assert found["rank"].to_dict() == {"North": 1, "South": 2}
    assert found.loc["North", ["rank_best", "rank_worst"]].tolist() == [1, 1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose history holds two runs; nothing was extracted, since `yjd progress` reads releases alone."""
    (tmp_path / "yjd.toml").write_text(TOML, encoding="utf-8")
    register(tmp_path)
    (tmp_path / "work").mkdir()
    with History.open(f"sqlite:///{(tmp_path / 'work' / 'history.sqlite').as_posix()}") as history:
        for run, source in (("before", "self"), ("now", "officer")):
            table, kept = released(), manifest(run=run, ethnicity=manifest()["ethnicity"] | {"source": source})
            path = write_release(tmp_path / "work" / "release", run, results=table, manifest=kept, files={})
            history.record(Release(path, run, table, kept))
    return tmp_path


def run_verb(folder: Path, *words: str) -> int:
    return guarded(lambda: app(["progress", "--config", str(folder / "yjd.toml"), *words], standalone_mode=False))


def test_the_verb_tells_the_verdicts_and_what_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest = str(project / "work" / "release" / "now")
    assert run_verb(project, "--release", newest) == 0
    text = capsys.readouterr().out
    assert text.startswith("Run now, held against before\n")
    assert "refuse: Recording changed: whose record of ethnicity counts is another" in text
    assert run_verb(project, "--release", newest, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], told["earlier"], told["comparable"]) == ("now", "before", False)
    assert from_json(told["register"]).recommendations[0].id == "entrants"


def test_where_nothing_can_be_said_the_exit_code_is_15(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(project, "before")
    assert run_verb(project, "--release", str(project / "work" / "release" / "now")) == 15
    assert "cannot be compared" in capsys.readouterr().err


def test_an_earlier_run_is_read_from_the_history(project: Path) -> None:
    with History.open(f"sqlite:///{(project / 'work' / 'history.sqlite').as_posix()}") as history:
        found = earlier_run(history, "before")
    pd.testing.assert_frame_equal(found.results, read_release(project / "work" / "release" / "before").results)
    assert isinstance(progress(found, register(project)), Progress)
    assert set(KINDS) == {"entrants", "precourt"}
