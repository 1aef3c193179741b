"""The state of an algorithm between generations: in run.db, and where it is large in files next to it.

The arrays of a bulky algorithm are a safetensors file for each of the last two generations, written before the
generation is committed. run.db has their digest, which is sealed. Generations whose file is missing are asked
for again with the recorded values, which gives the same arrays on a CPU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np

from evonas.core import atomic_files
from evonas.core.shell import resuming
from evonas.searching.algorithm import Algorithm
from evonas.searching.history import RunHistory
from evonas.searching.random_state import restore_random
from evonas.store.run import Run
from evonas.store.schema import GenerationRow
from evonas.store.state import State, decode, encode
from fitness import stable_hash
from spaces.errors import EvonasError

DIRECTORY = "state"  # in the directory of the run
DIGEST = "arrays"  # the entry of a state that has the digest of its file
KEPT = 2  # generations: one that is undone is repeated from the one before


def file_of(run: Path, generation: int) -> Path:
    """The file that has the arrays of a generation."""
    return run / DIRECTORY / f"{generation}.safetensors"


@contextmanager
def remembered(run: Run, algorithm: Algorithm, generation: int) -> Iterator[State]:
    """The state to commit within the block; afterwards the files of generations long past are removed."""
    state = algorithm.state_dict()
    if not algorithm.bulky:
        yield state
        return
    content, rest = _split(state)
    file = file_of(run.path, generation)
    atomic_files.make_directory(file.parent)
    atomic_files.replace(file, content, resuming(run.path))
    yield {**rest, DIGEST: _digest(content)}
    for other in file.parent.glob("*.safetensors"):
        if other.stem.isdecimal() and not generation - KEPT < int(other.stem) <= generation:
            other.unlink(missing_ok=True)


def restore(
    run: Run, algorithm: Algorithm, row: GenerationRow, say: Callable[[str], object], done: bool = False
) -> None:
    """The algorithm and its random generator as they were after the generation of ``row``.

    If the search is ``done``, large arrays are left alone.
    """
    restore_random(algorithm.rng, row.random_state)
    state, history = run.state(row.generation), RunHistory(run)
    if DIGEST in state and done:
        return
    if DIGEST in state:
        file = file_of(run.path, row.generation)
        content = file.read_bytes() if file.is_file() else b""
        if _digest(content) != state[DIGEST]:
            say(f"{file} is missing or damaged: {row.generation + 1} generations of the algorithm are repeated")
            _repeat(run, algorithm, row)
            if _digest(_split(algorithm.state_dict())[0]) != state[DIGEST]:
                raise EvonasError(
                    f"{file} is missing or damaged, and repeating the search gives another state, as another "
                    "processor may; restore the file, or start a new run"
                )
            return
        state = {**state, **decode(content)}
        del state[DIGEST]
    algorithm.load_state_dict(state, run.alive(row.generation), history)


def _repeat(run: Run, algorithm: Algorithm, row: GenerationRow) -> None:
    algorithm.rng.bit_generator.state = start_of(run.settings.seed).bit_generator.state
    for _, born in groupby(run.individuals(), lambda one: one.generation):
        algorithm.ask()
        algorithm.tell(list(born))
    restore_random(algorithm.rng, row.random_state)


def start_of(seed: int) -> np.random.Generator:
    """The random generator that a search begins with."""
    return np.random.default_rng(stable_hash(seed, "search"))


def _split(state: State) -> tuple[bytes, State]:
    """The arrays of a state as a file, and the rest."""
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    return encode(arrays), {name: value for name, value in state.items() if name not in arrays}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
