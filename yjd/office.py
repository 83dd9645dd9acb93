"""Whose reports they are and how they look: `[office]` of yjd.toml and Quarto's `_brand.yml`.

Everything ends up in `release.json`, the logo's bytes included: a report reads a release and nothing else.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from yjd.config_extract import Name, Section
from yjd.errors import ConfigurationError

BRAND = "_brand.yml"
_LOGOS = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_BEGIN = {"image/svg+xml": (b"<svg", b"<?xml"), "image/png": (b"\x89PNG\r\n",), "image/jpeg": (b"\xff\xd8\xff",)}
_LARGEST = 300_000
_ACTIVE = re.compile(
    rb"<script|<foreignObject|\bhref\s*=\s*[\"'](?!#|data:image)|@import|url\(\s*[\"']?(?!#)|\bon\w+\s*=", re.I
)
_BACKGROUNDS = {"white": "#FFFFFF", "the grey of panels": "#F2F2F2"}
_COLOURS = {"primary": "accent", "danger": "stamp"}  # the names in a brand file


Line = Annotated[str, Field(max_length=2000)]


class Office(Section):
    """Whose report it is."""

    model_config = ConfigDict(str_max_length=None)

    name: Name = Field(default="Office name not given", max_length=200)
    contact: Line = ""
    caveat: Line = ""
    accent: str = "#12436D"  # links, rules and the edges of panels
    stamp: str = "#801650"  # the box that says what state a report is in
    logo: str = ""  # in yjd.toml the path of a file; here its content as a data: address
    logo_alt: Line = ""

    @field_validator("accent", "stamp")
    @classmethod
    def _readable(cls, colour: str) -> str:
        from yjd.reporting.palette import contrast

        if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
            raise ValueError("a colour is written as # and six hexadecimal digits")
        for name, background in _BACKGROUNDS.items():
            found = contrast(colour, background)
            if found < 4.5:
                raise ValueError(
                    f"{colour} on {name} has a contrast of {found:.2f} to 1; WCAG 2.2 needs 4.5 for text. "
                    "Choose a darker colour"
                )
        return colour.upper()

    @field_validator("logo")
    @classmethod
    def _embedded(cls, logo: str) -> str:
        if logo and not re.fullmatch(r"data:image/(?:svg\+xml|png|jpeg);base64,[A-Za-z0-9+/=]+", logo):
            raise ValueError("a logo is an SVG, PNG or JPEG file")
        return logo

    @model_validator(mode="after")
    def _said(self) -> Office:
        if self.logo and not self.logo_alt.strip():
            raise ValueError("`logo_alt` must say in words what the logo shows")
        return self


def office_settings(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `[office]` section with the brand file beside it and the logo's content filled in.

    Parameters
    ----------
    folder : Path
        The project's folder: a `_brand.yml` in it gives what `[office]` does not.
    given : mapping
        The section as yjd.toml has it; its `logo` is a path within the project's folder.

    Raises
    ------
    ConfigurationError
        The brand file or the logo cannot be read.
    """
    found = {**from_brand(folder / BRAND), **given}
    if given.get("logo"):
        found["logo"] = logo_content(folder / str(given["logo"]), f"office.logo: {given['logo']}")
    return found


def from_brand(path: Path) -> dict[str, Any]:
    """What a Quarto brand file says about an office, by the names of `[office]`; nothing without a file.

    Read are `meta.name`, `color.primary` and `color.danger` (also by way of `color.palette`), and `logo.medium` or
    `logo.small` with its `path` and `alt` (also by way of `logo.images`).
    """
    if not path.is_file():
        return {}
    import yaml  # type: ignore[import-untyped]

    try:
        brand = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        found = _brand_office(brand)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError):
        raise ConfigurationError(
            f"{path.name} cannot be read as a brand file.", "Check its indents and names."
        ) from None
    if found.get("logo"):
        found["logo"] = logo_content(path.parent / found["logo"], f"{path.name}: logo {found['logo']}")
    return {name: value for name, value in found.items() if value}


def _brand_office(brand: Mapping[str, Any]) -> dict[str, Any]:
    name = brand.get("meta", {}).get("name", "")
    colours = brand.get("color", {})
    palette = colours.get("palette", {})
    found = {"name": name.get("full", "") if isinstance(name, Mapping) else name}
    for theirs, ours in _COLOURS.items():
        if theirs in colours:
            found[ours] = palette.get(colours[theirs], colours[theirs])
    logos = brand.get("logo", {})
    logo = logos if isinstance(logos, str) else logos.get("medium") or logos.get("small") or ""
    logo = logo.get("light", "") if isinstance(logo, Mapping) and "light" in logo else logo
    logo = logos.get("images", {}).get(logo, logo) if isinstance(logos, Mapping) and isinstance(logo, str) else logo
    found |= {"logo": logo["path"], "logo_alt": logo.get("alt", "")} if isinstance(logo, Mapping) else {"logo": logo}
    return found


def logo_content(path: Path, where: str) -> str:
    """A picture as a data: address.

    Raises
    ------
    ConfigurationError
        It is not there, too large, or not what its name says.
    """
    kind = _LOGOS.get(path.suffix.lower())
    try:
        content = path.read_bytes()
    except OSError:
        raise ConfigurationError(f"{where} cannot be read.", "Give its path from the project's folder.") from None
    if kind is None or not content.lstrip().startswith(_BEGIN[kind]):
        raise ConfigurationError(f"{where} is not an SVG, PNG or JPEG file.", "Save the logo as one of these.")
    if len(content) > _LARGEST:
        raise ConfigurationError(f"{where} is larger than {_LARGEST // 1000} KB.", "Save a smaller one.")
    if kind == "image/svg+xml" and re.search(
        rb"<script|<foreignObject|\bhref\s*=\s*[\"'](?!#|data:)|@import|url\(\s*[\"']?(?!#)", content
    ):
        raise ConfigurationError(f"{where} runs or loads something.", "Save it as a plain SVG or as a PNG.")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
