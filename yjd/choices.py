"""What was chosen in yjd.toml, as a reader of the release needs it: no path, no column, no label of a partner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yjd.config import Settings


def choices(settings: Settings) -> dict[str, Any]:
    """The choices that change a number, for ``release.json``, which has the rules of disclosure control too.

    Returns
    -------
    dict
        Sections of yjd.toml: `periods`, `ethnicity`, `analysis`, `models`, `quality`.
    """
    chosen = {
        "periods": settings.periods.model_dump(mode="json", exclude={"headline"}),
        "ethnicity": settings.ethnicity.model_dump(mode="json"),
        "analysis": settings.analysis.model_dump(mode="json"),
        "models": settings.models.model_dump(mode="json"),
        "quality": settings.quality.model_dump(mode="json"),
    }
    return {section: dict(sorted(values.items())) for section, values in chosen.items()}
