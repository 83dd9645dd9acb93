"""Twenty quarterly runs of one project in a row, and what can go wrong on the way: ``nox -s repeat_runs``.

One run is killed half-way, again and again; two are started at the same moment; from one run on a definition is
another; one has the clock set back (libfaketime, Debian's package faketime). Prints the tables of docs/repeat-runs.md.
Whatever is not as it must be ends the study.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from tests.study.repeat_attack import FAMILIES, attack, read
from tests.study.repeat_recount import recounted
from tests.study.repeat_region import FIRST, Region, register
from yjd.history import History
from yjd.measures import sql_folder
from yjd.release import read_release

RUNS, KILLED, TOGETHER, REDEFINED, SET_BACK = 20, 7, 9, 12, 15
KILLS, DAYS_BACK = 5, 400
BUSY = 17
ALONE = (10, 20)  # these runs are made once more in a project without a history
_DRIVER = """
import json, sys, time
from pathlib import Path
import yjd.measures
sql, seconds, arguments = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
if sql:
    yjd.measures.sql_folder = lambda: Path(sql)
from yjd import cli, pipeline
inner = pipeline.protect_cells
def timed(*given, **named):
    began = time.thread_time()
    try:
        return inner(*given, **named)
    finally:
        seconds.write_text(json.dumps(time.thread_time() - began))
pipeline.protect_cells = timed
def written(_, release, *, output):
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(release.name)
    return output
