"""Whether protected counts come back: 1,000 random projects, and ways of protecting compared on the same tables.

`python -m tests.study.disclosure --write docs/disclosure-comparison.md` makes the tables of that document again. With
`--outside PYTHON`, an interpreter that has pytauargus and acro, their rows are made too; without, those that stand in
the document stay as they are: the tables and the attack are the same whatever yjd does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from tests.disclosure.attacker import attack
from tests.disclosure.leaves import Project
from tests.disclosure.made import publish
from tests.disclosure.random_projects import random_project
from tests.disclosure.weak import hide, one_more_per_line, threshold_only
from tests.study.coverage import markdown, write_tables
from tests.study.fewest import fewest_hidden
from tests.study.tables import KINDS, Kind, answered, records_of
from yjd.errors import DisclosureError

PROJECTS, CONTROLS, TABLES, OTHERS = 1000, 200, 150, 30
#: Integer programming is for projects this small.
WHOLE_LEAVES = 60
RANGES = (20, 100)
Way = Callable[[pd.DataFrame, object, object], pd.DataFrame]


def one_project(seed: int, way: str) -> dict[str, object]:
    """Protect one random project in some way, and attack it."""
    project = random_project(seed)
    started = time.process_time()
    try:
        published = _published(project, way)
    except DisclosureError as error:
        return {"seed": seed, "words": project.words, "refused": True, "protecting": time.process_time() - started,
                "overlap": "overlap" in error.problem}  # fmt: skip
    protecting = time.process_time() - started
    found = attack(project, published)
    whole = None
    if way == "yjd" and sum(np.prod(one.shape) for one in project.families) <= WHOLE_LEAVES:
        whole = int(attack(project, published, whole=True)["broken"].sum())
    return {
        "seed": seed, "words": project.words, "refused": False, "protecting": protecting,
        "attacking": time.process_time() - started - protecting, "counts": len(found), "whole": whole,
        "narrow": int(found["broken"].sum()), "exact": int(found["exact"].sum()), **_lost(project, published),
    }  # fmt: skip


def _published(project: Project, way: str) -> list[pd.DataFrame]:
    if way == "yjd":
        return publish(project)
    by = {"threshold": threshold_only, "one more": one_more_per_line}[way]
    return [by(one.cells, one.rules, one.links) for one in project.releases]


def _lost(project: Project, published: Sequence[pd.DataFrame]) -> dict[str, float]:
    """How many cells are hidden of how many, and what part of the counts that would have been shown they are."""
    public = [one.cells["stage"].isin(one.links.public_stages) for one in project.releases]
    every = pd.concat([one.cells.loc[~own, "n"] for one, own in zip(project.releases, public, strict=True)])
    gone = pd.concat([one.loc[~own, "n"].isna() for one, own in zip(published, public, strict=True)])
    return {"cells": len(every), "hidden": int(gone.sum()), "n": float(every.sum()),
            "gone": float(every.to_numpy()[gone.to_numpy()].sum())}  # fmt: skip


def random_tables(first: int, many: int, controls: int, jobs: int) -> str:
    """What an attack on random projects finds."""
    rows, parts, whole, refused = [], Counter[str](), [], []
    with ProcessPoolExecutor(jobs) as pool:
        for way, seeds in (("yjd", many), ("one more", controls), ("threshold", controls)):
            found = list(pool.map(partial(one_project, way=way), range(first, first + seeds), chunksize=5))
            rows.append([_WAYS[way], *_tally(found)])
            if way == "yjd":
                parts = _by_word(found)
                whole = [one["whole"] for one in found if one.get("whole") is not None]
                sys.stderr.write(f"narrow: {[one['seed'] for one in found if one.get('narrow')]}\n")
                refused = [one for one in found if one["refused"]]
                sys.stderr.write(f"refused: {[one['seed'] for one in refused]}\n")
    header = ["protected by", "projects", "refused", "small counts attacked", "came back exactly", "left too narrow",
              "projects with either", "cells hidden, %", "counts hidden, %", "seconds a project"]  # fmt: skip
    whole_text = (
        f"Of the {len(refused)} that yjd refuses, {sum(one['overlap'] for one in refused)} have rolling periods that "
        "overlap in years which are not published.\n\n"
        f"With whole counts (integer programming) in the {len(whole)} smallest: {sum(whole)} too narrow.\n\n"
        f"Projects with each feature: {', '.join(f'{word} {n}' for word, n in parts.most_common())}."
    )
    return f"**Random projects**\n\n{markdown(header, rows)}\n\n{whole_text}"


_WAYS = {"yjd": "yjd", "one more": "threshold + one more per line", "threshold": "threshold only"}


def _by_word(found: Iterable[dict]) -> Counter[str]:
    return Counter(word for one in found for word in set(one["words"]))


def _tally(found: Sequence[dict]) -> list[str]:
    made = pd.DataFrame([one for one in found if not one["refused"]])
    seconds = sum(one["protecting"] for one in found) / len(found)
    return [
        f"{len(found):,}", f"{len(found) - len(made):,}", f"{made['counts'].sum():,}", f"{made['exact'].sum():,}",
        f"{made['narrow'].sum():,}", f"{(made['narrow'] > 0).sum():,}",
        f"{100 * made['hidden'].sum() / made['cells'].sum():.1f}", f"{100 * made['gone'].sum() / made['n'].sum():.1f}",
        f"{seconds:.3f}",
    ]  # fmt: skip


def compare(kind: Kind, tables: int, outside: Path | None, before: str = "") -> str:
    """Every way of protecting on the same tables of one kind; rows of other tools that are not made stay as before."""
    projects = [kind.draw(seed) for seed in range(tables)]
    rows = [
        _row(name, [_scored(one, partial(_published, way=way)) for one in projects])
        for name, way in (
            ("threshold only", "threshold"),
            ("threshold + one more per line", "one more"),
            ("yjd", "yjd"),
        )
    ]
    title = f"**{kind.title[0].upper()}{kind.title[1:]}**"
    for name, tool, reach in _outside_ways(kind):
        row = _row(name, _by_others(projects, kind, outside, tool, reach)) if outside else _kept(before, title, name)
        rows += [row] if row and row[1] == rows[0][1] else []
    if len(projects[0].releases) == 1:
        rows += [_fewest_row(projects, kind, by) for by in ("cells", "counts")]
    header = ["protected by", "tables", "with a count back", "counts back exactly", "left too narrow",
              "cells hidden a table", "cells hidden, %", "counts hidden, %", "seconds a table", "note"]  # fmt: skip
    small = sum(len(attack(one, [two.cells for two in one.releases])) for one in projects)
    return (
        f"{title} ({sum(len(one.cells) for one in projects[0].releases)} cells, "
        f"{small / tables:.1f} small counts a table)\n\n{markdown(header, rows)}"
    )


def _kept(before: str, title: str, name: str) -> list[str]:
    """A row of a table as it stands in a document; none where there is none."""
    table = before.partition(title)[2].partition("\n**")[0]
    line = next((line for line in table.splitlines() if line.startswith(f"| {name} |")), "")
    return [cell.strip() for cell in line.split("|")[1:-1]]


def _scored(project: Project, way: Callable[[Project], list[pd.DataFrame]]) -> dict[str, float]:
    started = time.process_time()
    try:
        published = way(project)
    except DisclosureError:
        return {"refused": 1, "seconds": time.process_time() - started}
    return _score(project, published, time.process_time() - started)


def _score(project: Project, published: Sequence[pd.DataFrame], seconds: float) -> dict[str, float]:
    found = attack(project, published)
    return {"refused": 0, "seconds": seconds, "narrow": int(found["broken"].sum()), "exact": int(found["exact"].sum()),
            **_lost(project, published)}  # fmt: skip


def _row(name: str, scores: Sequence[dict], note: str = "") -> list[str]:
    made = pd.DataFrame([one for one in scores if not one["refused"]])
    refused = len(scores) - len(made)
    if made.empty:
        return [name, *["-"] * 8, note or f"{refused} refused"]
    return [
        name, f"{len(made)}", f"{(made['exact'] > 0).sum()}", f"{made['exact'].sum()}", f"{made['narrow'].sum()}",
        f"{made['hidden'].mean():.2f}", f"{100 * made['hidden'].sum() / made['cells'].sum():.1f}",
        f"{100 * made['gone'].sum() / made['n'].sum():.1f}",
        f"{np.mean([one['seconds'] for one in scores]):.3f}", note or (f"{refused} refused" if refused else ""),
    ]  # fmt: skip


def _outside_ways(kind: Kind):
    for reach in RANGES:
        yield f"Tau-Argus OPT, range {reach}%", "tauargus", reach
    if kind.dimensions == (("area", "group"),) and not kind.hierarchy:
        yield "ACRO", "acro", 0
        yield "ACRO, area totals elsewhere", "acro", 1


def _by_others(projects: Sequence[Project], kind: Kind, outside: Path, tool: str, reach: int) -> list[dict]:
    """Hand every release to another tool, and score what it would publish."""
    jobs = [
        {"tool": tool, "records": records_of(project, number, kind), "dimensions": kind.dimensions[number],
         "minimum_count": project.releases[number].rules.minimum_count, "range": reach,
         "hierarchy": "heading" if kind.hierarchy else None}
        for project in projects for number in range(len(project.releases))
    ]  # fmt: skip
    answers = iter(_answers(jobs, outside))
    scores = []
    for project in projects:
        own = [next(answers) for _ in project.releases]
        if any("error" in one for one in own):
            sys.stderr.write(f"{tool}: {[one.get('error') for one in own]}\n")
            scores.append({"refused": 1, "seconds": 0.0})
            continue
        published = []
        for number, answer in enumerate(own):
            cells = project.releases[number].cells
            hidden, values = answered(project, number, kind, answer)
            # A total from which hidden children were left out says no more than the shown counts that it adds up.
            wrong = ~hidden & (values != cells["n"])
            if tool != "acro" and wrong.any():
                raise RuntimeError(f"{tool} shows counts that are not those of the table")
            if tool == "acro" and reach:
                wrong &= (cells["area"] == "All") | (cells["group"] != "All")
            published.append(hide(cells, hidden | wrong))
        scores.append(_score(project, published, sum(one["seconds"] for one in own)))
    return scores


def _answers(jobs: Sequence[dict], outside: Path) -> list[dict]:
    with TemporaryDirectory() as folder:
        asked, told = Path(folder) / "jobs.json", Path(folder) / "answers.json"
        asked.write_text(json.dumps(jobs), encoding="utf-8")
        script = Path(__file__).with_name("outside_tools.py")
        subprocess.run([str(outside), str(script), str(asked), str(told)], check=True, capture_output=True, cwd=folder)
        return json.loads(told.read_text(encoding="utf-8"))


def _fewest_row(projects: Sequence[Project], kind: Kind, by: str) -> list[str]:
    scores, proven = [], 0
    for project in projects:
        started = time.process_time()
        least = fewest_hidden(project, by=by, farthest=kind.farthest)
        seconds = time.process_time() - started
        cells = project.releases[0].cells
        scores.append(_score(project, [hide(cells, pd.Series(least.hidden, index=cells.index))], seconds))
        proven += least.proven
    return _row(f"the fewest {by} that will do", scores, f"{proven} proven")


def tables(given: argparse.Namespace) -> str:
    """The tables of docs/disclosure-comparison.md."""
    parts = []
    before = given.write.read_text(encoding="utf-8") if given.write is not None else ""
    for name, kind in KINDS.items():
        parts.append(compare(kind, given.tables if name == "two-way" else given.others, given.outside, before))
        sys.stderr.write(f"{name}\n")
    if given.projects:
        parts.insert(0, random_tables(0, given.projects, given.controls, given.jobs))
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, and show or write its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=PROJECTS, help="how many random projects")
    parser.add_argument("--controls", type=int, default=CONTROLS, help="how many of them with weak protection too")
    parser.add_argument("--tables", type=int, default=TABLES, help="two-way tables")
    parser.add_argument("--others", type=int, default=OTHERS, help="tables of each other kind")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--outside", type=Path, help="interpreter that has pytauargus and acro")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced")
    given = parser.parse_args(arguments)
    text = tables(given)
    if given.write is not None:
        write_tables(given.write, text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
