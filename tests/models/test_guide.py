"""The guide to the models: its examples run, its configuration loads, and what it says of public records holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.models.known import r as core
from tests.models.test_public_examples import r
from tests.test_how_to import WHOLE, load
from yjd.reporting.words import ADJUSTERS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook():
    """All examples, run one after another as in a notebook."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(compile(block, "docs/models.md", "exec"), names)  # noqa: S102 - our own text
    return names


def test_the_examples_run(notebook):
    assert set(notebook["results"]["quantity"]) >= {"adjusted_rate", "adjusted_rri", "marginal_difference"}
    for name in ("results", "rates", "checked", "parts", "tipping", "scale", "often", "strata", "areas"):
        assert "ok" in set(notebook[name]["status"]), name
    assert notebook["page"].startswith("# About this model")


def test_the_statuses_of_the_examples_are_explained(notebook):
    for name in ("results", "rates", "checked", "parts", "scale", "often"):
        said = set(notebook[name]["status"]) - {"ok"}
        assert all(status in GUIDE or status in ("no_difference", "parity_possible") for status in said), said


def test_the_configuration_loads(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    settings = load(WHOLE + "\n" + block, tmp_path)
    assert settings.models.periods == 3
    assert list(settings.models.rungs) == ["M1", "M2", "M3", "M4"]
    assert {name for added in settings.models.rungs.values() for name in added} <= set(ADJUSTERS)


def test_its_contents_lead_somewhere():
    headings = {re.sub(r"[^a-z -]", "", line[3:].lower()).replace(" ", "-") for line in GUIDE.splitlines()
                if line.startswith("## ")}  # fmt: skip
    assert set(re.findall(r"\]\(#([^)]*)\)", GUIDE)) == headings


@pytest.mark.parametrize(("words", "case", "group", "reference"), [
    ("74 against 86", "arrests_M0", "Black", "White"), ("79 against 85", "arrests_M2", "Black", "White"),
    ("27 against 23", "rossi_M0", "black", "other"), ("27 against 21", "rossi_M3", "black", "other"),
    ("16 against 10", "recid_M0", "black", "other"), ("16 against 10", "recid_M3", "black", "other"),
    ("30 against 45", "ucb_M0", "Female", "Male"),
])  # fmt: skip
def test_its_numbers_are_rs(words, case, group, reference):
    said = core(case) if case.startswith("ucb") else r(case)
    assert words == f"{100 * said[f'rate_{group}']:.0f} against {100 * said[f'rate_{reference}']:.0f}"
    assert words in GUIDE
