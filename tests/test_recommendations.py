"""The register: what it holds, and every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from yjd import recommendations
from yjd.errors import ConfigurationError
from yjd.project import template, write_template
from yjd.recommendations import from_json, load

ENTRY = """
[[recommendations]]
id = "entrants"
source = "Review"
owner = "Office"
gist = "Fewer."

[[recommendations.tracks]]
measure = "fte_rate_pnc"
groups = ["Black"]
reference = "White"
baseline = { period = "2020-21" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / recommendations.FILE
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(write(folder, text))
    return raised.value.problem


def test_the_published_recommendations_come_with_a_new_project(tmp_path: Path) -> None:
    write_template(tmp_path)
    register = load(tmp_path / recommendations.FILE)
    names = [one.id for one in register.recommendations]
    assert {"race-forward-youth-justice", "lammy-4", "hmicfrs-2023", "police-race-action-plan"} <= set(names)
    assert sum(name.startswith("race-forward") for name in names) == 8
    assert all(one.unsure for one in register.recommendations if one.owner == "To be confirmed")
    # no source gives a target, so none is made up
    assert not any(track.target for _, _, track in register.tracks())
    assert "BAME" not in template(recommendations.FILE)


def test_what_a_release_holds_is_read_back(tmp_path: Path) -> None:
    register = load(write(tmp_path, template(recommendations.FILE)))
    assert from_json(register.as_json()) == register


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        ENTRY.replace("fte_rate_pnc", "nothing").replace('"White"', '"Whyte"')
        + ENTRY.replace('"entrants"', '"second"').replace("fte_rate_pnc", "youth_caution_share")
        + '\n[[answers]]\nkind = "action"\ndate = "2024-01-01"\nmeasure = "none"\ngroup = "Black"\n'
        'reference = "White"\nowner = "Office"\ntext = "Done."\n',
    )
    assert "recommendations.entrants.tracks.1: no measure nothing" in text
    assert "recommendations.entrants.tracks.1: no group 'Whyte'" in text
    assert "recommendations.second.tracks.1.better: the measure does not say which direction is better" in text
    assert "answers.1: no measure none" in text
    assert text.startswith("recommendations.toml has 4 problems")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "entrants"', 'id = "Entrants!"', "recommendations.Entrants!.id"),
        ('owner = "Office"', "", "recommendations.entrants.owner: this key is needed and is not there"),
        ('gist = "Fewer."', 'gist = "Fewer."\ngrist = 1', "recommendations.entrants.grist: this key is not known"),
        ('reference = "White"', "", "every group needs a `reference`"),
        ('["Black"]', '["White"]', "a group cannot be its own reference"),
        ('["Black"]', '["Black", "Black"]', "listed twice"),
        ('{ period = "2020-21" }', "{ }", "give either `period`, or `rate`"),
        ('{ period = "2020-21" }', "{ rate = 3.0, ratio = 2.0 }", "say in `note` where the values come from"),
        ('{ period = "2020-21" }', '{ rate = 3.0, note = "x" }', "a baseline by values needs `ratio` too"),
        (
            '{ period = "2020-21" }',
            '{ period = "a" }\ntarget = { date = "2028-01-01" }',
            "give `ratio`, `rate` or both",
        ),
        ('{ period = "2020-21" }', '{ period = "a" }\ntarget = { ratio = 1, date = "2028-02-30" }', "must be a date"),
        ("[[recommendations]]", "[judging]\nerror_percent = 50\n[[recommendations]]", "judging.error_percent"),
    ],
)
def test_each_problem_has_its_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in problems(tmp_path, ENTRY.replace(old, new, 1))


@pytest.mark.parametrize("text", ["[[recommendations]]", "x = ", ENTRY.replace("fte_rate_pnc", "no_such")])
def test_a_problem_comes_with_what_to_do(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text))
    assert "docs/progress.md explains every key." in raised.value.remedy


def test_names_are_given_once(tmp_path: Path) -> None:
    assert "two recommendations are called entrants" in problems(tmp_path, ENTRY + ENTRY)


def test_baselines_of_earlier_runs_are_all_of_one(tmp_path: Path) -> None:
    one, other = (
        ENTRY.replace('"entrants"', f'"{name}"').replace('"2020-21"', f'"2015-16", run = "{run}"')
        for name, run in (("first", "aaa"), ("second", "bbb"))
    )
    assert load(write(tmp_path, one)).baseline_run == "aaa"
    assert "must be of the same run" in problems(tmp_path, one + other)
