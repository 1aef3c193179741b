"""CPU seconds of `evonas --help` and of a completion, less those of Python alone, side by side.

python tests/benchmarks/startup_speed.py
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

ROUNDS = 5
COMPLETION = {"_EVONAS_COMPLETE": "complete_bash", "COMP_WORDS": "evonas search --proxy ", "COMP_CWORD": "3"}
MAIN = "import sys; sys.argv = ['evonas', *sys.argv[1:]]; from evonas.cli.app import main; main()"
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "python": (["-c", "pass"], {}),
    "typer and pydantic": (["-c", "import typer; from typer import _coercion; import pydantic"], {}),
    "evonas --help": (["-c", MAIN, "--help"], {}),
    "a completion": (["-c", MAIN], COMPLETION),
}


def seconds(arguments: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], env=os.environ | environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    turns = [{name: seconds(*way) for name, way in WAYS.items()} for _ in range(ROUNDS)]
    alone = statistics.median(turn["python"] for turn in turns)
    for name in WAYS:
        found = sorted(turn[name] for turn in turns)
        median = statistics.median(found)
        print(
            f"{name:20} {median:.2f} s ({found[0]:.2f} to {found[-1]:.2f}), {median - alone:.2f} s beyond Python"
        )


if __name__ == "__main__":
    main()
