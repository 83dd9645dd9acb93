"""Sets of disclosure rules seen in use, to be named in yjd.toml: `preset = "..."`.

A preset says what its rule says and no more: an office states the rest itself, and may state any of these
otherwise. None is a recommendation, and none is taken unless it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Preset:
    """One set of rules: in words, and as keys of [disclosure]."""

    words: str
    rules: Mapping[str, Any]


def _preset(words: str, **rules: object) -> Preset:
    return Preset(words, MappingProxyType(rules))


PRESETS: Mapping[str, Preset] = MappingProxyType({
    "hide_1_to_5": _preset(
        "counts of 1 to 5 are hidden, zeros are shown",
        minimum_count=6, zero_safe=True, method="hide", round_to=0,
    ),
    "hide_1_to_7_round_5": _preset(
        "counts of 1 to 7 are hidden, the rest is rounded to 5, and totals are sums of rounded counts",
        minimum_count=8, zero_safe=True, method="hide_and_round", round_to=5,
    ),
    "hide_below_10": _preset(
        "counts below 10 are hidden, zeros too",
        minimum_count=10, zero_safe=False, method="hide", round_to=0,
    ),
    "hide_below_5_round_5": _preset(
        "counts below 5 are hidden, the rest is rounded to 5",
        minimum_count=5, zero_safe=False, method="hide_and_round", round_to=5,
    ),
})  # fmt: skip
