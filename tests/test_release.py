"""The release: the same bytes from the same inputs, whole or absent, and refused when anything in it was touched."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.reporting import made_up
from yjd.config import Release as Formats
from yjd.errors import DisclosureError
from yjd.extracts import Accounting
from yjd.manifest import _accounted, _tables_closed
from yjd.measures import stages
from yjd.release import read_release, run_identity, write_release
from yjd.release_files import allowed, smallest_count
from yjd.reporting.charts import chart_svg
from yjd.reporting.view import View
from yjd.schema import ALL, RESULT_COLUMNS, RESULT_KEYS, SPLITS

RUN = "0123456789ab"
MANIFEST = {
    "run": RUN,
    "title": "West Midlands – children",
    "created_from": {"version": "0.1", "config_sha256": "00", "inputs": []},
    "demonstration": True,
    "areas": ["Coventry"],
}
CHARTS = {"charts/rates.svg": b"<svg/>", "charts/rates.png": b"\x89PNG"}


def results(**changes):
    """Two rows: a rate that is shown and one that is hidden."""
    row = {
        "measure": "arrest_rate", "quantity": "rate", "period": "2023-24", **dict.fromkeys(SPLITS, "All"),
        "level": "broad", "group": "White", "reference": "", "rung": "", "term": "", "confidence": 0.95,
        "numerator": 25.0, "denominator": 30_000.0, "reference_numerator": np.nan,
        "reference_denominator": np.nan, "estimate": 25 / 30, "lower": 0.1 + 0.2, "upper": 1e-17,
        "p_value": np.nan, "q_value": np.nan, "method": "byar", "status": "ok", "disclosure": "shown",
    }  # fmt: skip
    values = ("numerator", "denominator", "estimate", "lower", "upper")
    gone = row | dict.fromkeys(values, np.nan) | {"group": "Black", "status": "hidden", "disclosure": "hidden"}
    return pd.DataFrame([row | changes, gone])[list(RESULT_COLUMNS)]


def write(folder, **changes):
    return write_release(folder, RUN, **({"results": results(), "manifest": MANIFEST, "files": CHARTS} | changes))


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_it_holds_what_it_says(tmp_path):
    path = write(tmp_path / "release")
    files = contents(path)
    assert set(files) == {"results.csv", "release.json", "SHA256SUMS", "charts/rates.svg", "charts/rates.png"}
    stated = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert stated == {n: hashlib.sha256(b).hexdigest() for n, b in files.items() if n != "SHA256SUMS"}
    manifest = json.loads(files["release.json"])
    assert {entry["path"] for entry in manifest["files"]} == {"results.csv", *CHARTS}
    assert files["release.json"].endswith(b"}\n")
    assert "–".encode() in files["release.json"]


def test_each_file_says_what_it_is_and_what_protects_it(tmp_path):
    rules = {"minimum_count": 5, "zero_safe": True, "minimum_denominator": 10, "round_to": 0, "method": "hide"}
    facts = MANIFEST | {"disclosure": {"rules": rules}, "related_releases": ["aaaaaaaaaaaa"]}
    files = CHARTS | {"models/arrest_rate.md": b"# Card"}
    manifest = read_release(write(tmp_path, manifest=facts, files=files)).manifest
    entries = {entry["path"]: entry for entry in manifest["files"]}
    assert entries["results.csv"]["smallest_count"] == 25  # the numerator that is shown; nothing public is declared
    assert entries["models/arrest_rate.md"]["smallest_count"] == 10
    for path, entry in entries.items():
        assert entry["bytes"] == len(files.get(path, b"")) or path == "results.csv"
        assert entry["context"].endswith(".")
        assert any("below 5 are hidden" in words for words in entry["controls"])
        assert entry["related_releases"] == ["aaaaaaaaaaaa"]
    assert "Card of a model" in entries["models/arrest_rate.md"]["context"]


def test_the_smallest_count_is_not_of_public_counts_and_not_zero():
    table = pd.concat([results(denominator=4.0), results(numerator=0.0, group="Asian")]).reset_index(drop=True)
    assert smallest_count(table, {}) == 4
    assert smallest_count(table, {"measures": [{"id": "arrest_rate", "denominator": "population"}]}) == 25
    assert smallest_count(table[table["disclosure"] == "hidden"], {}) is None


def test_formats_that_an_output_checker_blocks_are_left_out():
    files = {f"a.{kind}": b"" for kind in ("svg", "png", "ods", "xlsx", "md", "csv", "json")}
    assert set(allowed(files, ["png"])) == {"a.png", "a.csv", "a.json"}  # tables and what they mean always stay
    assert allowed(files, Formats().formats) == files
    with pytest.raises(ValueError, match="formats"):
        Formats(formats=("pdf",))


def test_the_csv_is_in_order_and_exact(tmp_path):
    lines = contents(write(tmp_path))["results.csv"].decode("utf-8").split("\n")
    assert lines[0] == ",".join(RESULT_COLUMNS)
    assert lines[1].startswith("arrest_rate,rate,2023-24,All,All,All,All,broad,Black,,,,0.95,,,,,,,,,,")
    assert "0.8333333333333334,0.30000000000000004,1e-17" in lines[2]
    assert lines[-1] == ""
    assert "\r" not in "".join(lines)


def test_it_reads_back_as_it_was(tmp_path):
    release = read_release(write(tmp_path))
    expected = results().sort_values(list(RESULT_KEYS)).reset_index(drop=True)
    assert_frame_equal(release.results, expected, check_exact=True, check_dtype=False)
    assert release.run == RUN
    assert release.manifest["title"] == MANIFEST["title"]


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    one = write(tmp_path / "one")
    shuffled = results().iloc[::-1].reset_index(drop=True)
    two = write(tmp_path / "two", results=shuffled, files=dict(reversed(CHARTS.items())))
    assert contents(one) == contents(two)


def test_again_with_the_same_bytes_is_nothing_new(tmp_path):
    first = write(tmp_path)
    before = {file: file.stat().st_mtime_ns for file in first.rglob("*")}
    assert write(tmp_path) == first
    assert {file: file.stat().st_mtime_ns for file in first.rglob("*")} == before
    assert [entry.name for entry in tmp_path.iterdir()] == [RUN]


def test_again_with_other_bytes_is_refused(tmp_path):
    first = write(tmp_path)
    before = contents(first)
    with pytest.raises(DisclosureError):
        write(tmp_path, manifest=MANIFEST | {"title": "Another"})
    assert contents(first) == before


@pytest.mark.parametrize("step", ["write", "move"])
def test_a_failure_leaves_no_release(tmp_path, monkeypatch, step):
    def fail(*_args, **_keywords):
        raise OSError("the machine stopped")

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(Path, "replace", fail)
            patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="the machine stopped"):
            write(tmp_path)
    assert not (tmp_path / RUN).exists()
    assert not list(tmp_path.glob("[!.]*"))
    # What was left behind, if anything, is in no one's way.
    assert read_release(write(tmp_path)).run == RUN
    assert [entry.name for entry in tmp_path.iterdir()] == [RUN]


class TestTampering:
    def test_one_byte(self, tmp_path):
        path = write(tmp_path)
        for name, content in contents(path).items():
            if name != "SHA256SUMS":
                (path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
                with pytest.raises(DisclosureError, match=Path(name).name):
                    read_release(path)
                (path / name).write_bytes(content)
        assert read_release(path).run == RUN

    def test_a_file_missing(self, tmp_path):
        path = write(tmp_path)
        (path / "charts" / "rates.svg").unlink()
        with pytest.raises(DisclosureError, match="rates"):
            read_release(path)

    def test_a_file_added(self, tmp_path):
        path = write(tmp_path)
        (path / "notes.txt").write_text("rows")
        with pytest.raises(DisclosureError, match="notes"):
            read_release(path)

    def test_no_checksums(self, tmp_path):
        path = write(tmp_path)
        (path / "SHA256SUMS").unlink()
        with pytest.raises(DisclosureError, match="SHA256SUMS"):
            read_release(path)

    def test_a_link_to_a_file_with_the_same_bytes(self, tmp_path):
        path = write(tmp_path)
        elsewhere = tmp_path / "rates.svg"
        (path / "charts" / "rates.svg").rename(elsewhere)
        try:
            (path / "charts" / "rates.svg").symlink_to(elsewhere)
        except OSError:
            pytest.skip("this system lets nobody make links")
        with pytest.raises(DisclosureError, match="rates"):
            read_release(path)

    def test_checksums_made_anew_around_something_else(self, tmp_path):
        path = write(tmp_path)
        for content in (b"{}", b"not json", b"\xff"):
            (path / "release.json").write_bytes(content)
            lines = [f"{hashlib.sha256(b).hexdigest()}  {n}" for n, b in contents(path).items() if n != "SHA256SUMS"]
            (path / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")
            with pytest.raises(DisclosureError, match="cannot be read"):
                read_release(path)

    def test_writing_again_over_what_was_changed(self, tmp_path):
        path = write(tmp_path)
        (path / "charts" / "rates.svg").write_bytes(b"<svg></svg>")
        with pytest.raises(DisclosureError, match="rates"):
            write(tmp_path)

    def test_nothing_there(self, tmp_path):
        with pytest.raises(DisclosureError):
            read_release(tmp_path / "none")


class TestRefusals:
    @pytest.mark.parametrize("value", ["=1+1", "+44", "-x", "@SUM(A1)", "\tx"])
    def test_a_name_that_a_spreadsheet_would_run(self, tmp_path, value):
        with pytest.raises(DisclosureError, match="formula"):
            write(tmp_path, results=results(area=value))
        assert not (tmp_path / RUN).exists()

    @pytest.mark.parametrize("column", ["numerator", "estimate", "upper", "p_value", "reference_denominator"])
    def test_a_hidden_row_with_a_value(self, tmp_path, column):
        table = results()
        table.loc[1, column] = 3.0
        with pytest.raises(DisclosureError, match="hidden"):
            write(tmp_path, results=table)
        assert not (tmp_path / RUN).exists()


def test_the_identity_depends_on_inputs_configuration_and_version():
    base = run_identity({"arrests": "aa", "outcomes": "bb"}, "cc", "0.1")
    assert base == run_identity({"outcomes": "bb", "arrests": "aa"}, "cc", "0.1")
    assert len(base) == 12
    assert set(base) <= set("0123456789abcdef")
    others = [
        run_identity({"arrests": "ab", "outcomes": "bb"}, "cc", "0.1"),
        run_identity({"arrests": "bb", "outcomes": "aa"}, "cc", "0.1"),
        run_identity({"arrests": "aa", "outcomes": "bb"}, "cd", "0.1"),
        run_identity({"arrests": "aa", "outcomes": "bb"}, "cc", "0.2"),
    ]
    assert len({base, *others}) == 5


@pytest.mark.parametrize(("hidden", "closed"), [("", set()), ("All", {"arrests"}), ("Known", set())])
def test_rows_of_an_extract_do_not_tell_a_total_that_is_hidden(hidden, closed):
    cells = pd.DataFrame([
        dict.fromkeys(SPLITS, ALL) | {"stage": stage, "period": period, "level": "broad", "group": group, "disclosure":
            "hidden" if (stage, period, group) == ("arrests", "2023-24", hidden) else "shown"}
        for stage in ("arrests", "outcomes") for period in ("2022-23", "2023-24") for group in ("All", "Known")
    ])  # fmt: skip
    found = _tables_closed(stages(), cells)
    assert found == closed
    rows = Accounting("custody", "arrests", read=1234, used=1230, set_aside=4, out_of_scope=0, sha256="")
    said = _accounted(rows, 10, found)
    assert (said["read"], said["used"]) == ((None, None) if closed else (1230, 1230))
    assert (said["set_aside"], said["adds_up"]) == ("fewer than 10", True)


def test_a_chart_is_drawn_from_nothing_but_what_the_release_says(tmp_path):
    """No coordinate, order or axis of a chart can then tell more than results.csv and release.json do."""
    frame, manifest = made_up.results(), made_up.manifest() | {"run": RUN}
    drawn = {f"charts/{name}.svg": chart_svg(View(frame, manifest), name) for name in ("forest", "trend", "unknown")}
    found = read_release(write(tmp_path, results=frame, manifest=manifest, files=drawn))
    hidden = found.results["disclosure"] == "hidden"
    assert hidden.any()
    assert found.results.loc[hidden, ["estimate", "lower", "upper", "numerator", "denominator"]].isna().all(axis=None)
    for path, content in drawn.items():
        assert chart_svg(View(found.results, found.manifest), path[7:-4]) == content
