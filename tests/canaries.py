"""A small project with an unmistakable value in every field of every extract, and a search that finds it anywhere."""

from __future__ import annotations

import base64
import binascii
import csv
import gzip
import html
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

from yjd.schema import TABLES, Column

VALUE = "Qzxvkanary"  # begins every value of every field
NAME = "Wqzjkolibri"  # is in every name of a file, folder and column of a partner
MARKS = (VALUE, NAME)

MEASURES = ("search_nfa_share", "arrest_rate", "precourt_share", "intervention_accepted")  # these read every table
FEW_MODELS = 'measures = ["precourt_share"]\nrungs = { M1 = ["offence_group"] }'
AREAS = ("North", "South")
GROUPS = ("African", "Pakistani", "White British")  # detailed groups that labels stand for
FIRST = date(2024, 4, 1)
_CHOICES = {
    "area": AREAS, "sex": ("Female", "Male"), "age": ("13", "15", "16", "17"), "age_band": ("12-14", "15-17"),
    "deprivation": ("1", "3", "5"), "ethnicity": GROUPS, "ethnicity_officer": GROUPS,
    "age_at_offence": ("13", "15"), "age_at_hearing": ("16", "17"), "record_system": ("pnc", "yjs_case"),
    "outcome_type": ("1", "8"), "disposal": ("community_resolution", "youth_caution", "referral_order"),
    "outcome": ("arrest", "no_further_action"), "quashed": ("0",), "deleted": ("0",), "breach": ("0",),
    "resident": ("1",), "admission": ("0", "1"), "in_care": ("0", "1"), "n": ("40", "60"),
}  # fmt: skip
_DAYS = {"offence_date": -30, "arrest_date": -20, "hearing_date": -10, "date": 0, "release_date": 40,
         "accepted_date": 5, "started_date": 9, "completed_date": 30, "birth_date": -5600}  # fmt: skip
_ROWS = {"searches": 240, "arrests": 300, "outcomes": 400, "interventions": 160}
_COUNT_ROWS = [(area, sex, group) for area in AREAS for sex in ("Female", "Male") for group in GROUPS]
_WHOLE_TOML = """
[project]
title = "Canaries"
areas = ["North", "South"]

[periods]
kinds = ["financial_year"]
first = 2024
last = 2024

[ethnicity]
references = ["White"]

[analysis]
measures = [{measures}]
splits = {{ broad = [{splits}] }}
imputations = 1

[models]
{models}

[disclosure]
minimum_count = 5
zero_safe = true
minimum_denominator = 5
minimum_children = 0
largest_share_percent = 100
interval_width = 2
method = "hide"
round_to = 0
minimum_degrees_of_freedom = 0

[quality]
tolerance_percent = {tolerance}
"""


def write_project(
    folder: Path,
    *,
    tolerance: int = 30,
    tables: Sequence[str] = tuple(TABLES),
    measures: Sequence[str] = MEASURES,
    models: str = FEW_MODELS,
    splits: str = "[]",
) -> list[str]:
    """Write the extracts and yjd.toml.

    Returns
    -------
    list of str
        The dates of the records, as they stand in the files and as YYYY-MM-DD: no single one may come out.
    """
    chance = random.Random(1)
    named = ", ".join(f'"{measure}"' for measure in measures)
    text, days = [_WHOLE_TOML.format(tolerance=tolerance, measures=named, splits=splits, models=models)], set[date]()
    for name in tables:
        table = TABLES[name]
        rows = [_counts(row) for row in _COUNT_ROWS] if table.counts else _records(name, chance, days)
        columns = [column for column in table.columns if column != "stage"]
        file = f"{NAME} {name}.csv"
        with (folder / file).open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow([*(f"{NAME} {column}" for column in columns), f"{NAME} remarks"])
            writer.writerows([*(row[column] for column in columns), f"{VALUE} remark {place}"]
                             for place, row in enumerate(rows))  # fmt: skip
        text.append(_extract_toml(name, file, columns))
    (folder / "yjd.toml").write_text("\n".join(text), encoding="utf-8")
    return sorted({day.strftime(form) for day in days for form in ("%d/%m/%Y", "%Y-%m-%d")})


def _field(name: str, column: Column, choice: str) -> str:
    """The partner's label for one of our values."""
    return f"{VALUE} {column.type} {name} {choice}"


def _counts(row: tuple[str, str, str]) -> dict[str, str]:
    area, sex, group = row
    values = {"area": area, "sex": sex, "ethnicity": group, "age_band": "15-17", "deprivation": "1",
              "n": "60" if sex == "Male" else "40"}  # fmt: skip
    columns = TABLES["population"].columns
    return {name: _field(name, columns[name], value) for name, value in values.items()}


