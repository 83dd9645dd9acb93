"""The words, numbers and escapes that every report shares."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yjd.schema import ALL, KNOWN, UNKNOWN

SHORTHAND: dict[str, str] = {
    "[c]": "confidential: hidden so that no child can be identified",
    "[x]": "not available",
    "[z]": "not applicable: there is nothing to compare, or it cannot be estimated",
    "[b]": "break: not comparable with earlier periods",
}

CAUTION = "A difference is not of itself evidence of bias or a direct effect of ethnicity."

ADJUSTERS: dict[str, str] = {  # what a model adjusts for
    "group": "ethnic group",
    "age_band": "age",
    "sex": "sex",
    "area": "area",
    "period": "period",
    "deprivation": "deprivation of the neighbourhood",
    "offence_group": "type of offence",
    "gravity": "seriousness of the offence (gravity score)",
    "prior_outcomes": "earlier outcomes on record",
    "admission": "admission of the offence",
    "in_care": "being in care",
    "assessed_reoffending": "assessed likelihood of reoffending",
    "assessed_harm": "assessed risk of serious harm",
    "assessed_safety": "assessed safety and wellbeing",
}

_REFERENCES = {
    "others": "all other children of known ethnicity",
    "everyone": "all children of known ethnicity",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~^$@'\"&:=%/])")


# control characters, and the marks that turn the direction of the text around them: a name could hide or reorder
# what stands beside it
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text without the characters that nobody sees and that could hide or turn around what stands beside them."""
    return _UNSEEN.sub("", text)


def plain(text: object) -> str:
    """One line of text: control characters and runs of white space become one space."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", str(text)).strip()


def escape_html(text: object) -> str:
    """Text that a browser shows letter for letter, in an element or a quoted attribute.

    Braces too are written by number: Quarto fills in `{{< ... >}}` wherever it stands.
    """
    return html.escape(plain(text), quote=True).replace("{", "&#123;").replace("}", "&#125;")


def escape_markdown(text: object) -> str:
    """Text that pandoc and Quarto show letter for letter."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def order_groups(names: Iterable[str]) -> list[str]:
    """Alphabetical, then Other, then Unknown: never by value."""
    last = {"Other": 1, UNKNOWN: 2, KNOWN: 3, ALL: 4}
    return sorted(set(names), key=lambda name: (last.get(name, 0), name.casefold(), name))


def children(group: str) -> str:
    """A group in a sentence: 'Black children', 'children of unknown ethnicity'."""
    if group in ("", ALL):
        return "children"
    if group == UNKNOWN:
        return "children of unknown ethnicity"
    if group == KNOWN:
        return "children of known ethnicity"
    if group == "Other":
        return "children of Other ethnic groups"
    if group == "Mixed" or " and " in group:  # "White and Asian children" would be two groups
        return f"children of {group} ethnicity"
    if group in _REFERENCES:
        return _REFERENCES[group]
    if group.lower().startswith("any other"):
        return f"children of {group[0].lower()}{group[1:]}"
    return f"{group} children"


def rate_text(value: float) -> str:
    """A rate to two figures below 10 and to whole numbers above; `[x]` where there is none."""
    if math.isnan(value):
        return "[x]"
    if value >= 9.95:  # 9.97 is 10, not 10.0
        return f"{value:,.0f}"
    if value >= 0.995:
        return f"{value:.1f}"
    return "0" if value == 0 else f"{value:.2g}"


def ratio_text(value: float, places: int = 1) -> str:
    """A ratio to one decimal place (or `places`), and to as many as show on which side of 1 it lies."""
    if not math.isfinite(value):
        return "[x]" if math.isnan(value) else "no upper limit"
    if value in (0, 1):
        return "0" if value == 0 else f"{value:.{places}f}"
    for more in range(places, 4):
        shown = f"{value:.{more}f}"
        if float(shown) not in (0.0, 1.0):
            return f"{value:,.0f}" if value >= 10 else shown
    return f"{value:.4f}".rstrip("0") if value < 1.5 else f"{value:.3f}"


def interval_text(lower: float, upper: float, places: int = 1) -> str:
    """'0.7 to 1.2', or 'at least 0.7' where there is no upper limit."""
    if math.isinf(upper):
        return f"at least {ratio_text(lower, places)}"
    return f"{ratio_text(lower, places)} to {ratio_text(upper, places)}"


def percent_text(share: float) -> str:
    """A share (0 to 1) as 'n of every 100', never rounding something to nothing or to all."""
    value = 100 * share
    if 0 < value < 1:
        return "fewer than 1"
    if 99 < value < 100:
        return "more than 99"
    return f"{value:.0f}"


def and_list(names: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}" if listed else ""


@dataclass(frozen=True)
class Measure:
    """A measure as the manifest of a release describes it, in the words of a report."""

    id: str
    title: str
    family: str
    kind: str
    per: float
    adverse: str
    unit: str
    per_words: str
    likely_to: str
    numerator: str
    denominator: str
    definition: Mapping[str, Any]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Measure:
        """Read one entry of `manifest["measures"]`; words that it lacks are made from the rest of it."""
        per = float(entry.get("per") or 100)
        definition = entry.get("definition") or {}
        unit = entry.get("unit") or _title(definition, "numerator") or "events"
        base = _title(definition, "denominator") or "cases"
        generic = f"for every {per:,.0f} {{group}} children"
        if entry.get("kind") == "proportion":
            generic = f"of every {per:,.0f} {base} for {{group}} children"
        return cls(
            id=str(entry["id"]),
            title=str(entry.get("title") or entry["id"]),
            family=str(entry.get("family") or ""),
            kind=str(entry.get("kind") or "rate"),
            per=per,
            adverse=str(entry.get("adverse") or "neither"),
            unit=str(unit),
            per_words=str(entry.get("per_words") or generic),
            likely_to=str(entry.get("likely_to") or ""),
            numerator=str(entry.get("numerator") or ""),
            denominator=str(entry.get("denominator") or ""),
            definition=definition,
        )

    @property
    def likely(self) -> str:
        """'times as likely'; of a rate of events, of which a child can have several, only 'times the rate'."""
        return "times as likely" if self.likely_to or self.kind == "proportion" else "times the rate"

    def base(self, group: str) -> str:
        """The base of the rate with a group in place: 'for every 1,000 Black children'."""
        many = children(group)
        one = many.replace("children", "child", 1)
        words = self.per_words.replace("{group} children", many).replace("{group} child", one)
        words = words.replace("{group}", group)
        return " ".join(words.split())

    def rate(self, numerator: float, denominator: float) -> str:
        """The rate of two counts as text."""
        return rate_text(self.per * numerator / denominator)


def _title(definition: Mapping[str, Any], part: str) -> str:
    title = str((definition.get(part) or {}).get("title") or "")
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def counted(number: int, noun: str) -> str:
    """'1 period', '3 periods'."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def capital(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """The text without a capital at its beginning, unless it is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
