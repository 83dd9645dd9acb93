"""A process that writes a release and is killed at a moment of one's choosing: run as a program, told what by lines.

One process imports everything once and makes a copy of itself for each attempt, so that an attempt costs milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

WATCHED = {  # whatever touches the disk
    "release.py": ("write_release", "verify", "_same_or_refuse"),
    "release_files.py": ("place", "sync_folder", "_sweep"),
}


class Killer:
    """Starts the process and tells it what to do. A context manager."""

    def __enter__(self) -> Killer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing"], cwd=Path(__file__).parents[1], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def at_line(self, folder: Path, line: int) -> bool:
        """Write a release under `folder`, killed before its n-th line of code runs; True if that came."""
        return self._ask(f"line {line} {folder}")

    def after(self, folder: Path, seconds: float) -> bool:
        """Write a release under `folder`, killed from outside after so long; True if it was not done by then."""
        return self._ask(f"time {seconds} {folder}")

    def _ask(self, line: str) -> bool:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer in ("killed", "done"), answer or "the process is gone"
        return answer == "killed"


def _dies_before(line: int) -> Any:
    """A trace function under which the process kills itself, with no chance to clean up."""
    left = line

    def watch(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_name not in WATCHED.get(Path(frame.f_code.co_filename).name, ()):
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return watch

    return watch


def _attempt(how: str, number: str, folder: Path) -> str:
    from tests.test_release import write

    child = os.fork()
    if child == 0:
        if how == "line":
            sys.settrace(_dies_before(int(number)))
        write(folder)
        os._exit(0)
    if how == "time":
        time.sleep(float(number))
        os.kill(child, signal.SIGKILL)  # perhaps done already, and then nothing happens: it is not yet waited for
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else "done" if os.WEXITSTATUS(status) == 0 else "failed"


def main() -> None:
    """Attempt what each line of the input says: how, number, folder."""
    import tempfile

    import tests.test_release
    from tests.test_release import CHARTS, MANIFEST, write
    from yjd import release

    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))  # whatever is imported late is there now
    # what is worked out before anything is written is worked out once
    table, csv = tests.test_release.results(), release.results_csv(tests.test_release.results())
    listed = release.describe({release.RESULTS: csv, **CHARTS}, table, MANIFEST)
    release.refuse_leaks = lambda _: None
    release.results_csv = lambda _: csv
    release.describe = lambda *_: listed
    for line in sys.stdin:
        how, number, folder = line.rstrip("\n").split(" ", 2)
        sys.stdout.write(_attempt(how, number, Path(folder)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
