"""`yjd init`: what it writes can be filled in, and refuses data."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from yjd.config import Disclosure, load
from yjd.errors import ConfigurationError
from yjd.project import write_template


def test_only_the_disclosure_rules_are_left_to_state(tmp_path: Path) -> None:
    """There is no default for them: the office must ask the data owner."""
    write_template(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "yjd.toml")
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0].strip("- ") for line in lines[1:]] == [
        "disclosure.minimum_count", "disclosure.zero_safe", "disclosure.minimum_denominator",
        "disclosure.minimum_children", "disclosure.largest_share_percent", "disclosure.interval_width",
        "disclosure.method", "disclosure.round_to", "disclosure.minimum_degrees_of_freedom",
    ]  # fmt: skip
    text = (tmp_path / "yjd.toml").read_text(encoding="utf-8")
    for line in [line for line in text.splitlines() if line.startswith("# ")]:
        if line.split()[1] in Disclosure.model_fields and "preset" not in line:
            text = text.replace(line, line[2:])
    (tmp_path / "yjd.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "yjd.toml").disclosure.minimum_count == 6


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "yjd.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="There is already"):
        write_template(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["yjd.toml"]


def test_data_cannot_be_committed(tmp_path: Path) -> None:
    def git(*words: str) -> int:
        return subprocess.run(["git", *words], cwd=tmp_path, capture_output=True, check=False).returncode

    if git("init", "--quiet") != 0:
        pytest.skip("git is not installed")
    git("config", "user.name", "analyst")
    git("config", "user.email", "analyst@example.org")
    git("config", "core.hooksPath", ".githooks")
    write_template(tmp_path)
    (tmp_path / "arrests.csv").write_text("x", encoding="utf-8")
    assert git("add", ".") == 0
    assert git("commit", "--quiet", "-m", "configuration") == 0
    assert git("ls-files", "--error-unmatch", "arrests.csv") != 0
    assert git("add", "--force", "arrests.csv") == 0
    assert git("commit", "--quiet", "-m", "data") != 0
