"""Every measure, model and document on extracts full of canaries, and a search for them: ``nox -s canary``.

The default test does the same with few measures and one document. Any canary found ends the study.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.canaries import found_in, write_project
from yjd.measures import measures, stages
from yjd.project import template
from yjd.recommendations import FILE
from yjd.reporting.batch import each_of
from yjd.reporting.catalogue import documents, entry

BASELINE = 'baseline = { rate = 1.0, ratio = 1.0, note = "made up" }'
LADDER = """rungs = { M1 = ["age_band", "sex", "area"], M2 = ["offence_group", "gravity"], M3 = ["prior_outcomes"], \
M4 = ["admission", "in_care", "assessed_reoffending", "assessed_harm", "assessed_safety"] }"""


def yjd(folder: Path, *arguments: str) -> None:
    """Run the command line; nothing that it says may hold a canary."""
    done = subprocess.run(
        [sys.executable, "-c", "from yjd.cli import main; main()", *arguments], cwd=folder, capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert not found_in(done.stdout + done.stderr), arguments
    assert done.returncode == 0, (arguments, done.stderr.decode())


def main() -> None:
    """Run everything and print what was searched."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        dates = write_project(
            folder, measures=list(measures()), models=LADDER, splits='[], ["area"], ["sex"], ["age_band"]'
        )
        register = re.sub(r"baseline = \{[^}]*\}", BASELINE, template(FILE))
        (folder / FILE).write_text(register, encoding="utf-8")
        dates = set(dates) - {stage.date for stage in stages().values()}  # the page on methods gives those
        yjd(folder, "run")
        for name in documents():
            every = ["--all"] if each_of(name) else []
            for wanted in entry(name).formats:
                output = ["--output", f"reports/{name}-{wanted}"] if every else ["--output", f"reports/{name}.{wanted}"]
                yjd(folder, "report", name, "--format", wanted, *every, *output)
        yjd(folder, "release", "check")
        yjd(folder, "release", "sign", "--name", "Reviewer One", "--role", "checker")
        seen: Counter[str] = Counter()
        for path in [*(folder / "work" / "release").rglob("*"), *(folder / "reports").rglob("*")]:
            if path.is_file():
                content = path.read_bytes()
                assert not found_in(content), path.relative_to(folder)
                assert not [day for day in dates if day.encode() in content], path.relative_to(folder)
                seen[path.suffix or path.name] += 1
    for kind, count in sorted(seen.items()):
        sys.stdout.write(f"{kind}: {count} files searched, nothing found\n")


if __name__ == "__main__":
    main()
