"""Run other people's disclosure control on tables handed over as a file: for an interpreter that has them installed.

``python outside_tools.py JOBS ANSWERS``, both JSON. yjd is not needed, nor are its requirements met here. A job has
`tool` ("tauargus" or "acro"), `records` (column to labels, one of each per child), `dimensions`, `minimum_count`, and
for Tau-Argus `range` (per cent around a small count that its protection must leave open) and `hierarchy` (the column of
broad groups above the last dimension, or null). An answer has `cells` (labels, "All" for a total), `hidden`, `values`,
`seconds`, or `error`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

ALL = "All"


def tauargus(job: dict) -> dict:
    """Optimal hiding (`OPT`) after a frequency rule."""
    from pytauargus import protect

    # Labels of one width: the file between is of fixed width, and what it makes of longer ones is not the point here.
    names = sorted({label for labels in job["records"].values() for label in labels})
    code = {label: f"c{number:02d}" for number, label in enumerate(names)}
    label_of = {one: label for label, one in code.items()}
    records = {name: [code[label] for label in labels] for name, labels in job["records"].items()}
    records["one"] = [1.0] * len(next(iter(records.values())))
    dimensions = list(job["dimensions"])
    hierarchy = {dimensions[-1]: f"{dimensions[-1]} > {job['hierarchy']}"} if job["hierarchy"] else None
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        result = protect(
            records,
            dimensions,
            response="one",
            safety_rules=f"FREQ({job['minimum_count']},{job['range']})",
            suppress="OPT(1)",
            hrc=hierarchy,
            workdir=folder,
        )
        seconds = time.perf_counter() - started
        rows = result.tables[0].rows
    return {
        "cells": [[label_of.get(row[name], ALL) for name in dimensions] for row in rows],
        "hidden": [row["status"] in ("U", "M") for row in rows],
        "values": [row["one"] for row in rows],
        "seconds": seconds,
    }


def acro(job: dict) -> dict:
    """A crosstabulation of two columns with totals and with hiding switched on."""
    import pandas as pd
    from acro import ACRO

    records = pd.DataFrame(job["records"])
    first, second = job["dimensions"]
    checker = ACRO(suppress=True)
    checker.sdc_checks.risk_appetite["safe_threshold"] = job["minimum_count"]
    started = time.perf_counter()
    table = checker.crosstab(records[first], records[second], margins=True)
    seconds = time.perf_counter() - started
    long = table.stack(future_stack=True)
    return {
        "cells": [list(key) for key in long.index],
        "hidden": long.isna().tolist(),
        "values": [None if value != value else float(value) for value in long],
        "seconds": seconds,
    }


def main(jobs: str, answers: str) -> None:
    """Answer every job; what fails says why."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    found = []
    for job in json.loads(Path(jobs).read_text(encoding="utf-8")):
        try:
            found.append({"tauargus": tauargus, "acro": acro}[job["tool"]](job))
        except Exception as problem:  # noqa: BLE001 (whatever another's tool raises is its answer)
            found.append({"error": f"{type(problem).__name__}: {problem}"})
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
