"""What a partner installs: the two commands of the README, the lock file, the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def commands_of_readme() -> list[str]:
    blocks = re.findall(
        r"```sh\n(python3 -m venv .*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return [block.strip() for block in blocks]


def locked() -> dict[str, list[str]]:
    """Every package that the lock names, with its exact versions (one for each range of platforms)."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def group(name: str) -> list[str]:
    lines = []
    for entry in PYPROJECT["dependency-groups"][name]:
        lines += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return lines


class TestCommands:
    def test_the_readme_gives_two_each_on_one_line(self):
        demo, test = commands_of_readme()
        assert demo.endswith("yjd demo")
        assert test.endswith("pytest")
        assert "\n" not in demo + test

    def test_continuous_integration_runs_exactly_the_readmes_test_command(self):
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        lines = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd "))]
        browser, command = lines
        assert browser.startswith("command -v chromium")
        assert command == commands_of_readme()[1]

    def test_windows_does_the_same_steps(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        windows = re.findall(r"```powershell\n(.*?)\n```", text, re.DOTALL)
        for posix, steps in zip(commands_of_readme(), windows, strict=True):
            translated = posix.replace("python3 -m venv", "py -m venv").replace(".venv/bin/", ".venv\\Scripts\\")
            assert steps.splitlines() == translated.split(" && ")


class TestLock:
    def test_every_version_has_hashes(self):
        entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK.split("\n", 2)[2])
        assert all("--hash=sha256:" in entry for entry in entries)

    def test_it_names_no_index_and_no_folder(self):
        assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|@ ", LOCK)

    @pytest.mark.parametrize("unwanted", ["torch", "nvidia", "cuda", "pyspark", "quarto-cli", "plotly", "altair"])
    def test_it_pulls_nothing_that_the_main_job_does_not_need(self, unwanted):
        assert not [name for name in locked() if name.startswith(unwanted)]

    @pytest.mark.parametrize(
        "line", [*PYPROJECT["project"]["dependencies"], *group("dev"), *PYPROJECT["build-system"]["requires"]]
    )
    def test_it_satisfies_what_is_declared(self, line):
        requirement = Requirement(line)
        versions = locked()[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


class TestWheel:
    @pytest.mark.parametrize(("folder", "inside"), [("sql", "yjd/_sql"), ("reports", "yjd/_reports")])
    def test_it_carries_the_definitions_and_the_documents(self, names, folder, inside):
        here = {path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert {f"{inside}/{name}" for name in here} <= set(names)
        assert here

    def test_it_carries_every_file_of_the_package_and_its_types(self, names):
        here = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "yjd").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert here <= set(names)
        assert "yjd/py.typed" in here

    def test_it_carries_no_tests(self, names):
        assert not [name for name in names if name.startswith("tests/")]
