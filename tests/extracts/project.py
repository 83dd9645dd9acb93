"""A small project in a folder, to be broken in one place at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from yjd.config import load
from yjd.extracts import Accounting, LoadedExtracts, load_extracts
from yjd.warehouse import Warehouse

POPULATION = "area,ethnicity,count\nNorth,White,1000\nNorth,Black,500\nSouth,White,2000\nSouth,Black,400\n"
ARRESTS = (
    "ref,person,when,district,gender,age,self,officer\n"
    "A1,P1,05/04/2024,North,M,15,W1,IC1\n"
    "A2,P2,06/05/2024,South,F,12,B1,IC3\n"
    "A3,P2,07/06/2024,South,F,12,B1,IC3\n"
)
TOML = """
[project]
title = "A small project"
areas = ["North", "South"]

[periods]
kinds = ["financial_year"]
first = 2024
last = 2024

[ethnicity]
references = ["White"]

[analysis]
measures = ["arrest_rate", "children_arrested_rate"]
splits = { broad = [[], ["area"]] }

[disclosure]
minimum_count = 3
zero_safe = true
minimum_denominator = 0
minimum_children = 0
largest_share_percent = 100
interval_width = 2
method = "hide"
round_to = 0
minimum_degrees_of_freedom = 0

[quality]
tolerance_percent = 0

[[extracts]]
name = "census"
table = "population"
file = "population.csv"
columns = { area = "area", ethnicity = "ethnicity", n = "count" }
ethnicity = { self_defined = "broad_5" }

[[extracts]]
name = "custody_suite"
table = "arrests"
file = "arrests.csv"
columns = { arrest_id = "ref", child_id = "person", date = "when", area = "district", sex = "gender", age = "age", \
ethnicity = "self", ethnicity_officer = "officer" }
dates = { date = "DD/MM/YYYY" }
ethnicity = { self_defined = "police_18plus1", officer = "officer" }
covers = ["2024-04-01", "2025-03-31"]
"""


@dataclass
class SmallProject:
    """The folder and how to read it."""

    folder: Path

    def write(self, *, arrests: str | bytes = ARRESTS, toml: str = TOML, population: str = POPULATION) -> SmallProject:
        """Write the three files anew."""
        (self.folder / "population.csv").write_text(population, encoding="utf-8", newline="")
        content = arrests if isinstance(arrests, bytes) else arrests.encode()
        (self.folder / "arrests.csv").write_bytes(content)
        (self.folder / "yjd.toml").write_text(toml, encoding="utf-8")
        return self

    def load(self, warehouse: Warehouse) -> LoadedExtracts:
        """Read every extract into the warehouse."""
        sensitive = self.folder / "work" / "sensitive"
        sensitive.mkdir(parents=True, exist_ok=True)
        return load_extracts(load(self.folder / "yjd.toml"), warehouse, sensitive, lambda _: None)

    def arrests(self, warehouse: Warehouse) -> Accounting:
        """What became of the rows of the extract of arrests."""
        return self.load(warehouse).accounting[1]

    @property
    def set_aside(self) -> Path:
        """The rows that were set aside."""
        return self.folder / "work" / "sensitive" / "set_aside" / "custody_suite.csv"
