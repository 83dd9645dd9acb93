"""An office's name, logo, colours, contact and caveat: from yjd.toml and a brand file into every page."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.reporting import made_up
from tests.reporting.written import html_of, objects, pdf_of, query
from yjd.errors import ConfigurationError, RenderingError
from yjd.office import Office, from_brand, office_settings
from yjd.reporting.catalogue import reports_folder
from yjd.reporting.theme import for_quarto, furniture

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'
)
BRAND = """
meta: {name: Exampleshire, link: https://example.invalid}
logo:
  images: {crest: {path: crest.svg, alt: A crest}}
  medium: crest
color:
  palette: {night: "#102030"}
  primary: night
  danger: "#7A0030"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "crest.svg").write_bytes(LOGO)
    return tmp_path


def test_the_contrast_of_a_colour_is_worked_out_and_refused() -> None:
    # white on #777777 is 4.48 to 1, the example of WCAG's own understanding documents; #767676 is 4.54
    with pytest.raises(ValidationError, match=r"#777777 on white has a contrast of 4\.48 to 1; WCAG 2\.2 needs 4\.5"):
        Office(accent="#777777")
    with pytest.raises(ValidationError, match=r"#767676 on the grey of panels has a contrast of 4\.0\d to 1"):
        Office(stamp="#767676")
    with pytest.raises(ValidationError, match="# and six hexadecimal digits"):
        Office(accent="red")


def test_a_brand_file_fills_in_what_the_configuration_leaves_open(project: Path) -> None:
    (project / "_brand.yml").write_text(BRAND, encoding="utf-8")
    office = Office.model_validate(office_settings(project, {"accent": "#12436D", "contact": "a@b.invalid"}))
    assert (office.name, office.accent, office.stamp) == ("Exampleshire", "#12436D", "#7A0030")
    assert office.logo_alt == "A crest"
    assert base64.b64decode(office.logo.partition(",")[2]) == LOGO


def test_the_brand_file_of_the_documents_says_what_the_package_does() -> None:
    assert Office.model_validate(from_brand(reports_folder() / "_brand.yml")) == Office()


@pytest.mark.parametrize(
    ("given", "content", "why"),
    [
        ({"logo": "none.svg", "logo_alt": "x"}, LOGO, "cannot be read"),
        ({"logo": "crest.txt", "logo_alt": "x"}, LOGO, "not an SVG, PNG or JPEG"),
        ({"logo": "crest.svg", "logo_alt": "x"}, b"GIF89a", "not an SVG, PNG or JPEG"),
        ({"logo": "crest.svg", "logo_alt": "x"}, LOGO + b" " * 300_000, "larger than 300 KB"),
        ({"logo": "crest.svg", "logo_alt": "x"}, LOGO.replace(b"<rect", b"<script/><rect"), "runs or loads"),
        (
            {"logo": "crest.svg", "logo_alt": "x"},
            b'<svg><image href="//x.invalid"/></svg>',
            "runs or loads",
        ),
    ],
)
def test_a_logo_that_cannot_be_shown_is_refused(project: Path, given: dict[str, str], content: bytes, why: str) -> None:
    for name in ("crest.svg", "crest.txt"):
        (project / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=why):
        office_settings(project, given)


def test_a_logo_needs_words() -> None:
    with pytest.raises(ValidationError, match="logo_alt"):
        Office(logo="data:image/png;base64,AAAA")


def test_a_broken_brand_file_is_named(project: Path) -> None:
    (project / "_brand.yml").write_text("color: [", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"_brand\.yml cannot be read"):
        office_settings(project, {})


def test_it_is_on_every_page(project: Path) -> None:
    given = {"name": "Exampleshire", "accent": "#004D00", "logo": "crest.svg", "logo_alt": "A crest"}
    office = Office.model_validate(office_settings(project, {**given, "contact": "Write to us"}))
    page = html_of("## One\n", project, office=office)
    for shown in ("Exampleshire", 'alt="A crest"', "data:image/svg+xml", "--link: #004D00", "Contact: Write to us"):
        assert shown in page
    found = objects(pdf_of("## One\n\nText\n", project, office=office))
    assert "(Exampleshire)" in found
    assert '"Write to us"' in (project / "page.typ").read_text(encoding="utf-8")
    assert [image["alt"] for image in query(project, "image")] == ["A crest"]


def test_a_large_logo_is_no_longer_than_a_page_can_hold(project: Path) -> None:
    (project / "crest.svg").write_bytes(LOGO.replace(b"<rect", b"<!--" + b"x" * 280_000 + b"--><rect"))
    office = Office.model_validate(office_settings(project, {"logo": "crest.svg", "logo_alt": "A crest"}))
    assert html_of("## One\n", project, office=office).count("data:image/svg+xml") == 1
    assert pdf_of("## One\n", project, office=office).startswith(b"%PDF")


def test_the_furniture_comes_from_the_release(tmp_path: Path) -> None:
    facts = made_up.manifest(office=Office(name="Exampleshire").model_dump(), demonstration=True)
    release = made_up.write_release(tmp_path / "0f1e2d3c", made_up.results(), facts, {})
    told = furniture(release)
    assert told.office.name == "Exampleshire"
    assert told.state == "DEMONSTRATION DATA · DRAFT, 0 of 2 signatures"
    (release / "release.json").write_text(json.dumps(facts | {"office": {"accent": "#FFFF00"}}), encoding="utf-8")
    with pytest.raises(RenderingError, match="an office that cannot be shown"):
        furniture(release)


def test_quarto_gets_the_same_look(tmp_path: Path, project: Path) -> None:
    given = {"name": "Exampleshire", "accent": "#004D00", "logo": "crest.svg", "logo_alt": "A crest"}
    office = Office.model_validate(office_settings(project, given))
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "styles.css").write_text("", encoding="utf-8")
    for_quarto(office, folder)
    assert Office.model_validate(from_brand(folder / "_brand.yml")) == office
    assert "--link: #004D00" in (folder / "styles.css").read_text(encoding="utf-8")
