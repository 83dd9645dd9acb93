"""The names that a notebook uses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import yjd
from tests.extracts.project import SmallProject


def test_every_public_name_is_there() -> None:
    assert all(getattr(yjd, name) is not None for name in yjd.__all__)
    with pytest.raises(AttributeError, match="nosuch"):
        yjd.nosuch  # noqa: B018


def test_metrics_need_no_project() -> None:
    """METHODS' check value: 12 of 3,000 against 40 of 30,000 is 3.0, exact interval 1.43270 to 5.83288."""
    counts = pd.DataFrame({"group": ["Black", "White"], "numerator": [12, 40], "denominator": [3000, 30000]})
    row = yjd.metrics.relative_rate(counts, kind="rate", reference="White").iloc[0]
    assert [round(row[name], 5) for name in ("estimate", "lower", "upper")] == [3.0, 1.4327, 5.83288]


def test_from_a_project_to_a_ratio(tmp_path: Path) -> None:
    """Two arrests of Black children among 900, one of a White child among 3,000: 6.67 times."""
    SmallProject(tmp_path).write()
    cells = yjd.build_cells(yjd.open_project(str(tmp_path / "yjd.toml")))
    counts = yjd.measures.counts(cells, yjd.measures.measures()["arrest_rate"])
    found = yjd.metrics.relative_rate(counts, kind="rate", reference="White")
    ratios = found.query("area == 'All' and group == 'Black'")
    assert ratios["estimate"].tolist() == [pytest.approx((2 / 900) / (1 / 3000))]
