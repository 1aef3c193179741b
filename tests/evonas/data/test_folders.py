"""Image folders as people have them: what is a class, what is an image, and what is said of the rest."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import evonas
from evonas import EvonasError, UsageError
from evonas.data import source
from evonas.data.source import Source
from tests.pictures import bright_and_dark


def filled(root: Path, *names: str) -> Path:
    """Files below ``root`` by their paths, images where the name ends as that of one, each of its own colour."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        level = zlib.crc32(name.encode()) % 2**24
        picture = Image.new("RGB", (4, 4), (level & 255, level >> 8 & 255, level >> 16))
        if path.suffix.lower() in Image.registered_extensions():
            picture.save(path)
        else:
            path.write_text(name)
    return root


def flat(root: Path, *more: str) -> Path:
    """Two classes of three images."""
    return filled(root, *(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(3)), *more)


def divided(root: Path, train: str, test: str, *more: str) -> Path:
    """Two classes of two training images and a test image."""
    names = [f"{train}/{name}/{i}.png" for name in ("cat", "dog") for i in range(2)]
    return filled(root, *names, *(f"{test}/{name}/t.png" for name in ("cat", "dog")), *more)


def read(root: Path | str) -> Source:
    return source(f"folder:{root}", image_size=4)


def counts(found: Source) -> tuple[int, int]:
    return len(found.images("train")), len(found.images("test"))


def said(root: Path | str) -> str:
    """The one line about a folder."""
    from evonas.core.notices import heard_by

    lines: list[str] = []
    with heard_by(lines.append):
        read(root).labels("train"), read(root).images("test")
    assert len(lines) == 1 and "\n" not in lines[0]
    return lines[0]


HIDDEN = (".git", ".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", ".Trash-1000")
SYSTEM_FILES = ("._1.png", "Thumbs.db", "desktop.ini", ".DS_Store", ".hidden.png", "THUMBS.DB")


def test_hidden_and_system_entries_are_neither_classes_nor_images(tmp_path: Path) -> None:
    places = [f"{place}{name}/0.png" for place in ("", "cat/") for name in HIDDEN]
    root = flat(tmp_path, *places, *(f"{place}{name}" for place in ("", "dog/") for name in SYSTEM_FILES))
    assert read(root).classes == ("cat", "dog") and sum(counts(read(root))) == 6
    assert f"left out: {2 * len(HIDDEN) + 2 * len(SYSTEM_FILES)} hidden or system entries" in said(root)


def test_classes_are_read_as_torchvision_reads_them(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    names = (
        "b.png",
        "a.png",
        "Z.PNG",
        "10.png",
        "9.png",
        "x/1.png",
        "x-y/1.png",
        "x/y/2.jpg",
        "x.d/0.png",
        "X/3.tif",
    )
    root = filled(
        tmp_path, *(f"{top}/{label}/{name}" for top in ("train", "test") for label in "ab" for name in names)
    )
    (root / "train" / "a" / "linked").symlink_to(root / "train" / "b" / "x")
    expected = ImageFolder(str(root / "train"))
    found = read(root)
    assert list(found.classes) == expected.classes
    assert found.labels("train").tolist() == expected.targets
    order = [np.asarray(image.convert("RGB"))[0, 0].tolist() for image, _ in expected]
    assert found.images("train")[:, :, 0, 0].tolist() == order


def test_sub_directories_do_not_move_other_images(tmp_path: Path) -> None:
    """An image is placed by its path inside the class, which for one that is directly inside is its name."""
    names = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(12)]
    before = read(filled(tmp_path, *names))
    train, test = (before.images(split)[:, :, 0, 0].tolist() for split in ("train", "test"))
    after = read(filled(tmp_path, *(f"{label}/deep/er/{i}.png" for label in ("cat", "dog") for i in range(12))))
    assert sum(counts(after)) == 48
    assert all(pixel in after.images("train")[:, :, 0, 0].tolist() for pixel in train)
    assert all(pixel in after.images("test")[:, :, 0, 0].tolist() for pixel in test)
    nested = [after.images("test")[i, :, 0, 0].tolist() for i in range(counts(after)[1])]
    assert len(nested) > len(test) and (len(train), len(test)) == (22, 2)