def _records(table: str, chance: random.Random, days: set[date]) -> list[dict[str, str]]:
    rows = []
    for place in range(_ROWS[table]):
        when = FIRST + timedelta(days=chance.randrange(61, 300))
        row = {}
        for name, column in TABLES[table].columns.items():
            if column.type == "date":
                day = when + timedelta(days=_DAYS[name])
                days.add(day)
                row[name] = f"{day:%d/%m/%Y} {VALUE} {table} {name}"  # what follows a date is a time, and left off
            elif name in _CHOICES:
                row[name] = _field(name, column, chance.choice(_CHOICES[name]))
            elif name == "child_id":
                row[name] = f"{VALUE} child {place * 2 // 3}"
            elif column.identifier:
                row[name] = f"{VALUE} {table} {place}"
            else:
                row[name] = f"{VALUE} {name} {place % 3}"
        rows.append(row)
    return [*rows, *_broken(rows[0], table)]


def _broken(row: dict[str, str], table: str) -> list[dict[str, str]]:
    """Rows to be set aside: an odd value in one field each."""
    return [
        {field: (f"{VALUE} {table} odd {field}" if field == odd else f"{value} again" if field == identifier else value)
         for field, value in row.items()}
        for identifier in [next((name for name, one in TABLES[table].columns.items() if one.identifier), "")]
        for odd, column in TABLES[table].columns.items()
        if column.type not in ("text", "ethnicity")
    ]  # fmt: skip


def _extract_toml(name: str, file: str, columns: list[str]) -> str:
    table = TABLES[name]
    mapped = ", ".join(f'{column} = "{NAME} {column}"' for column in columns)
    dates = ", ".join(f'{column} = "DD/MM/YYYY"' for column in columns if table.columns[column].type == "date")
    lines = ["[[extracts]]", f'name = "{name}"', f'table = "{name}"', f'file = "{file}"',
             f"columns = {{ {mapped} }}", 'ignore = "*"']  # fmt: skip
    if dates:
        lines += [f"dates = {{ {dates} }}", 'covers = ["2024-04-01", "2025-03-31"]']
    if name == "counts":
        lines += ['constants = { stage = "searches" }', 'period = { value = "2025", kind = "year_ending_march" }']
    schemes = {"ethnicity": 'self_defined = "police_18plus1"', "ethnicity_officer": 'officer = "officer"'}
    lines += ["[extracts.ethnicity]", *(schemes[column] for column in columns if column in schemes)]
    lines.append("[extracts.ethnicity.labels]")
    lines += [f'"{_field(column, table.columns[column], group)}" = "{group}"'
              for column in columns if table.columns[column].type == "ethnicity" for group in GROUPS]  # fmt: skip
    for column in columns:
        if column in _CHOICES and table.columns[column].type != "ethnicity":
            lines.append(f"[extracts.labels.{column}]")
            lines += [f'"{_field(column, table.columns[column], value)}" = "{value}"' for value in _CHOICES[column]]
    return "\n".join(lines)


def found_in(content: bytes, marks: tuple[str, ...] = MARKS) -> set[str]:
    """The marks that are anywhere in some bytes: as they are, encoded, compressed, or inside what it holds."""
    return {mark for part in _parts(content, depth=4) for mark in marks if mark.lower().encode() in part}


def _parts(content: bytes, depth: int) -> Iterator[bytes]:
    """The content in lower case, in every reading; then of all that is packed into it."""
    yield content.lower()
    yield content.replace(b"\0", b"").lower()  # UTF-16 and UTF-32
    text = content.decode("utf-8", "ignore")
    if b"&" in content:
        yield html.unescape(text).lower().encode()
    if b"%" in content:
        yield unquote_to_bytes(content).lower()
    if b"\\u" in content:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text).lower().encode(errors="ignore")
    if b"<" in content:
        yield re.sub(rb"<[^>]*>", b"", content).lower()  # a word that is cut by markup
    if depth:
        for inner in (*_packed(content), *_encoded(content)):
            yield from _parts(inner, depth - 1)


def _packed(content: bytes) -> Iterator[bytes]:
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive.comment
            for member in archive.infolist():
                yield member.filename.encode() + member.comment + member.extra
                yield archive.read(member)
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _png_chunks(content)
    if content[:5] == b"%PDF-":
        yield from _pdf_texts(content)
    if content[:16] == b"SQLite format 3\0":
        for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
            yield _inflated(content[start.start() :])


