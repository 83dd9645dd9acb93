"""Kill what writes releases at every moment, and whole runs at random ones: ``nox -s killed``.

Prints how often the release was absent and how often it was there, whole. Anything between ends the study.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.killing import Killer
from tests.test_killed import whole_or_absent
from tests.test_pipeline import GROUPS, POPULATION, SmallProject, arrests_of
from tests.test_release import RUN, contents, write
from yjd.release import read_release

FROM_OUTSIDE, RUNS = 300, 20


def every_line(folder: Path) -> tuple[int, int]:
    """Killed before each line that touches the disk: how often absent and how often there."""
    counts = [0, 0]
    with Killer() as killer:
        line = 0
        while killer.at_line(folder / str(line), line):
            counts[whole_or_absent(folder / str(line))] += 1
            write(folder / str(line))
            assert [entry.name for entry in (folder / str(line)).iterdir()] == [RUN]
            line += 1
    return counts[0], counts[1]


def from_outside(folder: Path) -> tuple[int, int]:
    """Killed after a random time, each in a folder of its own."""
    chance, counts = random.Random(1), [0, 0]
    with Killer() as killer:
        for attempt in range(FROM_OUTSIDE):
            killer.after(folder / str(attempt), chance.uniform(0.0, 0.15))
            counts[whole_or_absent(folder / str(attempt))] += 1
    return counts[0], counts[1]


def _project(folder: Path) -> SmallProject:
    folder.mkdir(parents=True)
    return SmallProject(folder).write(arrests=arrests_of(GROUPS), population=POPULATION)


def _run(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from yjd.cli import main; main()", "run", "--quiet"], cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def whole_runs(folder: Path) -> tuple[int, int]:
    """`yjd run` killed after a random time, again and again in one project, and at last left alone."""
    began = time.monotonic()
    assert _run(_project(folder / "whole").folder).wait() == 0
    lasts = time.monotonic() - began
    (expected,) = (folder / "whole" / "work" / "release").iterdir()
    project, chance, counts = _project(folder / "killed"), random.Random(2), [0, 0]
    release = project.folder / "work" / "release" / expected.name
    for _ in range(RUNS):
        if release.exists():  # it would stay, whatever is killed now
            shutil.rmtree(project.folder / "work")
        running = _run(project.folder)
        time.sleep(chance.uniform(0.3, 1.0) * lasts)
        os.killpg(running.pid, signal.SIGKILL)  # the kernel that renders, too
        running.wait()
        there = release.exists()
        counts[there] += 1
        if there:
            assert contents(read_release(release).path) == contents(expected)
        for report in (project.folder / "reports").rglob("*.html"):
            assert report.read_text(encoding="utf-8").rstrip().endswith("</html>")
    last = _run(project.folder)
    _, said = last.communicate()
    assert last.returncode == 0, said.decode()
    assert contents(read_release(release).path) == contents(expected)
    assert [entry.name for entry in release.parent.iterdir()] == [expected.name]
    return counts[0], counts[1]


def main() -> None:
    """Run all three and print a table."""
    rows = [("before every line of the writing", every_line), ("from outside, while it is written", from_outside),
            ("from outside, at any time of a whole run", whole_runs)]  # fmt: skip
    sys.stdout.write("| killed | times | no release | whole release | anything else |\n|---|---:|---:|---:|---:|\n")
    for words, attempt in rows:
        with tempfile.TemporaryDirectory() as folder:
            absent, there = attempt(Path(folder))
        sys.stdout.write(f"| {words} | {absent + there} | {absent} | {there} | 0 |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
