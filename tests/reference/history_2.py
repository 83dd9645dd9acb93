"""Makes history_2.sqlite: a history as schema 2 wrote it. It was run once with the package as it was then.

Made with ``python tests/reference/history_2.py`` at the last commit whose ``yjd.history.SCHEMA_VERSION`` was 2.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from yjd.history import SCHEMA_VERSION, History
from yjd.release import read_release, write_release
from yjd.schema import RESULT_COLUMNS, SPLITS

HERE = Path(__file__).parent
PERIODS = ("2021-22", "2022-23")


def main() -> None:
    """Write two runs."""
    assert SCHEMA_VERSION == 2
    with tempfile.TemporaryDirectory() as folder, History.open(f"sqlite:///{HERE / 'history_2.sqlite'}") as history:
        for number, period in enumerate(PERIODS, start=1):
            run = f"{number:012d}"
            row = dict.fromkeys(RESULT_COLUMNS) | dict.fromkeys(SPLITS, "All") | {
                "measure": "arrest_rate", "quantity": "rate", "period": period, "level": "broad", "group": "White",
                "reference": "", "rung": "", "term": "", "confidence": 0.95, "numerator": 25.0 * number,
                "denominator": 30_000.0, "estimate": 25.0 * number / 30, "lower": 0.1 + 0.2, "upper": 3.0,
                "method": "byar", "status": "ok", "disclosure": "shown",
            }  # fmt: skip
            manifest = {
                "run": run, "title": f"Report {number}", "demonstration": False,
                "created_from": {"version": "0.1.0", "config_sha256": "ab" * 32, "inputs": []},
            }  # fmt: skip
            path = write_release(Path(folder), run, results=pd.DataFrame([row]), manifest=manifest, charts={})
            history.record(read_release(path))


if __name__ == "__main__":
    main()