LAYOUTS = {
    ("train", "test"): "",
    ("train", "val"): "val is used as the test set",
    ("train", "valid"): "valid is used as the test set",
    ("training", "validation"): "training is used as the training set, validation is used as the test set",
    ("Training", "Testing"): "Training is used as the training set, Testing is used as the test set",
    ("Train", "Test"): "Train is used as the training set, Test is used as the test set",
    ("TRAIN", "VAL"): "TRAIN is used as the training set, VAL is used as the test set",
}


@pytest.mark.parametrize("names", LAYOUTS, ids="-".join)
def test_usual_names_of_a_division_mean_what_they_say(tmp_path: Path, names: tuple[str, str]) -> None:
    root = divided(tmp_path, *names)
    assert read(root).classes == ("cat", "dog") and counts(read(root)) == (4, 2)
    note = f" ({LAYOUTS[names]})" if LAYOUTS[names] else ""
    assert said(root) == f"folder:{root}: 2 classes, 4 training and 2 test images{note}"


def test_of_train_val_and_test_the_validation_images_are_left_out(tmp_path: Path) -> None:
    root = divided(tmp_path, "train", "test", "val/cat/v.png", "val/dog/v.png", "raw/0.png", "tmp/x.txt")
    assert counts(read(root)) == (4, 2)
    assert said(root).endswith(
        "; left out: 2 directories next to train (raw, tmp), "
        "2 images in val (validation images are taken from train)"
    )


def test_train_alone_is_divided_as_its_classes_alone_would_be(tmp_path: Path) -> None:
    names = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(12)]
    inside = read(filled(tmp_path / "a" / "train", *names).parent)
    alone = read(filled(tmp_path / "b", *names))
    assert inside.classes == alone.classes and counts(inside) == counts(alone) == (22, 2)
    assert (inside.images("test") == alone.images("test")).all()
    assert said(tmp_path / "a").endswith("(no test directory: about a fifth of each class is held out)")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    root = filled(tmp_path, *(f"{name}/{i}.png" for name in ("train", "plane", "test") for i in range(3)))
    (root / "test").rename(root / "ship")
    assert read(root).classes == ("plane", "ship", "train")


def test_what_is_left_out_is_counted_by_reason_in_one_line(tmp_path: Path) -> None:
    root = divided(tmp_path, "train", "test", "train/x.png", "test/y.png", "test/z.png", "about.txt")
    filled(
        root,
        "train/cat/a.TXT",
        "train/cat/b.heic",
        "train/cat/c",
        "train/cat/d.gif",
        ".git/x",
        "test/dog/deep/._a",
    )
    (root / "train" / "dog" / "up").symlink_to(root / "train", target_is_directory=True)
    (root / "train" / "self").symlink_to(root, target_is_directory=True)
    assert said(root) == (
        f"folder:{root}: 2 classes, 5 training and 2 test images; first frame of 1 GIF file; left out: "
        "2 hidden or system entries, 4 files of unsupported type (.heic, .txt, no ending), 2 links to a directory "
        f"above, 1 image directly in {root}/train, 2 images directly in {root}/test"
    )


def test_test_images_that_are_training_images_are_counted(tmp_path: Path) -> None:
    root = divided(tmp_path, "train", "test")
    assert "WARNING" not in said(root)
    (root / "test" / "dog" / "copy.png").write_bytes((root / "train" / "dog" / "0.png").read_bytes())
    assert "; WARNING: 1 test image is also in the training set" in said(root)


