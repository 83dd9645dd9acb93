"""What an office may set about the look of its reports, and what every page says about its release."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yjd.errors import RenderingError
from yjd.office import Office
from yjd.reporting.words import visible
from yjd.signoff import read_signatures, state

_SUFFIXES = {"svg+xml": "svg", "png": "png", "jpeg": "jpg"}


@dataclass(frozen=True)
class Furniture:
    """What stands around the text of a report: whose it is, of what, in which state."""

    office: Office
    run: str
    project: str
    standing: str  # of `yjd.signoff.state`
    demonstration: bool

    @property
    def state(self) -> str:
        """What stands at the head of every page of a PDF: nothing once real data are signed off."""
        standing = "" if self.standing == "signed" else re.sub(r"^\w+", lambda word: word[0].upper(), self.standing)
        return " · ".join(filter(None, ["DEMONSTRATION DATA" if self.demonstration else "", standing]))

    @property
    def styles(self) -> str:
        """The office's colours as CSS that follows `styles.css`."""
        return _styles(self.office)


def furniture(release: Path) -> Furniture:
    """Read what a release says about itself and its office.

    Parameters
    ----------
    release : Path
        The folder of a release.

    Raises
    ------
    RenderingError
        The manifest cannot be read, or names an office that cannot be shown.
    """
    try:
        manifest: Mapping[str, Any] = json.loads((release / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RenderingError(f"{release.name}: its release.json cannot be read.", "Make the release again.") from None
    told = manifest.get("office")
    own = (
        {n: visible(v) if isinstance(v, str) else v for n, v in told.items() if v} if isinstance(told, Mapping) else {}
    )
    try:
        office = Office.model_validate(own)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(part) for detail in error.errors() for part in detail["loc"]})) or "office"
        raise RenderingError(
            f"{release.name}: its release.json has an office that cannot be shown ({wrong}).", "Make the release again."
        ) from None
    return Furniture(
        office=office,
        run=str(manifest.get("run", release.name)),
        project=str(manifest.get("title", "")),
        standing=state(read_signatures(release)),
        demonstration=bool(manifest.get("demonstration")),
    )


def logo_file(office: Office, folder: Path) -> str:
    """Write an office's logo into a folder; give the file's name, or '' where there is no logo."""
    if not office.logo:
        return ""
    kind, _, content = office.logo.partition(";base64,")
    name = f"logo.{_SUFFIXES[kind.removeprefix('data:image/')]}"
    (folder / name).write_bytes(base64.b64decode(content))
    return name


def for_quarto(office: Office, folder: Path) -> None:
    """Write what Quarto knows an office's look by into a copy of the documents: `_brand.yml`, and its styles."""
    brand: dict[str, Any] = {
        "meta": {"name": office.name},
        "color": {
            "foreground": "#0B0C0C",
            "background": "#FFFFFF",
            "primary": office.accent,
            "danger": office.stamp,
        },
    }
    if name := logo_file(office, folder):
        brand["logo"] = {"medium": {"path": name, "alt": office.logo_alt}}
    (folder / "_brand.yml").write_text(json.dumps(brand, indent=2), encoding="utf-8")  # JSON is YAML
    with (folder / "styles.css").open("a", encoding="utf-8") as styles:
        styles.write(_styles(office))


def _styles(office: Office) -> str:
    return f":root {{ --link: {office.accent}; --stamp: {office.stamp}; }}\n"
