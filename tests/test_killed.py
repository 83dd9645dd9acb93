"""Killed at any moment, the folder of a release is whole and valid or not there; what is left is in no one's way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extracts.project import SmallProject
from tests.killing import Killer
from tests.test_release import MANIFEST, RUN, write
from yjd.config import load
from yjd.folders import Folders
from yjd.pipeline import _earlier_releases
from yjd.release import read_release

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no kill that cannot be caught")


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as started:
        yield started


def whole_or_absent(folder: Path) -> bool:
    """True if the release is there and valid, False if it is not there; anything else fails."""
    seen = [entry.name for entry in folder.glob("*") if not entry.name.startswith(".")]
    if not seen:
        return False
    assert seen == [RUN]
    assert read_release(folder / RUN).run == RUN
    return True


def test_killed_before_any_line_of_the_writing(killer: Killer, tmp_path: Path) -> None:
    """Every moment between two lines that touch the disk: here every 6th, the study has all."""
    absent, there = 0, 0
    for line in range(0, 10_000, 6):
        folder = tmp_path / str(line)
        if not killer.at_line(folder, line):
            break
        if whole_or_absent(folder):
            there += 1
        else:
            absent += 1
            write(folder)  # what was left of the attempt is cleared away
            assert [entry.name for entry in folder.iterdir()] == [RUN]
    else:
        pytest.fail("it never came to its end")
    assert absent > 5  # it was killed before and after the move into place
    assert there > 0


def test_killed_from_outside_again_and_again_in_the_same_folder(killer: Killer, tmp_path: Path) -> None:
    absent = 0
    for step in range(15):  # at once first: a release that is whole stays whole, so any later one may find it there
        killer.after(tmp_path, 0.004 * step)
        absent += not whole_or_absent(tmp_path)
    assert absent
    assert whole_or_absent(write(tmp_path).parent)
    assert [entry.name for entry in tmp_path.iterdir()] == [RUN]


def test_what_a_killed_run_wrote_and_did_not_record_is_recorded_by_the_next(tmp_path: Path) -> None:
    settings = load(SmallProject(tmp_path).write().folder / "yjd.toml")
    facts = MANIFEST | {"areas": list(settings.project.areas)}
    write(Folders.of(settings).release, manifest=facts)
    assert [one.run for one in _earlier_releases(settings, "another run")] == [RUN]
    assert _earlier_releases(settings, RUN) == []  # made again, it sees what it saw


def test_two_who_write_the_same_run_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One finds what the other is building, takes it for a leftover and clears it: the other fails or finds a whole."""
    real, done = Path.replace, []

    def late(self: Path, target: Path) -> Path:
        if self.name.endswith(".building") and target.name == RUN and not done:
            done.append(self)
            write(tmp_path)  # the other one: sweeps, builds and moves
            assert not self.exists()
        return real(self, target)

    monkeypatch.setattr(Path, "replace", late)
    write(tmp_path)
    assert done
    assert whole_or_absent(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [RUN]
