"""The true coverage and length of every interval, by method, over small and large counts: makes docs/intervals.md.

What rests on one or two counts is enumerated (`tests.study.enumerated`), the rest drawn (`tests.study.drawn`).
``python -m tests.study.intervals --write docs/intervals.md`` makes its tables again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tests.study import drawn, enumerated
from tests.study.coverage import write_tables

LOW, HIGH = 0.94, 0.98  # where a 95% interval should hold the truth
GUARANTEED = ("garwood", "clopper_pearson", "exact")  # never below their level


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A table in Markdown, its first columns to the left and all others to the right."""
    lines = [header, [*["---"] * texts, *["---:"] * (len(header) - texts)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def per_cent(share: float) -> str:
    """One decimal; a dash where there is nothing."""
    return "-" if np.isnan(share) else f"{100 * share:.1f}"


def number(value: float) -> str:
    """Three figures; above 10 million no more than that it is."""
    if np.isnan(value):
        return "-"
    if value > 1e7:
        return "over 10,000,000"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spanned(values: pd.Series) -> str:
    """From the smallest to the largest, in per cent."""
    least, most = per_cent(values.min()), per_cent(values.max())
    return least if least == most else f"{least} to {most}"


def inside(values: pd.Series) -> str:
    """How many of the grid's points lie where they should, in per cent."""
    known = values.dropna()
    return f"{100 * ((known >= LOW) & (known <= HIGH)).mean():.0f}" if len(known) else "-"


def of_expected(value: float) -> str:
    """Heading of a column of expected events."""
    return f"{value:g}"


def rates(found: pd.DataFrame) -> str:
    """Tables of one rate."""
    at, over = found[found["expected"].notna()], found[found["expected"].isna()]
    columns, names = list(enumerated.EXPECTED), over["method"].tolist()
    held, length = (
        at.pivot(index="method", columns="expected", values=name).loc[names, columns].to_numpy(dtype=np.float64)
        for name in ("held", "length")
    )
    everywhere = over[["held", "least", "least_of_all"]].to_numpy(dtype=np.float64)
    first = markdown(
        ["method; expected events", *map(of_expected, columns), "mean, 5 to 500", "least, 5 to 500", "least of all",
         "within 94 to 98, 5 to 500"],
        [[name, *map(per_cent, one), *map(per_cent, all_of_them), f"{100 * share:.0f}"]
         for name, one, all_of_them, share in zip(names, held, everywhere, over["inside"], strict=True)],
    )  # fmt: skip
    second = markdown(
        ["mean width in events; expected events", *map(of_expected, columns)],
        [[name, *map(number, one)] for name, one in zip(names, length, strict=True)],
    )
    return f"{first}\n\n{second}"


def shares(found: pd.DataFrame) -> str:
    """Table of one proportion."""
    return markdown(
        ["method", "base", "mean", "least", "most", "within 94 to 98", "mean width, points"],
        [[row["method"], f"{row['base']:,}", per_cent(row["held"]), per_cent(row["least"]), per_cent(row["most"]),
          f"{100 * row['inside']:.0f}", number(row["length"])] for row in found.to_dict("records")],
    )  # fmt: skip


def _summary(part: pd.DataFrame) -> list[str]:
    values = part["published"]
    return [per_cent(values.mean()), per_cent(values.min()), per_cent(values.max()), inside(values)]


def ratios_of_rates(found: pd.DataFrame) -> str:
    """Coverage of a ratio, or difference, of two rates by expected events: least to most over bases and ratios."""
    columns = [value for value in enumerated.EXPECTED if value > 0]
    at = found.groupby(["method", "expected"])["published"].agg(spanned)
    return markdown(
        ["method; expected events of the group", *map(of_expected, columns)],
        [[name, *(at[name, column] for column in columns)] for name in found["method"].unique()],
    )


def over_fine_grid(found: pd.DataFrame) -> str:
    """The same over many expected events, apart for fewer than 5 and more."""
    few = np.where(found["expected"] < enumerated.FROM, "below 5", "5 to 50")
    sizes = found["size"].unique()
    return markdown(
        ["method", "expected events of the group", "mean", "least", "most", "within 94 to 98", "least of all outcomes",
         *(f"mean, 1:{size:g}" for size in sizes)],
        [[str(method), str(counts), *_summary(part), per_cent(part["held"].min()),
          *(per_cent(part.loc[part["size"] == size, "published"].mean()) for size in sizes)]
         for (method, counts), part in found.groupby(["method", few], sort=False)], texts=2,
    )  # fmt: skip


def lengths(found: pd.DataFrame, what: str) -> str:
    """How long intervals of a ratio of 1, or of a difference of 0, are."""
    columns = [(size, mean) for size in (1.0, 10.0) for mean in (2.0, 5.0, 20.0, 200.0)]
    even = found[found["ratio"] == 1].set_index(["method", "size", "expected"])["length"]
    return markdown(
        [f"{what}; bases, expected events", *(f"1:{size:g}, {mean:g}" for size, mean in columns)],
        [[name, *(number(even[name, size, mean]) for size, mean in columns)] for name in found["method"].unique()],
    )


def ratios_of_shares(found: pd.DataFrame) -> str:
    """Table of a ratio, or difference, of two proportions, apart for small and larger expected counts."""
    smallest = np.minimum.reduce([
        found["base"] * found["share"] * found["ratio"], found["base"] * (1 - found["share"] * found["ratio"]),
        found["base"] * found["size"] * found["share"], found["base"] * found["size"] * (1 - found["share"]),
    ])  # fmt: skip
    few = np.where(smallest < enumerated.FROM - 1e-9, "below 5", "from 5")
    rows: list[list[str]] = []
    for (method, size, counts), part in found.groupby(["method", "size", few], sort=False):
        long = part["length"].mul(100).mean() if method == "newcombe" else np.exp(np.log(part["length"]).mean())
        rows.append([
            str(method), f"1:{size:g}", str(counts), str(len(part)), *_summary(part), per_cent(part["shown"].mean()),
            f"{number(long)} points" if method == "newcombe" else number(long),
        ])  # fmt: skip
    return markdown(
        ["method", "bases", "smallest expected count", "points of the grid", "mean", "least", "most",
         "within 94 to 98", "have an interval", "upper / lower, or width"],
        sorted(rows, key=lambda row: (row[0], row[2] != "below 5", float(row[1][2:]))), texts=3,
    )  # fmt: skip


def drawn_table(
    found: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], value: str, show: Callable[[float], str]
) -> str:
    """Values of drawn coverage: what the row is, then one column for every setting."""
    wide = found.pivot_table(index=list(rows), columns=list(columns), values=value, sort=False, dropna=False)
    wide = wide.dropna(how="all")

    def words(key: object) -> list[str]:
        parts = key if isinstance(key, tuple) else (key,)
        return [f"{part:g}" if isinstance(part, int | float) else str(part) for part in parts]

    heads = [
        ", ".join(f"{name} {part}" for name, part in zip(columns, words(key), strict=True)) for key in wide.columns
    ]
    body = [[*words(key), *map(show, line.to_numpy(dtype=float))] for key, line in wide.iterrows()]
    return markdown([*rows, *heads], body, texts=len(rows))


def drawn_tables(found: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], *, long: bool = True) -> str:
    """Drawn coverage, how long the intervals are, and how many draws have one where not all have."""
    text = drawn_table(found, rows, columns, "held", per_cent)
    if long:
        text += f"\n\nMedian of upper / lower:\n\n{drawn_table(found, rows, columns, 'length', number)}"
    least = found.groupby(list(rows), sort=False)["shown"].transform("min")
    lacking = found[least < 0.9995]
    if len(lacking):
        text += f"\n\nDraws that have an interval, %:\n\n{drawn_table(lacking, rows, columns, 'shown', per_cent)}"
    return text