BROKEN = {  # files, and what the message says
    "other case": (
        ("train/Cat/0.png", "train/dog/0.png", "test/cat/0.png", "test/dog/0.png"),
        r"only in .*train: 'Cat'; only in .*test: 'cat'; 'Cat' and 'cat' differ in spelling only",
    ),
    "one missing": (
        ("train/a/0.png", "train/b/0.png", "train/c/0.png", "test/a/0.png", "test/b/0.png"),
        r"must have the same classes; only in .*train: 'c'$",
    ),
    "one too many": (
        ("train/a/0.png", "train/b/0.png", "val/a/0.png", "val/b/0.png", "val/c/0.png"),
        r"same classes; only in .*val: 'c'$",
    ),
    "other accents": (
        ("train/caf\u00e9/0.png", "train/b/0.png", "test/cafe\u0301/0.png", "test/b/0.png"),
        r"'caf\\xe9' and 'cafe\\u0301' differ in spelling only",
    ),
    "empty class": (
        ("a/0.png", "b/0.png", "c/notes.txt"),
        r"1 class of 3 without an image: c \(.*c holds 1 file of unsupported type \(\.txt\)\)",
    ),
    "empty test class": (
        ("train/a/0.png", "train/b/0.png", "test/a/0.png", "test/b/x.heic"),
        r"test holds 1 class of 2 without an image: b",
    ),
    "no image": (("a/x.txt", "b/x.txt"), "no images found"),
    "no labels": (
        ("train/a/0.png", "train/b/0.png", "test/0.png", "test/1.png"),
        r"test holds 2 images but no class directories: so these have no labels",
    ),
    "loose train": (("train/0.png", "test/a/0.png"), r"train holds 1 image but no class directories"),
    "one class in train": (
        ("train/a/0.png", "test/a/0.png"),
        r"train holds 1 class directory \(a\); at least 2 are needed",
    ),
    "no train": (("test/a/0.png", "test/b/0.png", "val/a/0.png"), "holds test, val but no train directory"),
    "train twice": (
        ("train/a/0.png", "train/b/0.png", "Training/a/0.png", "test/a/0.png"),
        r"holds Training and train|holds train and Training",
    ),
    "train or class": (
        ("train/a/0.png", "train/b/0.png", "plane/0.png"),
        r"may be a class or the training set; give --dataset folder:.*/train",
    ),
    "a class": (
        ("0.png", "1.png"),
        r"0 class directories; .* 2 images directly: if these are one class of several, give the directory",
    ),
    "wrapped": (("photos/cat/0.png", "photos/dog/0.png", "__MACOSX/x.png"), r"give --dataset folder:.*/photos$"),
    "wrapped division": (
        ("photos/photos/train/a/0.png", "photos/photos/test/a/0.png"),
        r"give --dataset folder:.*/photos/photos$",
    ),
    "one class": (("cat/0.png", "cat/1.png"), r"holds 1 class directory; at least 2 are needed$"),
    "packed": (("photos.zip",), "Unpack photos.zip first"),
    "divided classes": (
        ("cat/train/0.png", "cat/test/1.png", "dog/Train/0.png", "dog/Val/1.png"),
        "put the division above the classes",
    ),
    "images and labels": (
        ("images/cat/0.png", "images/dog/0.png", "annotations/0.xml"),
        r"1 class of 2 without an image: annotations .*; if the classes are in images, give --dataset .*/images$",
    ),
    "nothing": ((".hidden/0.png",), "0 class directories; at least 2 are needed$"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_folder_that_cannot_be_used_is_refused_in_one_message(tmp_path: Path, case: str) -> None:
    names, message = BROKEN[case]
    with pytest.raises(EvonasError, match=message) as caught:
        read(filled(tmp_path, *names)).labels("train")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_path_that_is_no_directory_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, "photos.zip", "photo.png")
    monkeypatch.chdir(tmp_path)
    for given, message in (
        ("photos.zip", "photos.zip is an archive, not a directory; unpack it"),
        ("photo.png", "photo.png is a file, not a directory"),
        ("nowhere", f"nowhere is not a directory .looked in {tmp_path}"),
        ("~nobody-is-called-so/x", "cannot be read"),
        ("x" * 400, "cannot be read"),
    ):
        with pytest.raises(UsageError, match=message):
            read(given)


def test_a_path_may_end_with_a_slash_begin_with_a_tilde_or_be_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat(tmp_path / "photos")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in ("photos/", "./photos//", "~/photos", "link", "link/", "photos/../photos"):
        assert sum(counts(read(given))) == 6


def test_links_to_directories_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    root = flat(tmp_path / "photos")
    filled(tmp_path / "elsewhere", "7.png", "deep/8.png")
    (root / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(root / "cat")
    (root / "dog" / "here").symlink_to(".")
    (root / "loop").symlink_to("loop")
    assert sum(counts(read(root))) == 8
    (root / "dog" / "gone.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(EvonasError, match=r"gone\.png is not a file .broken link to .*gone\.png"):
        counts(read(root))


def test_a_directory_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = flat(tmp_path, "cat/deep/0.png")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(EvonasError, match=r"cat/deep cannot be read: Permission denied$"):
        read(root).labels("train")


def test_names_that_are_not_utf_8_are_read_and_classes_have_printable_names(tmp_path: Path) -> None:
    root = flat(tmp_path)
    content = (root / "cat" / "0.png").read_bytes()
    for name in (b"cat/\xff.png", b"owl\xe9/0.png"):
        path = root / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = read(root)
    assert found.classes == ("cat", "dog", "owl\\xe9") and sum(counts(found)) == 8
    assert json.dumps(found.classes).isascii() and "\n".join(found.classes).encode()


def test_every_command_that_reads_a_folder_says_once_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evonas.cli.app import app

    monkeypatch.chdir(tmp_path)
    filled(
        tmp_path,
        *(f"photos/{part}/{name}/{i}{part}.png" for part in ("train", "val") for name in "ab" for i in range(6)),
    )
    filled(tmp_path, "photos/.git/x", "photos/train/a/x.txt")
    line = (
        "folder:photos: 2 classes, 12 training and 12 test images (val is used as the test set); "
        "left out: 1 hidden or system entry, 1 file of unsupported type (.txt)"
    )
    data = "--dataset folder:photos --image-size 8 --channels 2 --layers 1"
    conv = "nor_conv_3x3"
    cells = (
        f"|{name}~0|+|{conv}~0|{conv}~1|+|{conv}~0|{conv}~1|{conv}~2|"
        for name in ("none", "skip_connect", "nor_conv_1x1", conv, "avg_pool_3x3")
    )
    rows = "".join(f"{cell},{50 + i}\n" for i, cell in enumerate(cells))
    (tmp_path / "table.csv").write_text(f"arch_str,clean\n{rows}")
    for command in (
        f"search {data} --batch-size 4 --population 2 --generations 0 --proxy plain --run run --epochs 1 "
        "--set batch_size=4 --images 4 --checks 0",
        "resume run --generations 1",
        f"train DARTS_V2 {data} --epochs 1 --batch-size 4 --run trained",
        "evaluate run --attacks fgsm --no-corruptions --checks 0 --json",
        f"score DARTS_V2 {data} --batch-size 4 --proxy plain --json",
        f"correlate table.csv {data} --batch-size 4 --proxy plain --json",
        "verify run --sample 1 --json",
        "report run",
        "export run --format genotype --json",
        f"bench {data} --batch-size 4 --proxy plain --engine in-process --architectures 1 --rounds 1 "
        "--train-batch 0 --json",
    ):
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 0, (command, result.output, result.exception)
        assert result.output.count(line) == 1, (command, result.output)
        if "--json" in command:
            json.loads(result.stdout)
    assert (tmp_path / "run" / "run.log").read_text().count(line) == 2  # of the search and of the resume


def test_without_an_observer_a_python_warning_says_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    folder = bright_and_dark(tmp_path / "data", 8).removeprefix("folder:")
    options = {"channels": 2, "layers": 1, "space": "nasbench201", "batch_size": 2}
    cell = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left out
        evonas.score(cell, "snip", dataset=f"folder:{folder}", **options)
    first = next(path for path in Path(folder).rglob("*") if path.is_file())
    first.with_name("notes.txt").write_text("no image")
    with pytest.warns(UserWarning, match="left out: 1"):
        evonas.score(cell, "snip", dataset=f"folder:{folder}", **options)
    heard: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evonas.score(
            cell,
            "snip",
            dataset=f"folder:{folder}",
            observer=lambda event: heard.append(event.text) if isinstance(event, evonas.Message) else None,
            **options,
        )
    assert len(heard) == 1 and "left out: 1" in heard[0]
