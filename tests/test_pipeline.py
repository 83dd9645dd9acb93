"""The whole job on small projects: what a run leaves and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.extracts.project import TOML, SmallProject
from yjd.cli import app, guarded
from yjd.config import load
from yjd.counting import base_gaps
from yjd.errors import BusyError, ConfigurationError, DisclosureError, SchemaError
from yjd.folders import alone, history_url
from yjd.history import History
from yjd.history_lock import hold
from yjd.measures import stages
from yjd.pipeline import RunOutcome, run
from yjd.release import read_release, write_release

GROUPS = {"W1": 40, "B1": 25, "A2": 12, "M1": 9, "NS": 7}


def arrests_of(groups: dict[str, int], *, first: int = 1) -> str:
    """One arrest for each child."""
    lines = ["ref,person,when,district,gender,age,self,officer"]
    number = first
    for code, count in groups.items():
        for _ in range(count):
            day = f"{1 + number % 28:02d}/{4 + number % 9:02d}/2024"
            area, sex = ("North", "M") if number % 3 else ("South", "F")
            lines.append(f"Ref{number},Child{number},{day},{area},{sex},{10 + number % 8},{code},IC9")
            number += 1
    return "\n".join(lines) + "\n"


POPULATION = "area,ethnicity,count\n" + "".join(
    f"{area},{group},{count}\n"
    for area, size in (("North", 1), ("South", 2))
    for group, count in (("White", 1500 * size), ("Black", 300 * size), ("Asian", 700 * size), ("Mixed", 200 * size))
)


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path).write(arrests=arrests_of(GROUPS), population=POPULATION)


def run_it(project: SmallProject, **options: bool) -> RunOutcome:
    return run(load(project.folder / "yjd.toml"), **{"report": False, **options})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A run of that project: to be read, or copied with its whole folder."""
    made = SmallProject(tmp_path_factory.mktemp("first")).write(arrests=arrests_of(GROUPS), population=POPULATION)
    return run_it(made)


@pytest.fixture
def ran(first: RunOutcome, tmp_path: Path) -> tuple[SmallProject, RunOutcome]:
    """The project after its first run, in a folder of its own."""
    shutil.copytree(first.release.parents[2], tmp_path / "ran")
    return SmallProject(tmp_path / "ran"), replace(first, release=tmp_path / "ran" / "work" / "release" / first.run)


def test_a_run_counts_protects_releases_and_records(ran: tuple[SmallProject, RunOutcome]) -> None:
    project, outcome = ran
    release = read_release(outcome.release)
    rates = release.results.query("quantity == 'rate' and measure == 'arrest_rate' and area == 'All'").set_index(
        "group"
    )
    assert rates.loc["White", "numerator"] == 40
    assert rates.loc["White", "estimate"] == pytest.approx(1000 * 40 / 4500)
    assert rates.loc["Black", "numerator"] == 25
    assert rates.loc["All", "numerator"] == sum(GROUPS.values())
    ratio = release.results.query(
        "quantity == 'rri' and measure == 'arrest_rate' and area == 'All' and group == 'Black'"
    ).iloc[0]
    assert ratio["estimate"] == pytest.approx((25 / 900) / (40 / 4500))
    review = outcome.release.parents[1] / "review" / outcome.run
    assert pd.read_csv(review / "accounting.csv")["read"].tolist()[1] == sum(GROUPS.values()) == 93
    assert release.manifest["accounting"][1] == {
        "extract": "custody_suite", "read": 90, "used": 90, "set_aside": 0, "out_of_scope": 0, "adds_up": True
    }  # fmt: skip
    with History.open(history_url(load(project.folder / "yjd.toml"))) as history:
        assert history.runs()["run"].tolist() == [outcome.run]
        pd.testing.assert_frame_equal(history.results(outcome.run), release.results, check_dtype=False)


def test_the_same_inputs_give_the_same_bytes(ran: tuple[SmallProject, RunOutcome]) -> None:
    def bytes_of(path: Path) -> dict[str, bytes]:
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}

    project, outcome = ran
    before = bytes_of(outcome.release)
    shutil.rmtree(outcome.release)
    again = run_it(project).release
    assert again == outcome.release
    assert bytes_of(again) == before


