"""Explain or reform: every ratio that stands out, and what is on record about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from yjd.judged import judged_periods
from yjd.metrics.counts import USABLE
from yjd.recommendations import Register
from yjd.schema import ALL

COLUMNS = ("measure", "area", "group", "reference", "period", "ratio", "lower", "upper", "answers", "state")


def explain_or_reform(register: Register, results: pd.DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """List the ratios whose whole interval lies on the adverse side of 1, each measure in its period (`yjd.judged`).

    Returns
    -------
    DataFrame
        `COLUMNS`. `answers` holds the places (from 0) of the register's answers, joined by spaces; state is explained,
        acted on, both or unanswered. Answers about ratios that do not stand out are not here.
    """
    head = manifest["headline"]
    whole = (results[["area", "sex", "age_band", "deprivation"]] == ALL).all(axis=1) & (results["rung"] == "")
    rows = results[
        whole & (results["quantity"] == "rri") & results["status"].isin(USABLE)
        & (results["reference"] == head["reference"]) & (results["level"] == head["level"])
    ]  # fmt: skip
    rows = rows[rows["period"] == rows["measure"].map(judged_periods(results, manifest))]
    rows = rows[rows["confidence"] == head["confidence"]]
    adverse = rows["measure"].map({measure["id"]: measure["adverse"] for measure in manifest["measures"]})
    flagged = ((adverse == "higher") & (rows["lower"] > 1)) | ((adverse == "lower") & (rows["upper"] < 1))
    table = rows[flagged].rename(columns={"estimate": "ratio"}).reset_index(drop=True)
    given = [
        [
            number for number, answer in enumerate(register.answers)
            if (answer.measure, answer.area, answer.group, answer.reference) == key
        ]
        for key in zip(table["measure"], table["area"], table["group"], table["reference"], strict=True)
    ]  # fmt: skip
    kinds = [{register.answers[number].kind for number in numbers} for numbers in given]
    words = {0: "unanswered", 1: "explained", 2: "acted on", 3: "both"}
    state = [words[("explanation" in kind) + 2 * ("action" in kind)] for kind in kinds]
    table = table.assign(
        answers=[" ".join(map(str, numbers)) for numbers in given], state=np.array(state, dtype=object)
    )
    return pd.DataFrame(table[list(COLUMNS)])
