"""Times what has a budget: help, import and the demonstration. Not a test: a busy machine is not a fault."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

BUDGETS = {  # seconds
    "yjd --help": (["-c", "from yjd.cli import main; main()", "--help"], 0.5, 5),
    "import yjd": (["-c", "import yjd"], 0.3, 5),
    "yjd demo": (["-c", "from yjd.cli import main; main()", "demo", "--quiet"], 60.0, 1),
}


def fastest(arguments: list[str], repeats: int) -> float:
    """Time a command in an empty folder, several times, and keep the fastest."""
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    """Print each time beside its budget; leave with 1 if any is over."""
    over = 0
    for name, (arguments, budget, repeats) in BUDGETS.items():
        took = fastest(arguments, repeats)
        over += took > budget
        sys.stdout.write(f"{name}: {took:.2f} s of {budget:g} s{' OVER' if took > budget else ''}\n")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
