"""A coverage-guided fuzzer over what strangers may hand in: python -m tests.faults.fuzz KIND --runs N.

It needs atheris (pip install atheris), which the tests do not. An input that ends in anything besides an answer is
kept, once for each place that it came from; it belongs among the nasty seeds of `seeds.py` once that is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
import traceback
from pathlib import Path
from tempfile import mkdtemp

MAX_SEED_BYTES = 50_000  # bytes; longer ones are tried by the tests, here they would only slow down
MAX_BYTES = 4096  # bytes that the fuzzer makes up
SECONDS = 60  # that one input may take
MEMORY = 4096  # MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kind", help="a function of tests/faults/hostile.py, such as genotype")
    parser.add_argument("--runs", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="a directory of inputs to go on from, and to add to")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="where inputs are kept")
    chosen = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("the fuzzer needs atheris: pip install atheris")
    with atheris.instrument_imports(include=["evonas", "fitness", "spaces"], enable_loader_override=False):
        from tests.faults import hostile
        from tests.faults.seeds import seeds
    if chosen.kind not in hostile.TARGETS:
        sys.exit(f"unknown kind {chosen.kind!r}: {', '.join(hostile.TARGETS)}")
    corpus = chosen.corpus or Path(mkdtemp(prefix="evonas-fuzz-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(chosen.kind):
        if len(seed) <= MAX_SEED_BYTES:
            (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    tried = Tried(hostile.TARGETS[chosen.kind], chosen.kind, chosen.runs, chosen.findings)
    options = [f"-seed={chosen.seed}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY}", f"-max_len={MAX_BYTES}"]
    options += [
        f"-artifact_prefix={chosen.findings}{os.sep}{chosen.kind}-",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    chosen.findings.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *options, str(corpus)], tried)
    atheris.Fuzz()


class Tried:
    """Tries ``runs`` inputs on a target, keeps those that are not answered, and ends the process."""

    def __init__(self, target: object, kind: str, runs: int, findings: Path) -> None:
        self.target, self.kind, self.runs, self.findings = target, kind, runs, findings
        self.count = self.accepted = 0
        self.found: dict[tuple[str, str], str] = {}
        self.started = time.perf_counter()

    def __call__(self, data: bytes) -> None:
        self.count += 1
        try:
            self.accepted += bool(self.target(data))  # type: ignore[operator]
        except Exception as error:
            self._keep(data, error)
        if self.count >= self.runs:
            self._end()

    def _keep(self, data: bytes, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = (type(error).__name__, f"{where.filename}:{where.lineno}")
        if place not in self.found:
            name = f"{self.kind}-{hashlib.sha1(data).hexdigest()[:12]}"
            self.found[place] = name
            (self.findings / name).write_bytes(data)
            (self.findings / f"{name}.txt").write_text(
                "".join(traceback.format_exception(error)), errors="replace"
            )

    def _end(self) -> None:
        seconds = time.perf_counter() - self.started
        print(
            f"{self.kind}: {self.count} inputs in {seconds:.0f} s, {self.accepted} accepted, "
            f"{len(self.found)} findings {sorted(self.found.values())}",
            flush=True,
        )
        os._exit(1 if self.found else 0)  # the fuzzer itself would go on for ever


if __name__ == "__main__":
    main()
