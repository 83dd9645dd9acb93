"""The command line: its exit codes, its words, and what it never shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yjd import cli, doctor, errors, terminal

VERBS = ("init", "demo", "check", "run", "report", "progress", "runs", "measures", "doctor", "release")
HEAVY = ("pandas", "numpy", "scipy", "statsmodels", "sklearn", "duckdb", "sqlalchemy", "matplotlib", "rich")
CHILD = "Jane Doe, born 3 May 2011"  # stands for a value of a record


def yjd(*arguments: str, folder: Path, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code or "from yjd.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def fail(error: BaseException):
    """A command that raises."""

    def command() -> None:
        raise error

    return command


class TestVerbs:
    def test_help_lists_every_verb_and_no_other(self):
        shown = CliRunner().invoke(cli.app, ["--help"])
        listed = shown.output.split("Commands:")[1].split("\n")
        assert shown.exit_code == 0
        assert sorted(line.split()[0] for line in listed if line.strip()) == sorted(VERBS)

    def test_every_verb_explains_itself_on_one_line(self):
        shown = CliRunner().invoke(cli.app, ["--help"], terminal_width=80)
        assert "..." not in shown.output.split("Commands:")[1]

    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_has_help(self, verb):
        assert CliRunner().invoke(cli.app, [verb, "--help"]).exit_code == 0

    @pytest.mark.parametrize(
        "arguments",
        [["suppress"], ["run", "--debug"], ["run", "--no-disclosure"], ["report", "--format", "docx"]],
    )
    def test_wrong_usage_leaves_with_2(self, arguments):
        assert CliRunner().invoke(cli.app, arguments).exit_code == 2

    def test_no_option_shows_values_or_turns_disclosure_control_off(self):
        shown = "".join(CliRunner().invoke(cli.app, [verb, "--help"]).output for verb in VERBS)
        assert not any(word in shown for word in ("--debug", "--verbose", "--trace", "--no-disclosure", "--unsafe"))

    def test_version(self):
        assert CliRunner().invoke(cli.app, ["--version"]).output.startswith("yjd ")

    @pytest.mark.parametrize("module", ["yjd", "yjd.cli"])
    def test_nothing_heavy_is_imported_before_a_verb_needs_it(self, module, tmp_path):
        code = f"import {module}, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
        assert yjd(folder=tmp_path, code=code).stdout.strip() == "[]"


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.ConfigurationError, 10),
            (errors.ExtractError, 11),
            (errors.SchemaError, 12),
            (errors.EstimationError, 13),
            (errors.DisclosureError, 14),
            (errors.HistoryError, 15),
            (errors.RenderingError, 16),
        ],
    )
    def test_each_kind_has_its_own_exit_code(self, error, code):
        assert cli.guarded(fail(error("Something is wrong."))) == code

    def test_the_remedy_stands_on_its_own_line_and_nothing_is_on_standard_output(self, capsys):
        cli.guarded(fail(errors.ExtractError("arrests.csv is empty.", "Ask for it again.")))
        shown = capsys.readouterr()
        assert shown.err == "Error: arrests.csv is empty.\nWhat to do: Ask for it again.\n"
        assert shown.out == ""

    def test_square_brackets_survive(self, capsys):
        cli.guarded(fail(errors.ConfigurationError("[extracts.arrests] shows [c].")))
        assert "[extracts.arrests] shows [c]." in capsys.readouterr().err

    @pytest.mark.parametrize(
        "error",
        [ValueError(CHILD), KeyError(CHILD), UnicodeDecodeError("utf-8", CHILD.encode(), 0, 1, CHILD)],
    )
    def test_a_fault_of_our_own_shows_its_type_and_place_and_no_message(self, error, capsys):
        assert cli.guarded(fail(error)) == 1
        shown = capsys.readouterr()
        assert type(error).__name__ in shown.err
        assert "Jane" not in shown.err + shown.out
        assert "Traceback" not in shown.err

    def test_the_place_is_the_last_line_of_ours(self, capsys):
        cli.guarded(lambda: terminal.table([{"a": 1}], columns=None))  # type: ignore[arg-type]
        assert "TypeError at yjd.terminal:" in capsys.readouterr().err

    def test_a_chained_error_shows_no_cause(self, capsys):
        def command() -> None:
            try:
                raise ValueError(CHILD)
            except ValueError as cause:
                raise errors.ExtractError("Line 7 cannot be read.") from cause

        cli.guarded(command)
        assert "Jane" not in capsys.readouterr().err

    def test_warnings_logs_and_threads_show_no_value_either(self, tmp_path):
        code = f"""
