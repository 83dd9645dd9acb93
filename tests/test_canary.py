"""Nothing of a record gets out: values planted in every field of every extract are in no byte that may leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.canaries import NAME, VALUE, found_in, planted, write_project
from yjd.cli import app, guarded
from yjd.history import History
from yjd.schema import TABLES


def call(*arguments: str) -> int:
    return guarded(lambda: app(list(arguments), standalone_mode=False))


@pytest.mark.parametrize(("place", "content"), planted().items(), ids=list(planted()))
def test_the_search_finds_what_is_planted(place: str, content: bytes) -> None:
    assert found_in(content) == {VALUE}


def test_the_search_finds_nothing_where_nothing_is() -> None:
    assert found_in(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40) == set()
    assert found_in(b"PK\x03\x04"[:3] + b"A" * 100) == set()


def test_no_value_of_a_record_and_no_name_of_a_partner_gets_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    dates = write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert call("run") == 0
    said = capfd.readouterr()
    assert not found_in((said.out + said.err).encode())
    left = {path.relative_to(tmp_path): path for top in ("work/release", "reports") for path in _files(tmp_path / top)}
    kinds = {path.suffix for path in left}
    assert {".csv", ".json", ".svg", ".png", ".md", ".html"} <= kinds
    for name, path in left.items():
        content = path.read_bytes()
        assert not found_in(content), name
        assert not [day for day in dates if day.encode() in content], name
    assert call("release", "check") == 0
    assert not found_in("".join(capfd.readouterr()).encode())
    # the history stays, but any later run may publish what it holds
    with History.open(f"sqlite:///{(tmp_path / 'work' / 'history.sqlite').as_posix()}") as history:
        (run,) = history.runs()["run"]
        assert not found_in((history.runs().to_csv() + history.results(run).to_csv()).encode())
    # and it was all there to get out: every row, every odd one too, and with them every column
    accounts = {name: (tmp_path / "work" / "sensitive" / "set_aside" / f"{name}.csv") for name in TABLES}
    for name, table in TABLES.items():
        if not table.counts:
            text = accounts[name].read_text(encoding="utf-8")
            assert all(f"{VALUE} {name} odd {column}" in text for column, one in table.columns.items()
                       if one.type not in ("text", "ethnicity")), name  # fmt: skip
    warehouse = (tmp_path / "work" / "sensitive" / "warehouse.duckdb").read_bytes()
    assert VALUE.encode() in warehouse


def _open_quote(content: bytes) -> bytes:
    return content + f'"{VALUE} open'.encode()


def _other_encoding(content: bytes) -> bytes:
    return content.replace(f"{VALUE} child 7,".encode(), f"{VALUE} Zo\xeb,".encode("latin-1"), 1)


def _field_too_many(content: bytes) -> bytes:
    return content.replace(f"{VALUE} child".encode(), f"{VALUE} more,{VALUE} child".encode())


def _no_count(content: bytes) -> bytes:
    return content.replace(f"{VALUE} whole n 40".encode(), f"{VALUE} many".encode())


@pytest.mark.parametrize(
    ("file", "spoil", "code"),
    [
        ("outcomes", None, 12),  # odd rows, and no tolerance
        ("arrests", _open_quote, 11),
        ("arrests", _other_encoding, 11),
        ("arrests", _field_too_many, 12),
        ("population", _no_count, 12),
    ],
)
def test_no_error_quotes_a_value(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    file: str,
    spoil: Callable[[bytes], bytes] | None,
    code: int,
) -> None:
    write_project(tmp_path, tolerance=30 if spoil else 0, tables=sorted({"population", file}), measures=["arrest_rate"])
    if spoil:
        path = tmp_path / f"{NAME} {file}.csv"
        path.write_bytes(spoil(path.read_bytes()))
    monkeypatch.chdir(tmp_path)
    assert call("run") == code
    said = capfd.readouterr()
    assert VALUE not in said.out + said.err
    assert said.err.strip()
    assert not _files(tmp_path / "work" / "release")
    assert not _files(tmp_path / "reports")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_marks_are_in_every_field(tmp_path: Path) -> None:
    write_project(tmp_path)
    for name in TABLES:
        lines = (tmp_path / f"{NAME} {name}.csv").read_text(encoding="utf-8").splitlines()
        heads = lines[0].split(",")
        assert all(head.startswith(NAME) for head in heads)
        assert len(heads) == len([column for column in TABLES[name].columns if column != "stage"]) + 1
        assert all(line.count(VALUE) >= len(heads) for line in lines[1:])
