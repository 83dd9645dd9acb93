"""The how-to's configuration is a configuration: what an analyst copies must load."""

from __future__ import annotations

import re
from pathlib import Path

from yjd import config
from yjd.extracts.labels import bad_labels

HOW_TO = (Path(__file__).resolve().parents[1] / "docs" / "how-to.md").read_text(encoding="utf-8")
WHOLE, LABELS, SPLITS, TENTHS, CHOSEN, COUNTS, DATABASE, BREAK = re.findall(r"```toml\n(.*?)```", HOW_TO, re.DOTALL)


def load(text: str, folder: Path) -> config.Settings:
    path = folder / "yjd.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def test_the_whole_example_loads(tmp_path):
    assert [extract.name for extract in load(WHOLE, tmp_path).extracts] == ["residents", "arrests"]


def test_the_example_of_labels_loads(tmp_path):
    text = WHOLE.replace('ethnicity = { self_defined = "police_16plus1", officer = "officer" }', "")
    text = text.replace(', ethnicity_officer = "IC"', "")
    assert load(text + LABELS, tmp_path).extracts[1].ethnicity.labels == {"Asian - Bangla": "Bangladeshi"}


def test_the_examples_of_deprivation_load(tmp_path):
    given = next(line for line in WHOLE.splitlines() if line.startswith("splits"))
    text = WHOLE.replace(given, SPLITS.strip()).replace('ethnicity = "SDE"', 'ethnicity = "SDE", deprivation = "IMD"')
    sexes = next(line for line in WHOLE.splitlines() if line.startswith("labels"))
    settings = load(text.replace(sexes, TENTHS.strip()), tmp_path)
    assert ("area", "deprivation") in settings.analysis.splits["broad"]
    assert set(settings.extracts[1].labels["deprivation"].values()) == set("12345")
    assert bad_labels(settings.extracts[1], settings) == []


def test_the_example_of_counts_loads(tmp_path):
    assert load(WHOLE + COUNTS, tmp_path).extracts[2].constants["stage"] == "arrests"


def test_the_example_of_a_database_loads(tmp_path):
    extract = load(WHOLE.replace('file = "extracts/arrests.csv"\n', DATABASE), tmp_path).extracts[1]
    assert extract.database is not None
    assert extract.database.url_env == "CUSTODY_URL"


def test_the_example_of_a_break_loads(tmp_path):
    assert load(WHOLE + BREAK, tmp_path).periods.breaks[0].period == "2023-24"


def test_what_is_computed(tmp_path):
    before, _, rest = WHOLE.partition("[analysis]")
    settings = load(before + CHOSEN + "\n" + rest[rest.index("\n[") :], tmp_path)
    assert settings.analysis.standardise_over == ("sex", "age_band")
    assert settings.models.rungs["M2"] == ("offence_group", "gravity")