def test_a_failed_run_leaves_the_last_good_state(ran: tuple[SmallProject, RunOutcome]) -> None:
    project, good = ran
    before = {path: path.read_bytes() for path in good.release.rglob("*") if path.is_file()}
    project.write(arrests=arrests_of(GROUPS).replace("/2024", "/1066"), population=POPULATION)
    with pytest.raises(SchemaError):
        run_it(project)
    assert {path: path.read_bytes() for path in good.release.rglob("*") if path.is_file()} == before
    assert [path.name for path in good.release.parent.iterdir()] == [good.run]
    project.write(arrests=arrests_of(GROUPS), population=POPULATION)
    assert run_it(project).run == good.run


def test_a_changed_byte_is_refused(ran: tuple[SmallProject, RunOutcome]) -> None:
    project, path = ran[0], ran[1].release
    results = path / "results.csv"
    results.write_bytes(results.read_bytes().replace(b"40", b"41", 1))
    with pytest.raises(DisclosureError, match=r"not as it was written: results\.csv"):
        read_release(path)
    with pytest.raises(DisclosureError, match="is not a release"):
        read_release(project.folder)


def test_small_counts_and_all_that_gives_them_back_are_hidden(project: SmallProject) -> None:
    """Two Asian children arrested in all: neither their count nor a rate, ratio or total shows it."""
    project.write(arrests=arrests_of({**GROUPS, "A2": 2}), population=POPULATION)
    results = read_release(run_it(project).release).results
    asian = results.query("group == 'Asian' and measure == 'arrest_rate'")
    assert set(asian["status"]) == {"hidden"}
    assert asian[["numerator", "denominator", "estimate", "lower", "upper"]].isna().all(axis=None)
    whole = results.query("quantity == 'rate' and measure == 'arrest_rate' and area == 'All'").set_index("group")
    shown = whole.loc[["Black", "Mixed", "Other", "White"], "numerator"]
    # with every other group shown, the total of the known would give the hidden one back
    assert shown.isna().any() or whole.loc["Known", "numerator"] != whole.loc["Known", "numerator"]


