"""Where in a folder the training and the test images lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from evonas.data.listing import LeftOut, entries, enumerated, images_below, plural
from spaces.errors import UsageError

TRAIN, TEST, VALIDATION = "train", "test", "validation"
ROLES = {  # of a directory, by its name in lower case
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
HELD_OUT = "no test directory: about a fifth of each class is held out"
MAX_WRAPPERS = 8  # directories that hold one directory and nothing else


class Layout(NamedTuple):
    """The directories that hold the class directories, and how they were chosen."""

    train: Path
    test: Path | None  # None where a part of the training directory is held out for testing
    note: str


def located(given: str) -> Path:
    """The directory that ``folder:given`` names. Raises `UsageError` if it is not one."""
    try:
        root = Path(given).expanduser()
        if root.is_dir():
            return root
        is_file = root.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # no such user, a name too long, no permission
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{given} cannot be read: {reason}; folder:PATH needs a directory of images") from None
    if is_file and root.suffix.lower() in ARCHIVES:
        raise UsageError(f"{root} is an archive, not a directory; unpack it and give --dataset folder:DIRECTORY")
    if is_file:
        raise UsageError(f"{root} is a file, not a directory; folder:PATH needs one directory per class inside")
    where = "" if root.is_absolute() else f" (looked in {Path.cwd()})"
    raise UsageError(f"{root} is not a directory{where}; folder:PATH needs one directory per class inside")


def layout_of(root: Path) -> tuple[Layout, list[str]]:
    """How ``root`` is divided, by the names of the directories in it, and what in it is not used.

    Raises `UsageError` for a directory that is not a data set, or whose division is ambiguous.
    """
    roles: dict[str, list[str]] = {TRAIN: [], TEST: [], VALIDATION: []}
    others: list[str] = []
    for name in entries(root, LeftOut()).directories:
        role = ROLES.get(name.casefold())
        (others if role is None else roles[role]).append(name)
    for names in roles.values():
        if len(names) > 1 and roles[TRAIN]:
            raise UsageError(f"{root} holds {' and '.join(names)}; rename or remove all but one of them")
    train, test, validation = (root / names[0] if names else None for names in roles.values())
    if train is None and (test or validation) and not others:
        raise UsageError(
            f"{root} holds {enumerated(roles[TEST] + roles[VALIDATION])} but no train directory; put the class "
            "directories either into train and test, or directly into it"
        )
    divided = test is not None or validation is not None
    if train is None or (others and not divided and _holds_images_only(train)):  # a class that is called so
        _require_classes(root)
        return Layout(root, None, HELD_OUT), []
    if others and not divided:
        raise UsageError(
            f"{root} holds {train.name} next to {enumerated(others)}, so {train.name} may be a class or the "
            f"training set; give --dataset folder:{train}, or rename {train.name} if it is a class"
        )
    unused = [f"{plural(len(others), 'directory')} next to {train.name} ({enumerated(others)})"] if others else []
    if test and validation:
        count = len(images_below(validation, LeftOut()))
        unused.append(
            f"{plural(count, 'image')} in {validation.name} (validation images are taken from {train.name})"
        )
    testing = test or validation
    _require_labels(train, TRAIN)
    if testing is not None:
        _require_labels(testing, TEST)
    return Layout(train, testing, _note(train, testing)), unused


def _note(train: Path, test: Path | None) -> str:
    """What the names of the directories do not say themselves."""
    if test is None:
        return HELD_OUT
    said = "" if train.name == TRAIN else f"{train.name} is used as the training set, "
    return f"{said}{test.name} is used as the test set" if said or test.name != TEST else ""


def _holds_images_only(directory: Path) -> bool:
    found = entries(directory, LeftOut())
    return bool(found.images) and not found.directories


def _require_labels(directory: Path, role: str) -> None:
    """Raises `UsageError` for a training or test set without class directories."""
    found = entries(directory, LeftOut())
    if len(found.directories) > 1 or (role == TEST and found.directories):
        return
    if found.directories:
        raise UsageError(f"{directory} holds 1 class directory ({found.directories[0]}); at least 2 are needed")
    if not found.images:
        advice = "one directory per class belongs there"
    elif role == TEST:
        advice = (
            "so these have no labels; sort them into class directories, or move the directory away to have a "
            "fifth of the training images held out for testing"
        )
    else:
        advice = "sort them into one directory per class"
    raise UsageError(f"{directory} holds {plural(len(found.images), 'image')} but no class directories: {advice}")


def _require_classes(root: Path) -> None:
    """Raises `UsageError` for an undivided folder with fewer than two classes; says what to give instead."""
    found = entries(root, LeftOut())
    if len(found.directories) > 1:
        return _require_undivided(root, found.directories)
    held = f"{root} holds {plural(len(found.directories), 'class directory')}; at least 2 are needed"
    archives = [name for name in found.others if Path(name).suffix.lower() in ARCHIVES]
    if found.directories:
        inner = _unwrapped(root)
        raise UsageError(
            f"{held}. {inner} holds more directories: give --dataset folder:{inner}" if inner else held
        )
    if found.images:
        above = root.resolve().parent
        above = above.parent if above.name.casefold() in ROLES else above
        raise UsageError(
            f"{held}. It holds {plural(len(found.images), 'image')} directly: if these are one class of several, "
            f"give the directory of all classes, --dataset folder:{above}"
        )
    raise UsageError(f"{held}. Unpack {enumerated(archives)} first" if archives else held)


def _require_undivided(root: Path, classes: list[str]) -> None:
    """Raises `UsageError` if each class is divided: its training and test images would be mixed."""
    for name in classes:
        inner = entries(root / name, LeftOut()).directories
        roles = {ROLES.get(directory.casefold()) for directory in inner}
        if TRAIN not in roles or not roles & {TEST, VALIDATION}:
            return
    raise UsageError(
        f"each directory in {root} holds {enumerated(inner)}; put the division above the classes: "
        f"{root}/train/{name} and {root}/test/{name}"
    )


def _unwrapped(root: Path) -> Path | None:
    """The data set in a directory that holds nothing but the next one, as archives are often unpacked."""
    for _ in range(MAX_WRAPPERS):
        inner = entries(root, LeftOut()).directories
        if len(inner) != 1 or inner[0].casefold() in ROLES:
            return root if inner else None
        root = root / inner[0]
    return None
