"""Every status that the package gives has words, and none is ever shown as it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import yjd
from tests.reporting.made_up import row
from yjd.metrics.counts import USABLE
from yjd.reporting import sentences
from yjd.reporting.classify import REASONS, classify
from yjd.reporting.words import Measure
from yjd.schema import DISCLOSURES, HIDDEN

PACKAGE = Path(yjd.__file__).parent
LOOKS_LIKE_ONE = re.compile(r"[a-z]+(_[a-z]+)*")
# what else the same places hold: names of columns, methods and options
NOT_ONE = {"status", "method", "disclosure", "", "shown", "rounded"}
ARRESTS = Measure.of({"id": "arrest_rate", "kind": "rate", "per": 1000, "likely_to": "be arrested"})


def _given(tree: ast.AST) -> set[str]:
    """Texts that a module gives to a status: by assignment, keyword, dictionary, or as one of several reasons."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "status":
            found.append(node.value)
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found += [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "status"]
        elif isinstance(node, ast.Assign) and any("status" in ast.unparse(target) for target in node.targets):
            found.append(node.value)
        elif isinstance(node, ast.Call) and "reason" in ast.unparse(node.func):
            found += [item.elts[1] for item in ast.walk(node) if isinstance(item, ast.Tuple) and len(item.elts) == 2]
        elif isinstance(node, ast.Compare) and "status" in ast.unparse(node.left):
            found += [inner for side in node.comparators for inner in ast.walk(side)]
    return {
        node.value
        for part in found
        for node in (ast.walk(part) if not isinstance(part, ast.Subscript) else ())
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _folders() -> list[Path]:
    return [path for name in ("metrics", "models", "disclosure") for path in sorted((PACKAGE / name).glob("*.py"))]


def test_the_words_cover_every_status_of_the_package() -> None:
    texts = {path: _given(ast.parse(path.read_text(encoding="utf-8"))) for path in _folders()}
    named = set().union(*texts.values())
    assert set(REASONS) <= named  # each is given somewhere: words for a status that no longer is are dead
    candidates = {text for text in named if LOOKS_LIKE_ONE.fullmatch(text) and ("_" in text or text in REASONS)}
    guides = (PACKAGE.parent / "docs" / name for name in ("measures.md", "models.md"))
    written = "".join(path.read_text(encoding="utf-8") for path in guides)
    tables = re.findall(r"(?s)\|\s*[Ss]tatus\s*\|.*?\n\n", written)
    documented = {
        word for table in tables for cell in re.findall(r"(?m)^\|([^|]*)\|", table) for word in cell.split(", ")
    }
    documented = {word.strip(" `-") for word in documented} - NOT_ONE - {"Status"}
    assert {word for word in documented if LOOKS_LIKE_ONE.fullmatch(word)} <= set(REASONS)
    assert len(documented) > 10
    statuses = {text for text in candidates if text.startswith(("no_", "not_", "too_", "parity_"))}
    assert statuses <= set(REASONS)


@pytest.mark.parametrize("status", sorted(REASONS))
def test_a_status_is_said_in_words(status: str) -> None:
    blank = row(status=status, numerator=4321.0, denominator=9876.0)
    verdict = classify(blank)
    assert not verdict.has_numbers
    assert verdict.reason
    assert verdict.shorthand in ("[c]", "[x]", "[z]")
    said = sentences.row_sentence(blank, ARRESTS)
    assert not re.search(r"\d", said)
    if "_" in status:
        assert status not in said
    assert "_" not in said + verdict.words


@pytest.mark.parametrize("status", sorted(set(REASONS) - {*USABLE, "no_events"}))
def test_a_status_without_an_estimate_shows_no_number_even_if_its_row_has_one(status: str) -> None:
    assert not classify(row(status=status, estimate=3.0, lower=2.0, upper=4.0)).has_numbers


@pytest.mark.parametrize("mark", [*HIDDEN, "primary", "a mark of a later version"])
def test_a_mark_that_is_not_known_hides(mark: str) -> None:
    assert classify(row(estimate=3.0, lower=2.0, upper=4.0, disclosure=mark)).outcome == "hidden"


def test_the_marks_that_show_are_those_of_the_schema() -> None:
    shown = [
        mark for mark in DISCLOSURES if classify(row(estimate=3.0, lower=2.0, upper=4.0, disclosure=mark)).is_clear
    ]
    assert set(shown) == set(DISCLOSURES) - set(HIDDEN)
