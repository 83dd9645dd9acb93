"""The small tables that the SQL joins, so that no date functions or lists of codes spread in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

from yjd.schema import OUTCOME_TYPES

if TYPE_CHECKING:
    import pandas as pd

    from yjd.warehouse import Warehouse

PeriodKind = Literal["financial_year", "calendar_year", "quarter", "month", "rolling_3_years"]
AGE_BANDS = ("10-11", "12-14", "15-17")
_TEXT, _DAY = "VARCHAR", "INTEGER"

# Home Office outcome type: class (METHODS, section 1)
_CLASS_OF_TYPE = {
    "0": "not_assigned", "1": "court", "1a": "of_which", "2": "precourt_formal", "2a": "of_which",
    "3": "not_child", "3a": "of_which", "4": "excluded", "5": "other", "6": "not_child", "7": "not_child",
    "8": "precourt_informal", "9": "nfa_public_interest", "10": "nfa_public_interest", "11": "excluded",
    "12": "other", "13": "other", "14": "excluded", "15": "nfa_evidential", "16": "nfa_evidential",
    "17": "other", "18": "excluded", "19": "excluded", "20": "other_agency", "21": "nfa_public_interest",
    "22": "precourt_informal",
}  # fmt: skip
_SERIOUSNESS_OF_CLASS = {"court": 60, "precourt_formal": 40, "precourt_informal": 10}

# disposal, tier, name, seriousness: a greater number is more serious and decides between outcomes of one day
_DISPOSALS = (
    ("community_resolution", "precourt_informal", "Community resolution", 10),
    ("outcome_22", "precourt_informal", "Outcome 22 (deferred prosecution or caution)", 11),
    ("triage", "precourt_informal", "Triage", 12),
    ("reprimand", "precourt_formal", "Reprimand", 40),
    ("final_warning", "precourt_formal", "Final warning", 41),
    ("youth_caution", "precourt_formal", "Youth caution", 42),
    ("youth_conditional_caution", "precourt_formal", "Youth conditional caution", 43),
    ("charge", "court", "Charge, no sentence yet", 60),
    ("absolute_discharge", "first_tier", "Absolute discharge", 61),
    ("conditional_discharge", "first_tier", "Conditional discharge", 62),
    ("other_court", "first_tier", "Other court sentence", 63),
    ("compensation", "first_tier", "Compensation order", 64),
    ("fine", "first_tier", "Fine", 65),
    ("reparation_order", "first_tier", "Reparation order", 66),
    ("referral_order", "first_tier", "Referral order", 67),
    ("youth_rehabilitation_order", "community", "Youth rehabilitation order", 80),
    ("detention_training_order", "custody", "Detention and training order", 90),
    ("long_custody", "custody", "Detention under section 250 or 259, or older section 90 or 91", 91),
)


def periods(kinds: Sequence[PeriodKind], first_year: int, last_year: int) -> pd.DataFrame:
    """Every whole period of the asked kinds.

    Parameters
    ----------
    kinds : sequence of {'financial_year', 'calendar_year', 'quarter', 'month', 'rolling_3_years'}
        A financial year begins on 1 April; three rolling years are three financial years. Quarters and
        months are those of calendar years, named such as 2024-Q2 and 2024-M04.
    first_year, last_year : int
        The calendar years in which the first and the last year begin. Three rolling years lie wholly inside.

    Returns
    -------
    DataFrame
        period, kind, start_day, end_day (the day after the last), label; by kind, then time. Days are counted
        from 1970-01-01.
    """
    import pandas as pd

    rows = [row for kind in kinds for row in _periods_of(kind, first_year, last_year)]
    return pd.DataFrame(rows, columns=["period", "kind", "start_day", "end_day", "label"])


def _periods_of(kind: PeriodKind, first: int, last: int) -> Iterable[tuple[str, str, int, int, str]]:
    years = range(first, last + 1)
    match kind:
        case "financial_year":
            for year in years:
                label = f"April {year} to March {year + 1}"
                yield f"{year}-{_short(year + 1)}", kind, _day(year, 4), _day(year + 1, 4), label
        case "calendar_year":
            for year in years:
                yield str(year), kind, _day(year, 1), _day(year + 1, 1), f"January to December {year}"
        case "quarter":
            for year, quarter in product(years, range(1, 5)):
                last_month = 3 * quarter
                label = f"{_MONTHS[last_month - 3]} to {_MONTHS[last_month - 1]} {year}"
                yield f"{year}-Q{quarter}", kind, _day(year, last_month - 2), _after(year, last_month), label
        case "month":
            for year, month in product(years, range(1, 13)):
                name = f"{year}-M{month:02d}"
                yield name, kind, _day(year, month), _after(year, month), f"{_MONTHS[month - 1]} {year}"
        case "rolling_3_years":
            for year in range(first, last - 1):
                label = f"April {year} to March {year + 3} (3 years)"
                yield f"{year}-{_short(year + 3)} (3 years)", kind, _day(year, 4), _day(year + 3, 4), label


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _short(year: int) -> str:
    return f"{year % 100:02d}"


def _after(year: int, month: int) -> int:
    """The day after the last of a month."""
    return _day(year + month // 12, month % 12 + 1)


def _day(year: int, month: int) -> int:
    from datetime import date

    return (date(year, month, 1) - date(1970, 1, 1)).days


def calendar(first_year: int = 1900, last_year: int = 2099) -> pd.DataFrame:
    """Every day, and the days 12 and 18 calendar months after it.

    Where the later month is too short its last day is taken: 29 February 2024 becomes 28 February 2025.

    Returns
    -------
    DataFrame
        day, iso (YYYY-MM-DD), day_12m, day_18m.
    """
    import pandas as pd

    epoch = pd.Timestamp(0)
    dates = pd.date_range(f"{first_year}-01-01", f"{last_year}-12-31", unit="s")
    later = {f"day_{months}m": (_plus_months(dates, months) - epoch).days for months in (12, 18)}
    return pd.DataFrame({"day": (dates - epoch).days, "iso": dates.strftime("%Y-%m-%d"), **later})


def _plus_months(dates: pd.DatetimeIndex, months: int) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(dates + pd.DateOffset(months=months))


def age_band_table(bands: Sequence[str] = AGE_BANDS) -> pd.DataFrame:
    """Give the band of each age: columns age, age_band; a band is written ``10-11``."""
    import pandas as pd

    rows = []
    for band in bands:
        low, high = band.split("-")
        rows += [(age, band) for age in range(int(low), int(high) + 1)]
    return pd.DataFrame(rows, columns=["age", "age_band"])


def area_table(names: Sequence[str]) -> pd.DataFrame:
    """Give the configured areas in their order: columns area, position."""
    import pandas as pd

    return pd.DataFrame(list(zip(names, range(1, len(names) + 1), strict=True)), columns=["area", "position"])


def outcome_classes() -> pd.DataFrame:
    """Give the class of each Home Office outcome type: columns outcome_type, class, seriousness."""
    import pandas as pd

    rows = [(kind, _CLASS_OF_TYPE[kind], _SERIOUSNESS_OF_CLASS.get(_CLASS_OF_TYPE[kind], 0)) for kind in OUTCOME_TYPES]
    return pd.DataFrame(rows, columns=["outcome_type", "class", "seriousness"])


def disposal_classes() -> pd.DataFrame:
    """Give the class of each disposal: columns disposal, class, tier, name, seriousness."""
    import pandas as pd

    rows = [
        (key, tier if tier.startswith("precourt") else "court", tier, name, seriousness)
        for key, tier, name, seriousness in _DISPOSALS
    ]
    return pd.DataFrame(rows, columns=["disposal", "class", "tier", "name", "seriousness"])


def write_reference_tables(
    warehouse: Warehouse,
    *,
    periods: pd.DataFrame,
    areas: Sequence[str],
    age_bands: Sequence[str] = AGE_BANDS,
    calendar_years: tuple[int, int] = (1900, 2099),
) -> None:
    """Write the tables period, calendar, age_band, area, outcome_class and disposal_class, anew.

    Parameters
    ----------
    warehouse : Warehouse
        Where to.
    periods : DataFrame
        From :func:`periods`.
    areas, age_bands : sequence of str
        As configured.
    calendar_years : tuple of int
        First and last year of the calendar.
    """
    days = {"start_day": _DAY, "end_day": _DAY}
    warehouse.write(periods, "period", types={"period": _TEXT, "kind": _TEXT, **days, "label": _TEXT})
    calendar_types = {"day": _DAY, "iso": _TEXT, "day_12m": _DAY, "day_18m": _DAY}
    warehouse.write(calendar(*calendar_years), "calendar", types=calendar_types)
    warehouse.write(age_band_table(age_bands), "age_band", types={"age": _DAY, "age_band": _TEXT})
    warehouse.write(area_table(areas), "area", types={"area": _TEXT, "position": _DAY})
    class_types = {"outcome_type": _TEXT, "class": _TEXT, "seriousness": _DAY}
    warehouse.write(outcome_classes(), "outcome_class", types=class_types)
    disposal_types = {"disposal": _TEXT, "class": _TEXT, "tier": _TEXT, "name": _TEXT, "seriousness": _DAY}
    warehouse.write(disposal_classes(), "disposal_class", types=disposal_types)
