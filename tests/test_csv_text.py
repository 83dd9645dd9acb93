"""The quick way to CSV gives what pandas gives, byte for byte."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yjd.csv_text import csv_text

_AWKWARD = ["", " ", "a", "a,b", 'say "no"', "two\nlines", "\r", "\r\n", "'", "é", "NaN", "nan", "0", "=1", None]
_FLOATS = [0.0, -0.0, 1.0, 0.1, 1e-5, 1.5e-300, 5e-324, 1e15, 1e16, 1e22, 0.1 + 0.2, np.inf, -np.inf, np.nan, -np.nan]


def of_pandas(frame):
    return frame.to_csv(index=False, lineterminator="\n")


@pytest.mark.hypothesis
@given(
    st.lists(
        st.tuples(
            st.sampled_from(_AWKWARD) | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            st.sampled_from(_FLOATS) | st.floats(),
            st.sampled_from(["All", "Known"]),
        )
    )
)
def test_the_bytes_are_those_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["text", "a, number", "group"]).astype(
        {"text": "str", "a, number": "float64", "group": "str"}
    )
    assert csv_text(frame) == of_pandas(frame)


def test_a_table_with_other_columns_is_written_too():
    frame = pd.DataFrame({"n": [1, 2], "is": [True, False], "what": ["a", None], "x": [0.5, None]})
    assert csv_text(frame) == of_pandas(frame)
    assert csv_text(frame[["x"]]) == of_pandas(frame[["x"]])
    assert csv_text(frame[["what"]].astype("str")) == of_pandas(frame[["what"]].astype("str"))
    assert csv_text(pd.DataFrame()) == of_pandas(pd.DataFrame())