import yjd.reporting.charts, yjd.reporting.render, yjd.reporting.workbook  # they take no part in this, but time
yjd.reporting.charts.charts_for = yjd.reporting.workbook.workbook = lambda *_: {}
yjd.reporting.render.render = written
sys.argv = ["yjd", *arguments]
cli.main()
"""


class Office:
    """One project, and the command line in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sql = folder, ""
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str, back: bool = False) -> subprocess.Popen[str]:
        """Start `yjd` with these arguments, the clock set back if asked."""
        seconds = self.folder.parent / f"{self.folder.name}.seconds"
        command = [sys.executable, "-c", _DRIVER, self.sql, str(seconds), *arguments]
        if back:
            command = ["faketime", "-f", f"-{DAYS_BACK}d", *command]
        env = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "LOKY_MAX_CPU_COUNT": "1",  # one processor: its time is measured, and libfaketime stops further processes
        }  # fmt: skip
        return subprocess.Popen(
            command, cwd=self.folder, env=env, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def yjd(self, *arguments: str, back: bool = False) -> dict[str, Any]:
        """What `yjd ... --json` answers."""
        said, told = (process := self.start(*arguments, "--json", back=back)).communicate()
        assert process.returncode == 0, told
        assert said.startswith("{"), said[:200]  # nothing else may be on standard output
        return json.loads(said)

    @property
    def seconds(self) -> float:
        """Processor seconds that disclosure control and its audit took in the last run."""
        return float((self.folder.parent / f"{self.folder.name}.seconds").read_text(encoding="utf-8"))

    def runs(self) -> list[str]:
        """Those of the history, in order."""
        with History.open(f"sqlite:///{(self.folder / 'work' / 'history.sqlite').as_posix()}") as history:
            return history.runs()["run"].tolist()

    def is_whole(self) -> None:
        """Every release on the disk and every run of the history is whole, and they say the same."""
        with History.open(f"sqlite:///{(self.folder / 'work' / 'history.sqlite').as_posix()}") as history:
            for run in history.runs()["run"]:
                release = read_release(self.folder / "work" / "release" / run)
                assert history.holds(release)
                pd.testing.assert_frame_equal(history.results(run), release.results)
        for path in (self.folder / "work" / "release").glob("[!.]*"):
            read_release(path)


def killed(office: Office, lasts: float) -> int:
    """Kill a run at random moments; how often its release was there all the same."""
    chance, there = random.Random(7), 0
    for _ in range(KILLS):
        before = len(list((office.folder / "work" / "release").glob("[!.]*")))
        process = office.start("run", "--quiet")
        time.sleep(chance.uniform(0.1, 1.0) * lasts)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        office.is_whole()
        there += len(list((office.folder / "work" / "release").glob("[!.]*"))) > before
    return there


def together(office: Office) -> tuple[list[int], str]:
    """Start two runs at the same moment: their exit codes, and what the one that left said."""
    both = [office.start("run", "--quiet", "--json") for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, BUSY], (codes, said)
    return sorted(codes), said[codes.index(BUSY)].strip()


def another_definition(folder: Path) -> str:
    """A copy of the definitions in which arrests without an age are left out."""
    shutil.copytree(sql_folder(), folder)
    path = folder / "stages" / "arrests.sql"
    text = path.read_text(encoding="utf-8")
    changed = text.replace("(age IS NULL OR age BETWEEN 10 AND 17)", "age BETWEEN 10 AND 17")
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    return str(folder)


def measured(office: Office, run: str) -> dict[str, Any]:
    """How many cells a release shows and hides, and how long disclosure control took."""
    cells = read_release(office.folder / "work" / "release" / run).manifest["disclosure"]["cells"]
    return {"hidden": cells["hidden"], "cells": sum(cells.values()), "seconds": office.seconds}


def row_of(region: Region, office: Office, number: int, scratch: Path, lasts: float) -> dict[str, Any]:
    """Make one of the runs, with what happens to it; the one before took `lasts` seconds."""
    region.deliver(office.folder, FIRST + number - 1)
    row: dict[str, Any] = {"number": number, "what": ""}
    if number == KILLED:
        there = killed(office, lasts)
        row["what"] = f"killed {KILLS} times (release there {there} times), then left alone"
    if number == TOGETHER:
        codes, sentence = together(office)
        row["what"] = f"two at the same moment: exit codes {codes[0]} and {codes[1]} ({sentence!r})"
    if number == REDEFINED:
        office.sql = another_definition(scratch / "sql")
        row["what"] = "arrests are defined otherwise from here on"
    if number == SET_BACK:
        row["what"] = f"the clock is {DAYS_BACK} days late"
    began = time.monotonic()
    outcome = office.yjd("run", "--quiet", back=number == SET_BACK)
    row["lasts"] = time.monotonic() - began
    if number == SET_BACK:
        for path in Path(outcome["release"]).rglob("*"):  # libfaketime does not reach the file system's own clock
            os.utime(path, (time.time() - 86400 * DAYS_BACK,) * 2)
    row |= {"run": outcome["run"]} | measured(office, outcome["run"])
    if number in ALONE:
        alone = Office(scratch / f"alone_{number}")
        alone.sql = office.sql
        region.deliver(alone.folder, FIRST + number - 1)
        row["alone"] = measured(alone, alone.yjd("run", "--quiet")["run"])
    if row["what"]:
        assert office.yjd("run", "--if-changed", "--quiet")["changed"] is False
    office.is_whole()
    return row


def recount(office: Office, comparisons: list[dict[str, Any]]) -> str:
    """Count what the verdicts rest on once more from the extracts."""
    judged = [row for row in comparisons if row["status"] == "ok"]
    hidden = [row for row in comparisons if row["status"] == "hidden"]
    assert len(judged) + len(hidden) == len(comparisons) == 4
    assert len(judged) >= 2
    assert all(row["rate"] is None and row["verdict"].startswith("not measurable") for row in hidden)
    for row in judged:
        year = int(row["period"][:4])
        rates = recounted(office.folder / "extracts", f"{year}-04-01", f"{year + 1}-03-31", of_any_age=False)
        own, reference = (rates.loc[row[name], row["measure"]] for name in ("group", "reference"))
        for name, value in (("rate", own), ("ratio", own / reference)):
            assert abs(row[name] / value - 1) < 1e-5, (row["measure"], row["group"], name)
    found = ", ".join(f"{row['measure']} of {row['group']}: {row['verdict']}" for row in judged)
    return (
        f"the rates and ratios of the last run's verdicts are those that pandas counts from the extracts ({found}); "
        f"{len(hidden)} of {len(comparisons)} cannot be judged, a count being hidden"
    )


def told(office: Office, runs: list[str]) -> list[str]:
    """What `yjd runs` and `yjd progress` say at the end, each held against what must be."""
    listed = office.yjd("runs")["runs"]
    assert [row["run"] for row in listed] == runs
    moments = [row["recorded_at"] for row in listed]
    said = [
        f"clock set back: run {SET_BACK} is recorded at an earlier time than run {SET_BACK - 1}, and listed after it"
    ]
    assert moments[SET_BACK - 1] < moments[SET_BACK - 2]
    compared = office.yjd("runs", "compare", runs[REDEFINED - 1], runs[REDEFINED - 2])["differences"]
    refused = [one for one in compared if one["weight"] == "refuse"]
    told_apart = {one["aspect"]: set[str]() for one in refused}
    for one in refused:
        told_apart[one["aspect"]] |= set(one["measures"])
    assert told_apart.pop("definition") == {"arrest_rate"}, refused
    # Late records and late ethnicity change the quarter that was the last one a delivery ago, and nothing else.
    late = [one["text"] for one in refused if one["aspect"] != "definition"]
    assert set(told_apart) <= {"unknown ethnicity"}, refused
    quarter = FIRST + REDEFINED - 2
    assert all(f"{quarter.year}-Q{quarter.quarter}" in text for text in late), refused
    said += [f"run {REDEFINED} against {REDEFINED - 1}: {one['text']}" for one in refused]
    revised = [
        one for now, then in zip(runs[1:], runs, strict=False)
        for one in office.yjd("runs", "compare", now, then)["differences"] if one["aspect"] == "revision"
    ]  # fmt: skip
    assert revised
    said.append(f"{len(revised)} revisions are told in {RUNS - 1} comparisons, such as: {revised[0]['text']}")
    progress = office.yjd("progress")
    assert progress["run"] == runs[-1]  # the newest, whatever the files' dates say
    said.append(recount(office, progress["comparisons"]))
    other = office.folder.parent / "from_the_first.toml"
    other.write_text(register(f'{{ period = "2019-20", run = "{runs[0]}" }}'), encoding="utf-8")
    for number in (REDEFINED - 1, REDEFINED):
        path = str(office.folder / "work" / "release" / runs[number - 1])
        rows = pd.DataFrame(office.yjd("progress", "--release", path, "--register", str(other))["comparisons"])
        verdicts = rows.groupby("measure")["verdict"].agg(lambda found: ", ".join(sorted(set(found)))).to_dict()
        said.append(f"run {number} against a baseline in run 1: {verdicts}")
        if number == REDEFINED:
            spoilt = rows[rows["measure"] == "arrest_rate"]
            assert not spoilt["verdict"].isin(["met", "improving", "no clear change", "worsening"]).any()
    return said


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to work and leave everything")
    given = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given or Path(temporary)).resolve()
        region, office = Region(scratch / "all"), Office(scratch / "project")
        kept = scratch / "rows.json"  # a study that was interrupted goes on where it was
        say = sys.stdout.write
        say("| run | cells | hidden, % | disclosure control, s | without history: hidden, %; s | |\n")
        say("|---:|---:|---:|---:|---:|---|\n")
        rows: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
        if len(rows) >= REDEFINED:
            office.sql = str(scratch / "sql")
        for number in range(1, RUNS + 1):
            if number > len(rows):
                rows.append(row_of(region, office, number, scratch, rows[-1]["lasts"] if rows else 0.0))
                kept.write_text(json.dumps(rows), encoding="utf-8")
            row = rows[number - 1]
            share, alone = 100 * row["hidden"] / row["cells"], row.get("alone")
            beside = f"{100 * alone['hidden'] / alone['cells']:.1f}; {alone['seconds']:.1f}" if alone else ""
            say(f"| {number} | {row['cells']} | {share:.1f} | {row['seconds']:.1f} | {beside} | {row['what']} |\n")
            sys.stdout.flush()
        runs = [row["run"] for row in rows]
        assert office.runs() == runs
        assert len(set(runs)) == RUNS
        for sentence in told(office, runs):
            say(f"- {sentence}\n")
        say("\n| stages | counts | hidden, of 1 to 5 | known exactly | fewer than 3 values left |\n")
        say("|---|---|---:|---:|---:|\n")
        seen = [read(office.folder, run) for run in runs]
        for family in FAMILIES:
            found = attack(seen, family, width=3, minimum=6)
            for name, some in (("as they are", found[found["today"]]), ("revised since", found[~found["today"]])):
                say(f"| {family} | {name} | {len(some)} | {some['exact'].sum()} | {some['narrow'].sum()} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