import logging, threading, warnings
from yjd import terminal
terminal.hold_back_values()
warnings.warn({CHILD!r})
logging.getLogger("some.library").warning({CHILD!r})
def work(): raise ValueError({CHILD!r})
thread = threading.Thread(target=work); thread.start(); thread.join()
"""
        done = yjd(folder=tmp_path, code=code)
        assert "Jane" not in done.stdout + done.stderr
        assert "ValueError" in done.stderr

    @pytest.mark.parametrize("verb", ["check", "run", "runs", "report"])
    def test_a_missing_configuration_leaves_with_10_and_writes_nothing(self, verb, tmp_path):
        done = yjd(verb, folder=tmp_path)
        assert done.returncode == 10
        assert "yjd.toml" in done.stderr
        assert "yjd init" in done.stderr
        assert done.stdout == ""
        assert list(tmp_path.iterdir()) == []


class TestAnswers:
    def test_measures_as_json_can_be_read_back(self, tmp_path):
        done = yjd("measures", "--json", folder=tmp_path)
        read = json.loads(done.stdout)
        stages = {stage["id"] for stage in read["stages"]}
        assert done.returncode == 0
        assert all({measure["numerator"], measure["denominator"]} <= stages for measure in read["measures"])

    def test_init_writes_a_project_once(self, tmp_path):
        first = yjd("init", "project", folder=tmp_path)
        before = (tmp_path / "project" / "yjd.toml").read_bytes()
        second = yjd("init", "project", folder=tmp_path)
        assert (first.returncode, second.returncode) == (0, 10)
        assert (tmp_path / "project" / "yjd.toml").read_bytes() == before

    def test_report_without_a_release_leaves_with_10(self, tmp_path):
        how_to = (Path(__file__).resolve().parents[1] / "docs" / "how-to.md").read_text(encoding="utf-8")
        whole = how_to.split("```toml\n")[1].split("```")[0]
        (tmp_path / "yjd.toml").write_text(whole, encoding="utf-8")
        done = yjd("report", folder=tmp_path)
        assert done.returncode == 10
        assert "no release yet" in done.stderr


class TestDoctor:
    def test_this_machine_is_well(self, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # font files of this machine are not what is tested
            findings = doctor.examine(tmp_path)
        assert [finding for finding in findings if finding.verdict == "missing"] == []

    def test_it_leaves_nothing_behind(self, tmp_path):
        doctor._writeable(tmp_path / "work")
        assert list(tmp_path.iterdir()) == []

    def test_a_look_that_fails_is_a_finding_with_a_remedy(self):
        def broken() -> doctor.Finding:
            raise OSError(CHILD)

        (finding,) = doctor._look("DuckDB", broken)
        assert (finding.verdict, finding.detail) == ("missing", "does not work here (OSError)")
        assert finding.remedy


@dataclass(frozen=True)
class Row:
    name: str
    n: int | None


class TestPlainText:
    def test_columns_line_up(self):
        rows = [{"extract": "arrests", "read": 12345}, {"extract": "pnc", "read": None}]
        assert terminal.table(rows, ("extract", "read")) == "extract  read\narrests  12,345\npnc      -"

    def test_json_of_our_own_objects(self):
        value = {"row": Row("[c]", None), "path": Path("a") / "b", "missing": float("nan"), "welsh": "Llŷr"}
        read = json.loads(terminal.as_json(value))
        assert read == {"row": {"name": "[c]", "n": None}, "path": "a/b", "missing": None, "welsh": "Llŷr"}

    def test_json_is_ascii(self):
        assert terminal.as_json("Llŷr").isascii()

    def test_json_of_a_frame_is_a_list_of_rows(self):
        import pandas as pd

        frame = pd.DataFrame({"run": ["a"], "n": [1.0], "at": [pd.NA]})
        assert terminal.rows_of(frame) == [{"run": "a", "n": 1.0, "at": None}]

    def test_progress_is_one_plain_line_a_step_when_no_terminal_listens(self, capsys):
        with terminal.progress() as announce:
            announce("Reading [extracts.arrests]")
        shown = capsys.readouterr()
        assert (shown.out, shown.err) == ("", "Reading [extracts.arrests]\n")

    def test_quiet_is_quiet(self, capsys):
        with terminal.progress(quiet=True) as announce:
            announce("Reading")
        assert capsys.readouterr() == ("", "")
