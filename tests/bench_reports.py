"""Times the summit report and every area's brief from one demonstration. Not a test: a busy machine is not a fault."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET = 40.0  # seconds, on two cores


def main() -> int:
    """Print the time beside its budget; leave with 1 if it is over. A release may be named; else one is made."""
    from yjd.reporting.batch import each_jobs
    from yjd.reporting.render import Job, render_many

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if len(sys.argv) > 1:
            release = Path(sys.argv[1])
        else:
            demo = [sys.executable, "-c", "from yjd.cli import main; main()", "demo", str(folder / "demo"), "--quiet"]
            subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
            (release,) = (folder / "demo" / "work" / "release").iterdir()
        jobs = [Job("summit", folder / "summit.html"), *each_jobs("area", release, folder / "areas", ("html",))]
        start = time.perf_counter()
        render_many(jobs, release, engine="embedded")
        took = time.perf_counter() - start
    sys.stdout.write(f"{len(jobs)} reports: {took:.2f} s of {BUDGET:g} s{' OVER' if took > BUDGET else ''}\n")
    return int(took > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