@pytest.mark.parametrize(
    ("change", "code"),
    [("[project]\n", 10), ("arrests.csv", 11), ('sex = "gender"', 12)],
    ids=["configuration", "extract", "schema"],
)
def test_exit_codes(
    change: str, code: int, project: SmallProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {10: "[projekt]\n", 11: "nowhere.csv", 12: 'sex = "nosuch"'}[code]
    project.write(toml=TOML.replace(change, broken, 1), arrests=arrests_of(GROUPS), population=POPULATION)
    monkeypatch.chdir(project.folder)
    assert guarded(lambda: app(["check", "--quiet"], standalone_mode=False)) == code
    assert capsys.readouterr().err.strip()


def test_check_says_where_every_row_went(
    project: SmallProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.folder)
    assert guarded(lambda: app(["check", "--quiet", "--json"], standalone_mode=False)) == 0
    rows = {row["extract"]: row for row in json.loads(capsys.readouterr().out)["extracts"]}
    assert rows["custody_suite"]["read"] == rows["custody_suite"]["used"] == sum(GROUPS.values())
    assert not (project.folder / "work" / "release").exists()


def test_children_are_not_counted_where_no_record_says_which_child(project: SmallProject) -> None:
    text = (project.folder / "yjd.toml").read_text(encoding="utf-8")
    nameless = text.replace('child_id = "person", ', "").replace("ignore = [", 'ignore = ["person", ')
    nameless = nameless if "person" in nameless.partition("ignore")[2] else nameless.replace(
        'columns = { arrest_id', 'ignore = ["person"]\ncolumns = { arrest_id'
    )  # fmt: skip
    assert nameless != text
    (project.folder / "yjd.toml").write_text(nameless, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"children_arrested_rate.*no record says whom"):
        run_it(project)


def test_allocation_on_counts_that_are_not_protected_stays_in_review(first: RunOutcome) -> None:
    released = set(read_release(first.release).results["quantity"])
    assert "rri_allocated" not in released
    review = pd.read_csv(first.release.parents[1] / "review" / first.run / "results.csv")
    assert "rri_allocated" in set(review["quantity"])
    assert "rri_imputed" in released


def test_a_run_is_not_repeated_where_nothing_has_changed(
    project: SmallProject, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_it(project, if_changed=True)
    assert first.changed
    written = (first.release / "SHA256SUMS").stat().st_mtime_ns
    again = run_it(project, if_changed=True)
    assert (again.run, again.changed, again.release) == (first.run, False, first.release)
    assert (first.release / "SHA256SUMS").stat().st_mtime_ns == written
    (first.release / "results.csv").write_text("", encoding="utf-8")
    with pytest.raises(DisclosureError):  # a changed release is no reason to leave things as they are
        run_it(project, if_changed=True)
    project.write(arrests=arrests_of(GROUPS | {"W1": 41}))
    third = run_it(project, if_changed=True)
    assert third.changed
    assert third.run != first.run


def test_one_run_of_a_project_at_a_time(project: SmallProject) -> None:
    settings = load(project.folder / "yjd.toml")
    with alone(settings), pytest.raises(BusyError, match="Another run"):
        run_it(project)
    assert run_it(project).run


def test_one_run_of_all_projects_that_share_a_history_at_a_time(
    project: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of two such runs would heed what the other is about to release."""
    url = f"sqlite:///{(project.folder / 'shared.sqlite').as_posix()}"
    monkeypatch.setenv("YJD_TEST_HISTORY", url)
    config = project.folder / "yjd.toml"
    config.write_text(f'{config.read_text(encoding="utf-8")}\n[history]\nurl_env = "YJD_TEST_HISTORY"\n', "utf-8")
    with hold(url):
        told = guarded(lambda: app(["run", "--quiet", "--config", str(config)], standalone_mode=False))
        assert told == BusyError.exit_code == 17
        assert not list((project.folder / "work").glob("release/*"))
    first = run_it(project)
    own = read_release(first.release)
    kept = {**own.manifest, "run": "0123456789ab", "areas": ["Elsewhere"]}
    path = write_release(project.folder / "other", kept["run"], results=own.results, manifest=kept, files={})
    with History.open(url) as history:
        history.record(read_release(path))
    assert not run_it(project, if_changed=True).changed  # what others have recorded since is no change of this project


def test_a_base_that_lacks_an_age_is_told() -> None:
    """A population without 10 and 11 year olds would make every rate too high, without a word."""
    bands, stage = ("10-11", "12-14", "15-17"), stages()["population"]
    rows = [
        {"stage": "population", "period": "2024-25", "area": area, "sex": sex, "age_band": band, "n": 100}
        for area in ("North", "South") for sex in ("Female", "Male") for band in bands
    ]  # fmt: skip
    cube = pd.DataFrame(rows)
    assert base_gaps(cube, [stage], bands) == []
    (told,) = base_gaps(cube[cube["age_band"] != "10-11"], [stage], bands)
    assert told["severity"] == "warning"
    assert "there are none of age band 10-11. " in told["text"]
    north = (cube["age_band"] == "10-11") & (cube["area"] == "North")
    (told,) = base_gaps(cube.assign(n=cube["n"].mask(north, 0)), [stage], bands)
    assert "10-11 (in some areas or periods)" in told["text"]
    assert base_gaps(cube.assign(age_band="All", sex="All"), [stage], bands) == []


def test_runs_are_listed_shown_and_exported(
    ran: tuple[SmallProject, RunOutcome],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project, outcome = ran
    monkeypatch.chdir(project.folder)

    def said(*arguments: str) -> dict[str, Any]:
        assert guarded(lambda: app([*arguments, "--json"], standalone_mode=False)) == 0
        return json.loads(capsys.readouterr().out)

    assert [row["run"] for row in said("runs")["runs"]] == [outcome.run]
    shown = said("runs", "show", outcome.run)
    assert shown["run"] == outcome.run
    assert {row["measure"] for row in shown["results"]} >= {"arrest_rate"}
    assert len(said("runs", "export", outcome.run, "--output", str(tmp_path / "kept"))["written"]) == 3
    # what was exported makes the same run again
    again = tmp_path / "again"
    shutil.copytree(project.folder, again, ignore=shutil.ignore_patterns("work", "kept", "again"))
    shutil.copyfile(tmp_path / "kept" / "yjd.toml", again / "yjd.toml")
    assert run(load(again / "yjd.toml"), report=False).run != outcome.run  # another key: nobody can confirm a guess
    key = Path("work", "sensitive", "project.key")
    shutil.rmtree(again / "work")  # with that run in its history, the next would have an earlier release
    (again / key).parent.mkdir(parents=True)
    shutil.copyfile(project.folder / key, again / key)
    repeated = run(load(again / "yjd.toml"), report=False)
    assert repeated.run == outcome.run
    assert (repeated.release / "SHA256SUMS").read_bytes() == (outcome.release / "SHA256SUMS").read_bytes()
    project.write(arrests=arrests_of(GROUPS | {"W1": 60}))
    later = run_it(project)
    differences = said("runs", "compare", later.run, outcome.run)["differences"]
    assert "revision" in {one["aspect"] for one in differences}  # the same period holds more arrests than it did
    assert guarded(lambda: app(["runs", "show", "nothing"], standalone_mode=False)) == 15
