"""yjd.toml: what is refused, and that every problem is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extracts.project import TOML
from yjd.config import load
from yjd.errors import ConfigurationError


def refused(folder: Path, text: str | bytes) -> str:
    path = folder / "yjd.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert raised.value.exit_code == 10
    return str(raised.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "yjd.toml").write_text(TOML, encoding="utf-8")
    settings = load(tmp_path / "yjd.toml")
    assert settings.project.areas == ("North", "South")
    assert settings.folder == tmp_path.resolve()


def test_a_preset_of_disclosure_rules_says_only_what_its_rule_says(tmp_path: Path) -> None:
    given = "\n".join(
        line
        for line in TOML.splitlines()
        if line.split(" ")[0] not in ("minimum_count", "zero_safe", "method", "round_to")
    )
    (tmp_path / "yjd.toml").write_text(
        given.replace("[disclosure]", '[disclosure]\npreset = "hide_1_to_7_round_5"'), encoding="utf-8"
    )
    rules = load(tmp_path / "yjd.toml").disclosure.rules()
    assert (rules.minimum_count, rules.zero_safe, rules.method, rules.round_to) == (8, True, "hide_and_round", 5)
    (tmp_path / "yjd.toml").write_text('[disclosure]\npreset = "hide_1_to_7_round_5"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="minimum_denominator"):
        load(tmp_path / "yjd.toml")


@pytest.mark.parametrize("cut", ["round_to = 0\n", TOML[TOML.index("[disclosure]") : TOML.index("[quality]")]])
def test_a_missing_rule_says_what_to_start_from(tmp_path: Path, cut: str) -> None:
    assert cut in TOML
    said = refused(tmp_path, TOML.replace(cut, ""))
    assert "`preset` (hide_1_to_5, " in said
    assert "preset" not in refused(tmp_path, TOML.replace("first = ", "frist = "))


def test_disclosure_rules_that_contradict_each_other_are_refused_together(tmp_path: Path) -> None:
    (tmp_path / "yjd.toml").write_text(TOML.replace('method = "hide"', 'method = "round"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="rounds nothing"):
        load(tmp_path / "yjd.toml")


@pytest.mark.parametrize(("kinds", "told"), [
    ('["rolling_3_years"]', True),  # the difference of two is that of two years, which nobody would protect
    ('["financial_year", "calendar_year"]', True),
    ('["financial_year", "calendar_year", "quarter"]', False),
    ('["rolling_3_years", "financial_year"]', False),
])  # fmt: skip
def test_periods_overlap_only_in_what_is_published(tmp_path: Path, kinds: str, told: bool) -> None:
    text = TOML.replace('kinds = ["financial_year"]', f"kinds = {kinds}").replace("last = 2024", "last = 2028")
    assert text != TOML
    (tmp_path / "yjd.toml").write_text(text, encoding="utf-8")
    if told:
        with pytest.raises(ConfigurationError, match="overlap"):
            load(tmp_path / "yjd.toml")
    else:
        load(tmp_path / "yjd.toml")


def test_the_hash_ignores_comments_and_layout(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "b.toml").write_text("# a remark\n\n" + TOML, encoding="utf-8")
    (tmp_path / "c.toml").write_text(TOML.replace("first = 2024", "first = 2023"), encoding="utf-8")
    first, second, third = (load(tmp_path / f"{name}.toml").sha256 for name in "abc")
    assert first == second != third


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="yjd init"):
        load(tmp_path / "yjd.toml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[project]", "[project", "not valid TOML"),
        ('file = "arrests.csv"', r'file = "C:\Users\a.csv"', "forward slashes"),
        ('file = "arrests.csv"', r'file = "C:\data\a.csv"', "forward slashes"),
        ("first = 2024", "frist = 2024", "periods.frist: this key is not known"),
        ("first = 2024", "", "periods.first: this key is needed"),
        ("minimum_count = 3", "", "disclosure.minimum_count: this key is needed"),
        ("zero_safe = true", "", "disclosure.zero_safe: this key is needed"),
        ('areas = ["North", "South"]', 'areas = ["North", "North"]', "listed twice"),
        ('areas = ["North", "South"]', 'areas = ["=cmd()", "South"]', "cannot begin with ="),
        ('areas = ["North", "South"]', 'areas = ["All", "South"]', "reserved"),
        ('"arrest_rate",', '"arrest_rat",', "no measure arrest_rat"),
        ('references = ["White"]', 'references = ["Whyte"]', "no group 'Whyte'"),
        ('self_defined = "police_18plus1"', 'self_defined = "police"', "no scheme 'police'"),
        ('name = "custody_suite"', 'name = "census"', "two extracts are named census"),
        ('date = "when", ', "", "no column or constant is given for date"),
        ('date = "when"', 'date = "when", colour = "x"', "colour is not a column of arrests"),
        ("DD/MM/YYYY", "D/M", "is not a date format"),
        ('[[], ["area"]]', '[[], ["deprived"]]', "'area', 'sex', 'age_band' or 'deprivation'"),
        ('kinds = ["financial_year"]', 'kinds = ["week"]', "'month'"),
        (
            'kinds = ["financial_year"]',
            'kinds = ["financial_year"]\nchanges = [["2023-24", "2024-25"]]',
            "no period 2023-24",
        ),
        ("[disclosure]", 'standardise_over = ["sex"]\n[disclosure]', "needs a split by sex"),
        ("[disclosure]", 'pathways = { a = ["population", "trial"] }\n[disclosure]', "no stage trial"),
        ("[disclosure]", 'pathways = { a = ["population"] }\n[disclosure]', "two or more different stages"),
        ("[disclosure]", '[models]\nrungs = { M1 = ["sex"], M2 = ["sex"] }\n[disclosure]', "each named once"),
        ("[disclosure]", '[models]\nrungs = { M0 = ["sex"] }\n[disclosure]', "each rung above M0"),
        ("[disclosure]", '[models]\nrungs = { M1 = ["remorse"] }\n[disclosure]', "models.rungs.M1"),
        ("[disclosure]", '[models]\nmeasures = ["charge_rate"]\n[disclosure]', "no measure charge_rate"),
        ('covers = ["2024-04-01"', 'covers = ["1 April"', "two dates as YYYY-MM-DD"),
        ('file = "arrests.csv"', 'file = "arrests.csv"\nencoding = "klingon"', "is not known; try utf-8"),
    ],
)
def test_a_broken_setting_is_named(old: str, new: str, says: str, tmp_path: Path) -> None:
    assert old in TOML
    assert says in refused(tmp_path, TOML.replace(old, new))


def test_not_utf8(tmp_path: Path) -> None:
    assert "cannot be read as UTF-8" in refused(tmp_path, TOML.replace("North", "Nörth").encode("cp1252"))


def test_every_problem_at_once(tmp_path: Path) -> None:
    text = TOML.replace("first = 2024", "frist = 2024").replace("zero_safe = true", "zero_save = true")
    message = refused(tmp_path, text)
    assert "4 problems" in message
    for name in ("periods.first", "periods.frist", "disclosure.zero_safe", "disclosure.zero_save"):
        assert name in message