def _pdf_texts(content: bytes) -> Iterator[bytes]:
    """Every stream of a PDF, its strings that stand as hexadecimal digits, and what its pages show."""
    streams = [_inflated(content[found.end() :]) for found in re.finditer(rb"stream\r?\n", content)]
    yield from streams
    for part in (content, *streams):
        yield b" ".join(_unhexed(digits) for digits in re.findall(rb"<([0-9A-Fa-f\s]+)>", part))
    fonts = [table for part in streams if b"beginbf" in part for table in [_letters(part)] if table]
    for part in streams:
        codes = b"".join(_strings(part)) if re.search(rb"\bT[jJ]\b", part) else b""
        for table in fonts:
            pairs = (codes[place : place + 2] for place in range(0, len(codes), 2))
            yield "".join(table.get(pair, " ") for pair in pairs).encode()


def _letters(table: bytes) -> dict[bytes, str]:
    """Which letter each glyph of a font of a PDF stands for."""
    found = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, letter in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[_unhexed(code)] = _unhexed(letter).decode("utf-16-be", "ignore")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, letter in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]{4})>", block):
            for step in range(int(last, 16) - int(first, 16) + 1):
                found[(int(first, 16) + step).to_bytes(2, "big")] = chr(int(letter, 16) + step)
    return found


def _strings(part: bytes) -> Iterator[bytes]:
    """The strings of a page of a PDF in order, written either way."""
    escapes = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    for digits, plain in re.findall(rb"<([0-9A-Fa-f\s]+)>|\(((?:\\.|[^\\()])*)\)", part, re.DOTALL):
        if digits:
            yield _unhexed(digits)
        else:
            yield re.sub(
                rb"\\([0-7]{1,3}|.)",
                lambda found: bytes([int(found[1], 8)]) if found[1].isdigit() else escapes.get(found[1], found[1]),
                plain, flags=re.DOTALL,
            )  # fmt: skip


def _unhexed(digits: bytes) -> bytes:
    digits = re.sub(rb"\s", b"", digits)
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def _png_chunks(content: bytes) -> Iterator[bytes]:
    place = 8
    while place + 8 <= len(content):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        data = content[place + 8 : place + 8 + size]
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
                yield _inflated(data[start.start() :])
        place += 12 + size


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(content)
    except zlib.error:
        return b""


def _encoded(content: bytes) -> Iterator[bytes]:
    for run in re.finditer(rb"[A-Za-z0-9+/\n\r]{16,}={0,2}", content):
        digits = re.sub(rb"[\r\n]", b"", run[0]).rstrip(b"=")
        for start in range(4) if len(digits) < 4000 else (0,):
            piece = digits[start:]
            try:
                yield base64.b64decode(piece[: len(piece) // 4 * 4])
            except binascii.Error:
                continue


def planted() -> dict[str, bytes]:
    """A mark in every kind of hiding place that the search must see."""
    import typst
    from PIL import Image, PngImagePlugin

    mark = f"child {VALUE} 7"
    image, packed = io.BytesIO(), io.BytesIO()
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", mark, zip=True)
    Image.new("1", (1, 1)).save(image, "PNG", pnginfo=notes)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", f"<p>{mark}</p>")
    return {
        "plain": mark.encode(),
        "capitals": mark.upper().encode(),
        "utf-16": mark.encode("utf-16"),
        "json": json.dumps({"a": mark}).replace("Q", "\\u0051").encode(),
        "entities": "".join(f"&#{ord(letter)};" for letter in mark).encode(),
        "cut by markup": f"{mark[:9]}<b>{mark[9:]}</b>".encode(),
        "percent": "".join(f"%{ord(letter):02X}" for letter in mark).encode(),
        "base64": b"<img src='data:;base64," + base64.b64encode(mark.encode()) + b"'>",
        "base64 off its beat": base64.b64encode(b"ab" + mark.encode() + b"0" * 20),
        "zip": packed.getvalue(),
        "zip in base64": b'"' + base64.b64encode(packed.getvalue()) + b'"',
        "png": image.getvalue(),
        "gzip": gzip.compress(mark.encode()),
        "pdf": b"%PDF-1.7\n1 0 obj\nstream\n" + zlib.compress(mark.encode()) + b"\nendstream",
        "pdf as it is made here": typst.compile(f"= About\n#table(columns: 2)[{mark}][1]".encode(), format="pdf"),
        "pdf as digits": b"%PDF-1.7\n(<" + mark.encode("utf-16").hex().encode() + b">",
    }
