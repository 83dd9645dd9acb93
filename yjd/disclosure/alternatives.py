"""Other tables that agree with everything published, as protection found them: what the audit has only to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from yjd.disclosure.columns import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Alternatives:
    """Tables of counts, none of which an outsider can tell from the true one.

    They are as sensitive as the true counts, and never leave.

    Attributes
    ----------
    keys : DataFrame
        Columns of `yjd.schema.CELL_KEYS`, one row for each count of this release and of earlier ones.
    base : array (counts,)
        One table: the true counts, and what may stand for those that nobody has; NaN where there is no count.
    moves : sparse array (counts, tables)
        What has to be added to it for each other one.
    """

    keys: pd.DataFrame
    base: Floats
    moves: sparse.csr_array

    def of(self, label: Mapping[str, str], one: str) -> Alternatives:
        """Return what they say of the periods that have a label."""
        rows = np.flatnonzero((self.keys["period"].astype(str).map(label) == one).to_numpy(dtype=np.bool_))
        moves = sparse.csr_array(self.moves[rows])
        used = np.unique(moves.indices)
        return Alternatives(self.keys.iloc[rows], self.base[rows], sparse.csr_array(moves[:, used]))