def alarms(found: pd.DataFrame) -> str:
    """Table of funnel limits about a given target."""
    columns = sorted(found["expected"].unique())
    each = found.set_index(["limits", "level", "expected"])
    rows = []
    for limits, level in found[["limits", "level"]].drop_duplicates().itertuples(index=False, name=None):
        for side in ("above", "below"):
            shares = [each.loc[(limits, level, column), side] for column in columns]
            rows.append([limits, f"{100 * level:g}", side, *(f"{100 * share:.2f}" for share in shares)])
    return markdown(["limits", "level", "outside, %; expected events", *map(of_expected, columns)], rows, texts=3)


def estimated_alarms(found: pd.DataFrame) -> str:
    """Table of funnel limits about the rate of all areas."""
    return markdown(
        ["mean expected events of an area", "level", "areas outside, %", "standard error"],
        [[of_expected(row["expected"]), f"{100 * row['level']:g}", f"{100 * row['outside']:.2f}",
          f"{100 * row['error']:.2f}"] for row in found.sort_values(["level", "expected"]).to_dict("records")],
    )  # fmt: skip


Study = dict[str, pd.DataFrame]


def study(draws: int, say: Callable[[str], object]) -> Study:
    """Everything, part by part."""
    parts: dict[str, Callable[[], Iterable[dict[str, object]]]] = {
        "rates": enumerated.rates,
        "shares": enumerated.shares,
        "ratios_of_rates": enumerated.ratios_of_rates,
        "fine_ratios": lambda: enumerated.ratios_of_rates(enumerated.FINE, measured=False),
        "ratios_of_shares": enumerated.ratios_of_shares,
        "differences_of_rates": enumerated.differences_of_rates,
        "standardised": lambda: drawn.standardised(draws),
        "shrunken": lambda: drawn.shrunken(draws // 5),
        "funnels": lambda: drawn.funnels(draws),
        "trends": lambda: drawn.trends(draws),
        "changes": lambda: drawn.changes(draws),
        "pathways": lambda: drawn.pathways(draws),
        "repeat_children": lambda: drawn.repeat_children(draws),
    }
    found: Study = {}
    for name, run in parts.items():
        say(f"{name}\n")
        found[name] = pd.DataFrame(list(run()))
    found["alarms"] = enumerated.alarms()
    return found


def tables(found: Study) -> str:
    """The tables of docs/intervals.md."""
    worst = max(
        float(found[name]["error"].max())
        for name in ("standardised", "shrunken", "trends", "changes", "pathways", "repeat_children")
    )
    ratio, apart = found["ratios_of_rates"], found["differences_of_rates"]
    parts = {
        "A rate": rates(found["rates"]),
        "A proportion, and a share of a stage": shares(found["shares"]),
        "A ratio of two rates": (
            f"{ratios_of_rates(ratio)}\n\n{over_fine_grid(found['fine_ratios'])}\n\n{lengths(ratio, 'upper / lower')}"
        ),
        "A difference of two rates, and the excess": (
            f"{ratios_of_rates(apart)}\n\n{lengths(apart, 'mean width, in events of the group')}"
        ),
        "A ratio, and a difference, of two proportions": ratios_of_shares(found["ratios_of_shares"]),
        "Standardised rates and ratios, Mantel-Haenszel": drawn_tables(
            found["standardised"], ["quantity", "kind", "method"], ["size", "expected"]
        ),
        "Rates of areas, shrunken and raw": drawn_tables(
            found["shrunken"], ["quantity", "kind", "areas", "spread"], ["expected"]
        ),
        "Funnel limits: areas outside though nothing is amiss": (
            f"{alarms(found['alarms'])}\n\nAround the rate of all seven areas together, drawn:\n\n"
            f"{estimated_alarms(found['funnels'])}"
        ),
        "Trends": drawn_tables(found["trends"], ["quantity", "dispersion", "expected"], ["periods"]),
        "Changes": drawn_tables(found["changes"], ["quantity", "size"], ["expected"]),
        "Pathways": drawn_tables(found["pathways"], ["quantity", "term"], ["size", "expected"], long=False),
        "Events of children who come again": drawn_tables(
            found["repeat_children"], ["quantity", "events", "dispersion"], ["size", "expected"]
        ),
    }  # fmt: skip
    text = "\n\n".join(f"### {name}\n\n{body}" for name, body in parts.items())
    return f"{text}\n\nThe largest standard error of a drawn share is {100 * worst:.1f} points.\n"


def broken_promises(found: Study) -> list[str]:
    """Guaranteed methods that fall below their level, and defaults whose mean is off from 5 events on."""
    off = []
    rate = found["rates"]
    for part, least in ((rate, "least_of_all"), (found["shares"], "least")):
        for method in GUARANTEED:
            values = part.loc[part["method"] == method, least]
            if (values < enumerated.LEVEL - 1e-6).any():
                off.append(f"{method} falls below its level")
    ratio = found["fine_ratios"]
    if (ratio.loc[ratio["method"] == "exact", "held"] < enumerated.LEVEL - 1e-6).any():
        off.append("exact falls below its level")
    fewer = np.minimum(ratio["expected"], ratio["expected"] * ratio["size"] / ratio["ratio"])
    large = ratio.loc[(ratio["method"] == "exact") & (fewer > enumerated.FROM * 1.01), "published"]
    if not large.between(LOW, HIGH).all():
        off.append("exact leaves its range with more than 5 events on both sides")
    mixture = rate[rate["expected"].isna()].set_index("method")["held"]
    if not mixture.between(LOW, HIGH).all():
        off.append("a method of rates is off in the mean")
    return off


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and show its tables; leave with 1 if a method does not keep its promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=drawn.DRAWS, help="draws of each setting that is not enumerated")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced, such as docs/intervals.md")
    given = parser.parse_args(arguments)
    found = study(given.draws, sys.stderr.write)
    text = tables(found)
    if given.write is not None:
        write_tables(given.write, text)
    sys.stdout.write(text)
    off = broken_promises(found)
    sys.stdout.write(f"Off target: {', '.join(off)}.\n" if off else "")
    return int(bool(off))


if __name__ == "__main__":
    sys.exit(main())
