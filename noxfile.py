"""Sessions for those who work on yjd: ``nox`` runs the quick ones, ``nox -s NAME`` any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

HERE = Path(__file__).parent
PROJECT = nox.project.load_toml(HERE / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST = PYTHONS[0]

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [f"tests-{OLDEST}", "lint", "types", "demo", "build"]


def install(session: nox.Session) -> None:
    """Install what the lock file names, and yjd itself from this folder."""
    session.install("--require-hashes", "-r", "requirements.lock")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the default tests."""
    install(session)
    session.run("pytest", *session.posargs)


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*(line for line in nox.project.dependency_groups(PROJECT, "lint") if line.startswith("ruff")))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=OLDEST)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session)
    session.run("mypy")


@nox.session(python=OLDEST)
def demo(session: nox.Session) -> None:
    """Run the whole job on made-up records, in a scratch folder."""
    install(session)
    session.run("yjd", "demo", str(Path(session.create_tmp()) / "demo"))


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """Build the wheel and see that it works where this folder is out of reach."""
    scratch = Path(session.create_tmp()).resolve()
    shutil.rmtree(scratch / "dist", ignore_errors=True)
    session.install("--require-hashes", "-r", "requirements.lock")
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(scratch / "dist"))
    (wheel,) = (scratch / "dist").glob("*.whl")
    session.install("--no-deps", "--force-reinstall", str(wheel))
    session.chdir(scratch)
    session.run("yjd", "measures")
    session.run("yjd", "doctor")


@nox.session(python=OLDEST, default=False)
def realdata(session: nox.Session) -> None:
    """Run the tests that read published tables, which must be in ../shared/data."""
    install(session)
    session.run("pytest", "-m", "realdata", *session.posargs)


@nox.session(python=OLDEST, default=False)
def properties(session: nox.Session) -> None:
    """Run the laws (hypothesis) with many more examples."""
    install(session)
    session.run("pytest", "-m", "hypothesis", "--hypothesis-profile", "thorough", *session.posargs)


@nox.session(python=OLDEST, default=False)
def backends(session: nox.Session) -> None:
    """Run every definition on every engine that is at hand."""
    install(session)
    session.run("pytest", "-m", "backends", *session.posargs)


@nox.session(python=OLDEST, default=False)
def coverage_study(session: nox.Session) -> None:
    """See that 95% intervals hold the known truth about 95 times in 100, over many seeds."""
    install(session)
    session.run("pytest", "-m", "coverage_study", "-n", "2")
    session.run("python", "-m", "tests.study.coverage", *session.posargs)


@nox.session(python=OLDEST, default=False)
def interval_study(session: nox.Session) -> None:
    """Find the true coverage of every interval, and see that each method keeps its promise."""
    install(session)
    session.run("python", "-m", "tests.study.intervals", *session.posargs)


@nox.session(python=OLDEST, default=False)
def robust_study(session: nox.Session) -> None:
    """See that the doubly robust check is right where one of its two models is wrong, over many samples."""
    install(session)
    session.run("python", "-m", "tests.study.robust", *session.posargs)


@nox.session(python=OLDEST, default=False)
def progress_study(session: nox.Session) -> None:
    """Find how often verdicts on recommendations are wrong, and how often changes are found, with a known truth."""
    install(session)
    session.run("python", "-m", "tests.study.progress", *session.posargs)


@nox.session(python=OLDEST, default=False)
def killed(session: nox.Session) -> None:
    """Kill what writes a release before every line, and whole runs at random moments."""
    install(session)
    session.run("python", "-m", "tests.study.killed", *session.posargs)


@nox.session(python=OLDEST, default=False)
def repeat_runs(session: nox.Session) -> None:
    """Make twenty quarterly runs in a row: killed, at the same moment, defined otherwise, with the clock set back.

    Needs Debian's package faketime.
    """
    install(session)
    session.run("python", "-m", "tests.study.repeat_runs", *session.posargs)


@nox.session(python=OLDEST, default=False)
def canary(session: nox.Session) -> None:
    """Plant values in every field of every extract, and look for them in all that may leave."""
    install(session)
    session.run("python", "-m", "tests.study.canary", *session.posargs)


@nox.session(python=OLDEST, default=False)
def disclosure_study(session: nox.Session) -> None:
    """Attack 1,000 random projects, and compare ways of protecting on the same tables."""
    install(session)
    # Other people's tools want other versions of pandas, so they get an environment of their own.
    outside = Path(session.create_tmp()).resolve() / "outside"
    session.run("python", "-m", "venv", "--clear", str(outside))
    python = str(next(outside.glob("[bS]*/python*")))
    session.run(python, "-m", "pip", "install", "--quiet", "pytauargus==0.6.0", "acro==1.0.2", external=True)
    session.run("python", "-m", "tests.study.disclosure", "--outside", python, *session.posargs)


@nox.session(python=OLDEST, default=False)
def accessibility(session: nox.Session) -> None:
    """Look at every report on a made-up release: axe-core in a browser at two widths, PDF/UA for each PDF.

    Needs Chromium. The pages stay in the session's scratch folder, to be looked at.
    """
    install(session)
    demo = (Path(session.create_tmp()) / "demo").resolve()
    shutil.rmtree(demo, ignore_errors=True)
    session.run("yjd", "demo", str(demo))
    (release,) = (demo / "work" / "release").iterdir()
    where = {"YJD_TEST_RELEASE": str(release), "YJD_TEST_PAGES": str(demo.parent / "pages")}
    looked_at = ("tests/reporting/test_browser.py", "tests/reporting/test_plain.py")
    session.run("pytest", "-n", "0", *looked_at, *session.posargs, env=where)


@nox.session(python=OLDEST, default=False)
def bench(session: nox.Session) -> None:
    """Time what has a budget: the command line's help, the import, the demonstration and the metrics."""
    install(session)
    session.run("python", "tests/bench.py", *session.posargs)
    session.run("python", "tests/bench_metrics.py")
    session.run("python", "tests/bench_models.py")
    session.run("python", "tests/bench_reports.py")
    session.run("python", "-m", "tests.bench_disclosure")


@nox.session(python=OLDEST, default=False)
def lock(session: nox.Session) -> None:
    """Make requirements.lock again: every platform, use and development, hashes, no index addresses."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--group", "dev", "--extra", "postgres"),
        *("--universal", "--python-version", OLDEST, "--generate-hashes", "--upgrade"),
        *("--no-config", "--no-emit-index-url", "--no-emit-find-links"),
        *("--output-file", "requirements.lock", "--quiet"),
        env={"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"},
    )
