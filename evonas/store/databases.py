"""How a SQLite file survives a crash on the disk at hand: by a write-ahead log, or by a rollback journal.

A write-ahead log needs memory that all its processes share. It is documented not to work on network disks
(https://www.sqlite.org/wal.html), and other disks may refuse it.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import mkstemp

from evonas.core.notices import notice

ENDINGS = ("-wal", "-shm", "-journal")  # of the files that belong to a database
NETWORK = re.compile(  # types of file systems, as Linux names them
    r"nfs4?|cifs|smb3|smbfs|afs|lustre|gpfs|beegfs|ceph|glusterfs|pvfs2|panfs|ocfs2|gfs2|"
    r"fuse\.(sshfs|glusterfs|rclone|juicefs|s3fs|gcsfuse|ceph-fuse|cvmfs2|mfs)"
)
UNSURE = re.compile(r"fuse.*|9p|virtiofs|vboxsf|prl_fs")  # types whose files can perhaps not be mapped
PROBE = ".map-probe-"  # a file of ours that a killed process may leave
SYNCED, LAZY = "FULL", "NORMAL"  # whether SQLite waits for the disk; consistent after a power loss either way
SYNCED_ROLLBACK, LAZY_ROLLBACK = "EXTRA", "FULL"  # the same with a rollback journal
MOUNTS = Path("/proc/self/mountinfo")
WAIT = 60  # seconds for another process to end its transaction, which readers delay without a log
BUSY = ("locked", "full", "readonly", "not a database", "malformed")  # errors that no other journal avoids
_ESCAPED = re.compile(r"\\(\d{3})")


def journalled(db: sqlite3.Connection, file: Path) -> bool:
    """Whether ``db``, the open database ``file``, has a write-ahead log; otherwise it has a rollback journal.

    The log is not asked for on a network disk. Raises `sqlite3.Error` if neither can be written.
    """
    disk = network_disk(file)
    if disk is None and maps(file.parent) and _logged(db):
        return True
    _roll_back(db, file)
    why = f"a network disk ({disk})" if disk else "a disk that refuses SQLite's write-ahead log"
    notice(
        ("journal", file.parent),
        lambda: f"{file.parent} is on {why}: {file.name} is written with a rollback journal, which is slower",
    )
    return False


def unlogged(file: Path) -> None:
    """Write the log of a database into it, or undo what its journal says. Raises `sqlite3.Error` if that fails."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        _roll_back(db, file)


def synced(logged: bool, durable: bool = True) -> str:
    """The statement after which SQLite waits for the disk as long as it must.

    After a power loss the file is consistent, and holds what was committed if that was ``durable``.
    """
    levels = (SYNCED, LAZY) if logged else (SYNCED_ROLLBACK, LAZY_ROLLBACK)
    return f"PRAGMA synchronous={levels[not durable]}"


def reading(file: Path) -> sqlite3.Connection:
    """A connection that does not change ``file``, except for undoing what a killed process left half written."""
    uri = file.absolute().as_uri()
    db = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None, timeout=WAIT)
    try:
        db.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):
            raise
        if file.with_name(f"{file.name}-journal").exists():
            return sqlite3.connect(f"{uri}?mode=rw", uri=True, isolation_level=None)
        # a read-only directory cannot hold the shared memory of a write-ahead log
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    except BaseException:
        db.close()
        raise
    return db


def network_disk(file: Path) -> str | None:
    """The type of the file system that holds ``file`` if it is a network disk, else None."""
    kind = _type_of(file.parent)
    return kind if NETWORK.fullmatch(kind) else None


def maps(directory: Path) -> bool:
    """Whether processes can share memory by files in ``directory``; without it a log fails at its first use.

    Only the disks that may lack it are asked.
    """
    if not UNSURE.fullmatch(_type_of(directory)):
        return True
    try:
        file, name = mkstemp(prefix=PROBE, dir=directory)
        try:
            os.ftruncate(file, mmap.PAGESIZE)
            mmap.mmap(file, mmap.PAGESIZE).close()
        finally:
            os.close(file)
            Path(name).unlink()
    except OSError as error:
        return error.errno not in (errno.ENODEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
    return True


def _type_of(directory: Path) -> str:
    """The type of the file system of ``directory``, empty if it is unknown."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
        return _type_at(directory.absolute().resolve(), lines)
    except (OSError, ValueError):
        return ""


def _type_at(place: Path, lines: Iterable[str]) -> str:
    """The type of the last of the innermost mounts above ``place``; see proc_pid_mountinfo(5)."""
    found, depth = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if len(fields) < 5 or not types[0]:
            continue
        mount = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4]))
        if (mount == place or mount in place.parents) and len(mount.parts) >= depth:
            found, depth = types[0], len(mount.parts)
    return found


def _logged(db: sqlite3.Connection) -> bool:
    try:
        if db.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            return False
        if not db.in_transaction:
            db.execute("BEGIN IMMEDIATE")  # the locks of the log, which may fail only here
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if any(word in str(error) for word in BUSY):
            raise
        return False
    return True


def _roll_back(db: sqlite3.Connection, file: Path) -> None:
    with file.open("rb") as header:
        logged = header.read(20)[18:] == b"\x02\x02"  # since it was written on another disk
    if logged:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # without shared memory
    db.execute(f"PRAGMA busy_timeout={1000 * WAIT}")
    mode = db.execute("PRAGMA journal_mode=DELETE").fetchone()
    if logged:
        db.execute("PRAGMA locking_mode=NORMAL")
        db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # gives the lock back
    if mode != ("delete",):
        raise sqlite3.OperationalError(f"the journal mode stays {mode[0]}")
