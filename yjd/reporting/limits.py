"""What measures cannot show, from their definitions: said wherever their numbers are."""

from __future__ import annotations

from collections.abc import Sequence

from yjd.reporting.words import CAUTION, Measure

_FAMILY_LIMITS = {
    "search": "Stops that were not recorded, and where and when children were out when searches were made.",
    "arrest": "Whether an arrest was followed by anything: that is another stage.",
    "precourt": "Who was offered a pre-court outcome and did not take it, where only the outcome is recorded.",
    "fte": "What a child did before the first outcome on record, or outcomes that are not recorded as one.",
    "reoffending": "Re-offending that was not proven, or not yet when the records were taken.",
    "intervention": "Why a child did not take up support, and support that nobody offered or recorded.",
}


def limits(measures: Sequence[Measure]) -> list[str]:
    """What measures of these kinds cannot show, from their definitions."""
    found = ["Why rates differ. " + CAUTION]
    if any(measure.denominator == "population" for measure in measures):
        found.append("Children who live elsewhere but were counted here; the number of residents is an estimate.")
    if any(measure.kind == "proportion" for measure in measures):
        found.append(
            "What happened before this stage: children who reach it may differ because of earlier decisions about them."
        )
    family = {measure.family for measure in measures}
    found += [words for name, words in _FAMILY_LIMITS.items() if name in family]
    found.append("What offence, age or previous outcomes would account for, where no adjusted comparison is given.")
    return found
