"""The standard that rates are directly standardised to: how much weight each stratum has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, USABLE, Counts, first_reason
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.strata import Margins


@dataclass(frozen=True)
class Standard:
    """The standard, for each row of the strata. Arrays have shape (rows,).

    share is the stratum's part of the standard (0 where it has none), needed how many strata of the margin have
    a part, and status why the standard of the whole margin cannot be used, or ok.
    """

    share: FloatArray
    needed: FloatArray
    status: StrArray

    @classmethod
    def of(cls, data: Counts, over: tuple[str, ...], standard: str | pd.DataFrame) -> Standard:
        """Weights of all known children's base, or of a frame with a column for each dimension and `weight`."""
        if isinstance(standard, pd.DataFrame):
            return cls._from_frame(data, over, standard)
        if standard != EVERYONE:
            raise EstimationError(
                "The standard is `everyone` or a frame of weights.",
                "Give a frame with a column for each dimension and the column weight.",
            )
        if (cls, over) not in data.found:
            data.found[cls, over] = cls._of_everyone(data, over)
        found: Standard = data.found[cls, over]
        return found

    @classmethod
    def _of_everyone(cls, data: Counts, over: tuple[str, ...]) -> Standard:
        known, margins = data.known(), Margins.of(data.frame, over, groups=False)
        once = np.zeros(len(data.frame), dtype=bool)  # one row of each stratum
        once[np.unique(data.stratum, return_index=True)[1]] = True
        base = np.where(known.hidden, 0.0, np.nan_to_num(known.denominator, nan=0.0))
        absent = np.isnan(known.denominator)
        why = first_reason([(known.hidden, "hidden"), (~np.isin(known.status, USABLE), known.status)], "ok")
        why = first_reason([((why == "ok") & absent, "not_available")], why)
        whole = margins.total(base, once)[margins.place]
        share = np.divide(base, whole, out=np.zeros_like(base), where=whole > 0)
        needed = margins.total(base > 0, once)[margins.place]
        return cls(share, needed, margins.worst(why, once, none="ok")[margins.place])

    @classmethod
    def _from_frame(cls, data: Counts, over: tuple[str, ...], standard: pd.DataFrame) -> Standard:
        weight = _checked_weights(standard, over)
        place = pd.MultiIndex.from_frame(standard[list(over)].astype("str")).get_indexer(
            pd.MultiIndex.from_frame(data.frame[list(over)])
        )
        share = np.where(place < 0, 0.0, (weight / weight.sum())[place])
        needed = np.full(len(share), float((weight > 0).sum()))
        return cls(share, needed, np.full(len(share), "ok"))

    @property
    def used(self) -> NDArray[np.bool_]:
        """Strata that have weight."""
        return self.share > 0

    def at(self, chosen: NDArray[np.bool_]) -> Standard:
        """Take some of the rows."""
        return Standard(self.share[chosen], self.needed[chosen], self.status[chosen])

    def status_of(self, margins: Margins, status: StrArray) -> StrArray:
        """Worst status of each margin: of its strata with weight, of the standard, of a stratum it lacks."""
        everywhere = np.ones(len(status), dtype=bool)
        needed = np.zeros(len(margins.frame))
        needed[margins.place] = self.needed
        lacking = ~(margins.total(self.used, everywhere) >= np.maximum(needed, 1))
        both = np.concatenate([status[self.used], self.status, np.full(lacking.sum(), "no_denominator")])
        place = np.concatenate([margins.place[self.used], margins.place, np.flatnonzero(lacking)])
        return Margins(margins.frame, place).worst(both, np.ones(len(both), dtype=bool), none="no_denominator")


def _checked_weights(standard: pd.DataFrame, over: tuple[str, ...]) -> FloatArray:
    missing = [name for name in (*over, "weight") if name not in standard.columns]
    if missing:
        raise EstimationError(f"The standard has no column {', '.join(missing)}.", "Add it, or rename a column to it.")
    if standard.duplicated(list(over)).any():
        raise EstimationError("The standard names a stratum twice.", "Give each stratum one weight.")
    try:
        weight = standard["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise EstimationError("The weights of the standard are not numbers.", "Give numbers from 0 up.") from None
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise EstimationError("The weights of the standard must be numbers from 0 up, not all 0.", "Mend them.")
    return weight
