"""The files of a table: the CSV file, the JSON file next to it, and the directory of its trainings."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from evonas.core.atomic_files import make_directory
from evonas.core.files import exists
from evonas.core.signals import REPEAT
from evonas.store.mirror import STAGING
from evonas.store.scratch import Home
from evonas.tabulating.job import Job
from spaces.errors import UsageError, shorten

SUFFIX = ".csv"
OF_SHARD = "shard-"  # begins the name of a directory


@dataclass(frozen=True)
class Place:
    """Where a table is written. Raises `UsageError` for a name that is not that of a CSV file."""

    table: Path
    shard: str = ""  # the directory of a shard among the trainings

    def __post_init__(self) -> None:
        if self.table.suffix != SUFFIX or self.table.is_dir():
            raise UsageError(f"--out must name a CSV file, such as table.csv, not {shorten(str(self.table))}")

    @property
    def name(self) -> str:
        """The table, or the shard of it, for messages."""
        return f"{self.table}, {self.shard.replace('-', ' ')}" if self.shard else str(self.table)

    @property
    def sidecar(self) -> Path:
        """Settings, versions and data of the table."""
        return self.table.with_suffix(".json")

    @property
    def croissant(self) -> Path:
        """The description of the table for catalogues of data sets."""
        return self.table.with_suffix(".croissant.json")

    @property
    def work(self) -> Path:
        """The directory of finished and unfinished trainings."""
        return self.table.with_suffix(".trainings") / self.shard

    @property
    def journal(self) -> Path:
        """The finished trainings."""
        return self.work / "trainings.db"

    @property
    def latencies(self) -> Path:
        """The measured latencies."""
        return self.work / "latencies.db"

    def prepare(self) -> None:
        """Make the directory. Raises `UsageError` if a file of something else would be overwritten."""
        if not exists(self.journal):
            for path in (self.table, self.sidecar):
                if exists(path):
                    raise UsageError(
                        f"{path} exists, and {self.work} does not have its trainings; choose another --out"
                    )
        make_directory(self.work)

    @property
    def shards(self) -> list[Place]:
        """Those that have begun, in order of their names."""
        names = (path.name for path in self.work.glob(f"{OF_SHARD}*") if path.is_dir())
        return [replace(self, shard=name) for name in sorted(names)]

    def take(self, part: Place) -> None:
        """Move the files of the unfinished trainings of ``part`` here, where they continue."""
        for path in part.work.iterdir():
            if path.is_dir() and not exists(self.work / path.name):
                path.replace(self.work / path.name)

    def discard(self) -> None:
        """Remove the directory of trainings."""
        shutil.rmtree(self.work, ignore_errors=True)

    def remove(self, job: Job) -> None:
        """Remove the files of a training that is kept in the journal."""
        shutil.rmtree(self.work / job.key, ignore_errors=True)

    def tidy(self) -> None:
        """Remove the files of all unfinished trainings that are not of a shard."""
        for path in self.work.iterdir():
            if path.is_dir() and not path.name.startswith(OF_SHARD):
                shutil.rmtree(path, ignore_errors=True)

    def home(self) -> Home:
        """The files of the table, or of the shard, for work on another disk."""
        names = [path.name for path in (self.table, self.sidecar, self.croissant)]
        whole = replace(self, shard="")
        inside = f"{whole.work.name}/{self.shard}" if self.shard else whole.work.name
        taken = [*names, f"{whole.work.name}/{self.journal.name}", inside] if self.shard else [*names, inside]
        return Home(
            self.table.parent,
            taken,
            [inside] if self.shard else taken,
            [self.work] if self.shard else [self.work, *(part.work for part in self.shards)],
            REPEAT[0].lower() + REPEAT[1:],
            self.table.stem,
            self.work / STAGING,
        )
