"""Signing a release: two different reviewers, each after a check, and no signature for anything but what was signed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.test_release import CHARTS, MANIFEST, RUN, contents, results, write
from yjd.cli import app, guarded
from yjd.disclosure import Links
from yjd.errors import DisclosureError
from yjd.history import History
from yjd.release import read_release
from yjd.release_check import check_release, row_problems
from yjd.signoff import SIGNATURES, is_signed, read_signatures, sign, state

RULES = {
    "minimum_count": 5, "zero_safe": True, "minimum_denominator": 0, "minimum_children": 0,
    "largest_share_percent": 100, "interval_width": 2, "method": "hide", "round_to": 0,
}  # fmt: skip
MEASURES = [{"id": "arrest_rate", "numerator": "arrests", "denominator": "population"}]
LINKS = Links({}, [], frozenset({"population"}), {}, frozenset(), {}, [("arrests", "population")]).as_json()


def rules(**changes):
    return MANIFEST | {
        "disclosure": {"rules": RULES | changes}, "measures": MEASURES, "links": LINKS, "headline": {"level": "broad"},
    }  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write(tmp_path, manifest=rules())


def both(release: Path) -> None:
    sign(release, name="Ada Reed", role="analyst")
    sign(release, name="Ben Hall", role="output checker", note="Seen with the review folder.")


class TestSigning:
    def test_two_reviewers_make_it_signed(self, release):
        before = contents(release)
        assert not read_release(release).signed
        sign(release, name="Ada Reed", role="analyst")
        assert not read_release(release).signed
        assert state(read_signatures(release)) == "draft, 1 of 2 signatures"
        both = sign(release, name="Ben Hall", role="output checker", note="Seen.")
        assert read_release(release).signed
        assert state(both) == "signed"
        assert [(one.name, one.role, one.decision, one.note) for one in both] == [
            ("Ada Reed", "analyst", "approved", ""), ("Ben Hall", "output checker", "approved", "Seen."),
        ]  # fmt: skip
        after = contents(release)
        assert after.pop(SIGNATURES)
        assert after == before  # what was signed is as it was
        assert [entry.name for entry in release.parent.iterdir()] == [RUN]

    @pytest.mark.parametrize("name", ["Ada Reed", " ada  REED ", "ADA REED", "Ada\u200b Reed", "\uff21da\u00a0Reed"])
    def test_the_same_reviewer_cannot_sign_twice(self, release, name):
        sign(release, name="Ada Reed", role="analyst")
        with pytest.raises(DisclosureError, match="already"):
            sign(release, name=name, role="another role")
        assert len(read_signatures(release)) == 1

    def test_one_who_declines_ends_it(self, release):
        both(release)
        with pytest.raises(DisclosureError, match="reason"):
            sign(release, name="Cy Dunn", role="data owner", decision="declined")
        signatures = sign(release, name="Cy Dunn", role="data owner", decision="declined", note="A table too many.")
        assert not is_signed(signatures)
        assert state(signatures) == "declined"

    @pytest.mark.parametrize("name", ["", "  ", "\u200b", "A\x07B", "x" * 201])
    def test_a_name_that_is_none(self, release, name):
        with pytest.raises(DisclosureError, match="name"):
            sign(release, name=name, role="analyst")
        assert not (release / SIGNATURES).exists()

    def test_nobody_signs_what_does_not_pass(self, release):
        (release / "charts" / "rates.svg").write_bytes(b"<svg></svg>")
        with pytest.raises(DisclosureError, match="rates"):
            sign(release, name="Ada Reed", role="analyst")
        assert not (release / SIGNATURES).exists()

    def test_a_signature_that_was_interrupted_is_in_the_way_until_somebody_looks(self, release):
        left = release.with_name(f".{RUN}.signing")
        left.write_bytes(b"")
        with pytest.raises(DisclosureError, match="interrupted"):
            sign(release, name="Ada Reed", role="analyst")
        left.unlink()
        assert len(sign(release, name="Ada Reed", role="analyst")) == 1

    def test_the_run_again_keeps_the_signatures(self, release):
        both(release)
        assert write(release.parent, manifest=rules()) == release
        assert read_release(release).signed


class TestTheChain:
    def test_any_byte_of_the_signatures_changed(self, release):
        both(release)
        path = release / SIGNATURES
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DisclosureError, match="sign-offs"):
                read_release(release)
        path.write_bytes(content)
        assert read_release(release).signed

    def test_lines_removed_moved_or_doubled(self, release):
        both(release)
        path = release / SIGNATURES
        one, two = path.read_bytes().splitlines(keepends=True)
        for lines in ([two], [two, one], [one, one], [one, two, two], [one, b"\n", two], [b"[]\n"]):
            path.write_bytes(b"".join(lines))
            with pytest.raises(DisclosureError, match="sign-offs"):
                read_release(release)
        path.write_bytes(one)  # the last one taken away cannot be told: it is a draft again
        assert not read_release(release).signed

    def test_signatures_of_another_release(self, release, tmp_path):
        both(release)
        other = write(tmp_path / "other", manifest=rules(minimum_count=6))
        (other / SIGNATURES).write_bytes((release / SIGNATURES).read_bytes())
        with pytest.raises(DisclosureError, match="other content"):
            read_release(other)

    def test_the_release_changed_after_it_was_signed_checksums_and_all(self, release):
        both(release)
        results = release / "results.csv"
        results.write_bytes(results.read_bytes().replace(b"25.0", b"26.0", 1))
        lines = (release / "SHA256SUMS").read_text("utf-8").splitlines()
        lines[-1] = f"{hashlib.sha256(results.read_bytes()).hexdigest()}  results.csv"
        (release / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        with pytest.raises(DisclosureError, match="other content"):
            read_release(release)


class TestTheCheck:
    def test_it_passes(self, release):
        assert check_release(release).run == RUN

    def test_checksums_made_anew_do_not_help(self, release):
        """release.json says what its files were, and the history what its checksums were."""
        url = f"sqlite:///{(release.parent / 'history.sqlite').as_posix()}"
        with History.open(url) as history:
            history.record(read_release(release))
            assert check_release(release, history=history)
            chart = release / "charts" / "rates.svg"
            chart.write_bytes(b"<svg></svg>")
            sums = "".join(
                f"{hashlib.sha256(content).hexdigest()}  {name}\n"
                for name, content in contents(release).items() if name != "SHA256SUMS"
            )  # fmt: skip
            (release / "SHA256SUMS").write_text(sums, encoding="utf-8", newline="\n")
            with pytest.raises(DisclosureError, match=r"rates\.svg is not the file") as raised:
                check_release(release, history=history)
        assert "the history holds this run with another release" in str(raised.value)
        assert raised.value.exit_code == 14

    @pytest.mark.parametrize(
        ("changes", "given", "words"),
        [
            ({"numerator": 4.0}, {}, "numerator below 5"),
            ({"reference_numerator": 4.0}, {}, "reference_numerator below 5"),
            ({"denominator": 4.0}, {}, "denominator below 5"),
            ({"numerator": 0.0}, {"zero_safe": False}, "of zero is shown"),
            ({}, {"round_to": 10, "method": "hide_and_round"}, "not rounded to a multiple of 10"),
            ({"disclosure": "secret"}, {}, "neither shown nor hidden"),
            ({"group": "Black"}, {}, "comes twice"),
        ],
    )
    def test_rows_that_break_the_rules(self, changes, given, words):
        (problem,) = row_problems(results(**changes), rules(**given) | {"measures": []})
        assert words in problem

    @pytest.mark.parametrize(
        ("changes", "given"),
        [
            ({"numerator": 0.0}, {}),
            ({"numerator": 5.0}, {}),
            ({"numerator": 3.0}, {"round_to": 3, "method": "round"}),
            ({"numerator": 30.0, "disclosure": "rounded"}, {"round_to": 7, "method": "round"}),
            ({"reference_numerator": 1.3}, {}),
        ],
    )
    def test_rows_that_keep_them(self, changes, given):
        base = {"denominator": float("nan")} if given else {}
        assert row_problems(results(**base, **changes), rules(**given)) == []

    def test_a_hidden_count_that_can_be_worked_out(self, tmp_path):
        """27 children known, 25 of them White, the others Black."""
        table = pd.concat([results(), results(numerator=27.0, group="Known").head(1)], ignore_index=True)
        path = write(tmp_path, manifest=rules(), results=table)
        with pytest.raises(DisclosureError, match=r"an attack on it finds 1 counts \(sums\)"):
            check_release(path)

    def test_a_release_that_does_not_say_how_its_counts_add_up(self, tmp_path):
        with pytest.raises(DisclosureError, match="how stages add up"):
            check_release(write(tmp_path))

    def test_a_public_base_may_be_small(self):
        public = {"measures": [{"id": "arrest_rate", "denominator": "population"}]}
        assert row_problems(results(denominator=2.0), rules() | public) == []


class TestTheCommand:
    def call(self, *arguments, folder):
        return guarded(
            lambda: app(["release", *arguments, "--config", str(folder / "none.toml")], standalone_mode=False)
        )

    def test_check_then_sign_twice(self, release, capsys):
        there = ("--release", str(release))
        assert self.call("check", *there, folder=release.parent) == 0
        assert "draft, 0 of 2" in capsys.readouterr().out
        assert self.call("sign", *there, "--name", "Ada Reed", "--role", "analyst", folder=release.parent) == 0
        assert "draft, 1 of 2" in capsys.readouterr().out
        assert self.call("sign", *there, "--name", "ada reed", "--role", "analyst", folder=release.parent) == 14
        assert "already" in capsys.readouterr().err
        assert (
            self.call("sign", *there, "--name", "Ben Hall", "--role", "checker", "--json", folder=release.parent) == 0
        )
        told = json.loads(capsys.readouterr().out)
        assert (told["state"], told["run"], told["smallest_count"]) == ("signed", RUN, 25)
        assert [one["name"] for one in told["signatures"]] == ["Ada Reed", "Ben Hall"]

    def test_a_changed_byte_is_exit_code_14(self, release, capsys):
        (release / "charts" / "rates.png").write_bytes(b"\x89PNH")
        assert self.call("check", "--release", str(release), folder=release.parent) == 14
        assert "rates.png" in capsys.readouterr().err

    def test_list(self, tmp_path, release, monkeypatch, capsys):
        from tests.extracts.project import SmallProject

        project = SmallProject(tmp_path / "project")
        project.folder.mkdir()
        project.write()
        target = project.folder / "work" / "release"
        target.parent.mkdir()
        release.parent.joinpath(RUN).rename(tmp_path / "moved")
        target.mkdir()
        (tmp_path / "moved").rename(target / RUN)
        both(target / RUN)
        write_other = write(tmp_path / "more", manifest=rules())
        (write_other / "release.json").write_bytes(b"{}")
        write_other.rename(target / "ffffffffffff")
        monkeypatch.chdir(project.folder)
        assert guarded(lambda: app(["release", "list", "--json"], standalone_mode=False)) == 0
        rows = json.loads(capsys.readouterr().out)["releases"]
        assert [(row["run"], row["state"]) for row in rows] == [
            (RUN, "signed"), ("ffffffffffff", "changed: do not use"),
        ]  # fmt: skip

    def test_every_verb_has_help(self):
        for verb in ("check", "sign", "list"):
            assert CliRunner().invoke(app, ["release", verb, "--help"]).exit_code == 0


def test_a_report_is_a_draft_until_the_second_signature(release):
    from tests.reporting import made_up
    from yjd.release import write_release
    from yjd.reporting.report import open_report

    facts = made_up.manifest(
        demonstration=False, disclosure={"rules": RULES}, links=LINKS, attrition=[], ethnicity={}
    )  # fmt: skip
    path = write_release(release.parent, facts["run"], results=results(), manifest=facts, files=CHARTS)
    assert "DRAFT" in open_report(path).banner().text
    sign(path, name="Ada Reed", role="analyst")
    assert "DRAFT" in open_report(path).banner().text
    sign(path, name="Ben Hall", role="output checker")
    assert "DRAFT" not in open_report(path).banner().text
