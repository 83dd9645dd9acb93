"""From Markdown to a tagged PDF (PDF/UA-1): pandoc writes typst, typst sets it, offline."""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.page import Page, pandoc, refuse_requests, replace_file
from yjd.reporting.theme import logo_file

FONTS = ("Arial", "Liberation Sans", "DejaVu Sans")  # the last comes with matplotlib: there is always one
STANDARD = "ua-1"


def write_pdf(page: Page, output: Path, *, folder: Path, scratch: Path, template: str = "pdf.template") -> None:
    """Write a page as PDF/UA-1. The same page gives the same bytes on the same fonts.

    Parameters
    ----------
    page : Page
        What to write.
    output : Path
        The file.
    folder : Path
        The folder of the documents.
    scratch : Path
        Where pandoc and typst read and write.
    template : str, optional
        The file in `_filters/` that stands around the text.

    Raises
    ------
    RenderingError
        A picture has no alternative text, a formula has no words, or the text breaks another rule of PDF/UA.
    """
    import typst

    refuse_requests(page.markdown, page.name)
    office = page.furniture.office
    source = scratch / "page.typ"
    told = {
        "office": office.name,
        "contact": office.contact,
        "state": page.furniture.state,
        "run": page.furniture.run,
        "accent": office.accent,
        "stamp": office.stamp,
        "font": font(),
        "heading": page.title,
        "under": page.subtitle,
        "logo": logo_file(office, scratch),
        "logo-alt": office.logo_alt,
        "language": page.lang.partition("-")[0],
        "country": page.lang.partition("-")[2],
    }
    pandoc(
        page,
        "typst",
        source,
        folder=folder,
        template=template,
        variables={name: _string(value) for name, value in told.items()},
        options=[
            "--shift-heading-level-by=-1",
            f"--metadata=yjd-accent:{office.accent}",
            f"--metadata=yjd-stamp:{office.stamp}",
            *(["--toc"] if page.contents else []),
        ],
    )
    compile_: Any = typst.compile_with_warnings
    try:
        content, told_of = compile_(
            str(source),
            root=str(scratch),
            font_paths=[str(_own_fonts())],
            format="pdf",
            pdf_standards=[STANDARD],
            timestamp=0,
        )
    except typst.TypstError as error:
        raise RenderingError(f"{page.name}: {_problem(str(error))}.", "Mend the document.") from None
    for warning in told_of:
        warnings.warn(f"{page.name}: {_problem(str(warning.message))}", stacklevel=2)
    written = scratch / "page.pdf"
    written.write_bytes(content)
    replace_file(written, output)


@cache
def font() -> str:
    """The first of `FONTS` that is on this machine."""
    import typst

    found: Any = typst.Fonts
    families = set(found(font_paths=[str(_own_fonts())]).families())
    return next(name for name in FONTS if name in families)


def _own_fonts() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


def _string(text: str) -> str:
    """A string of typst's, quotes and all."""
    escaped = re.sub(r'([\\"])', r"\\\1", re.sub(r"[\x00-\x1f]+", " ", text))
    return f'"{escaped}"'


def _problem(message: str) -> str:
    """What typst says where it speaks of a rule; its other messages could quote the text."""
    first = message.splitlines()[0] if message else ""
    if lost := re.search(r'the text `"(.*)"` could not be displayed', first):
        signs = ", ".join(f"U+{ord(letter):04X}" for letter in lost[1][:3])
        return f"no font of this machine has the character {signs}"
    known = re.match(r"(PDF/UA-1 error: [a-z ]+|unknown font family|layout did not converge)", first)
    return known[1] if known else "typst could not set it"
