"""A trained network knows its data: every way to change them under it is accepted, named or refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

import evonas
from evonas import EvaluateSettings
from evonas.core.events import Listener, Observer, Warned
from evonas.core.signals import Interrupted
from evonas.training import checkpoint
from evonas.training.data_check import UNCHECKED
from evonas.training.data_identity import DataIdentity
from evonas.training.events import EpochDone
from evonas.training.held_out import images_for
from evonas.training.known_images import KnownData
from evonas.training.plan import FinalPlan
from spaces import EvonasError, UsageError
from tests.evonas.trained import LIGHT

CLASSES = ("cat", "dog", "fox")
EACH = {"train": 6, "test": 3}  # images of a class
FAST = EvaluateSettings(attacks=("fgsm",), checks=0, corruptions=False, device="cpu")
SIZE = {"image_size": 8, "channels": 2, "layers": 1, "device": "cpu", "validation": 3}


class Half(Listener):
    """Stops a training after its first epoch."""

    def epoch(self, event: EpochDone) -> None:
        raise Interrupted("after one epoch")


class Heard(Listener):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, event: Warned) -> None:
        text = event.text
        self.warnings.append(text)


def save(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def three_classes(root: Path, first_seed: int = 0) -> None:
    """``root``/train and /test with a directory of images for each class."""
    seed = first_seed
    for split, each in EACH.items():
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
            for i in range(each):
                save(root / split / name / f"{i}.png", seed)
                seed += 1


def train(run: Path, data: Path, observer: Observer | None = None) -> evonas.Trained:
    numbers = {"epochs": 2, "batch_size": 4}
    settings = {**SIZE, "dataset": f"folder:{data}", "overrides": numbers}
    return evonas.train(LIGHT, run, observer=observer or Listener(), **settings)


class Ground(NamedTuple):
    """Data that can be changed, and two trainings on them: a finished one and one that is half done."""

    data: Path
    finished: Path
    half: Path

    @property
    def best(self) -> Path:
        return self.finished / "train" / "best.safetensors"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    root = tmp_path_factory.mktemp("identity")
    ground = Ground(root / "data", root / "finished", root / "half")
    three_classes(ground.data)
    train(ground.finished, ground.data)
    evonas.evaluate(ground.finished, FAST)
    with pytest.raises(Interrupted):
        train(ground.half, ground.data, Half())
    shutil.copytree(root, root.with_name("kept"))
    return ground


@pytest.fixture
def ground(trained: Ground) -> Ground:
    """The same, as new."""
    root = trained.data.parent
    shutil.rmtree(root)
    shutil.copytree(root.with_name("kept"), root)
    return trained


def swap(one: Path, other: Path) -> None:
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


def both(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """The same change in train and in test."""

    def changed(data: Path) -> None:
        for split in EACH:
            change(data / split)

    return changed


def new_class(split: Path) -> None:
    (split / "bear").mkdir()
    save(split / "bear" / "0.png", 900)


def another_data_set(data: Path) -> None:
    shutil.rmtree(data)
    three_classes(data, first_seed=500)


def larger(data: Path) -> None:
    for path in data.rglob("*.png"):
        with Image.open(path) as image:
            image.resize((16, 16), Image.Resampling.BICUBIC).save(path)


def as_bmp(data: Path) -> None:
    for path in data.rglob("*.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(".bmp"))
        path.unlink()


def compressed(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path.with_suffix(".jpg"))
    path.unlink()


def pixel(path: Path) -> None:
    with Image.open(path) as image:
        pixels = np.asarray(image).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def renamed(path: Path) -> None:
    path.rename(path.with_name("9" + path.name))


def files(data: Path, split: str, *names: str) -> list[Path]:
    return [data / split / name for name in names]


def move(data: Path, source: str, target: str) -> None:
    (data / source).rename(data / target)


SAME = ""
LISTS = r"3 classes: cat, dog, fox\. .* has \d classes(?: in another order)?: "
OTHER = r"{} images of .* are not those of the training of .*: .*"
LABEL = r"{} of the \d+ {} images .* have other labels .*: at the training {}; here {}"

# way: (change, what evaluate says, what a resumed training says, whether --other-data lets evaluate go on)
WAYS: dict[str, tuple[Callable[[Path], object], str, str, bool]] = {
    "a class is renamed": (
        both(lambda split: (split / "cat").rename(split / "kitten")),
        LISTS + "dog, fox, kitten",
        LISTS + "dog, fox, kitten",
        False,
    ),
    "a class is renamed and keeps its position": (
        both(lambda split: (split / "cat").rename(split / "car")),
        LISTS + "car, dog, fox",
        LISTS + "car, dog, fox",
        False,
    ),
    "the case of a class is changed": (
        both(lambda split: (split / "fox").rename(split / "Fox")),
        LISTS + "Fox, cat, dog",
        LISTS + "Fox, cat, dog",
        False,
    ),
    "two classes are swapped": (
        both(lambda split: swap(split / "cat", split / "dog")),
        LABEL.format(6, "test", "3 dog, 3 cat", "3 cat, 3 dog"),
        LABEL.format(12, "training", "6 dog, 6 cat", "6 cat, 6 dog"),
        False,
    ),
    "two classes are swapped in train": (
        lambda data: swap(data / "train" / "cat", data / "train" / "dog"),
        SAME,
        LABEL.format(12, "training", "6 dog, 6 cat", "6 cat, 6 dog"),
        True,
    ),
    "a class is added": (both(new_class), LISTS + "bear", r"has 4 classes: bear, cat, dog, fox", False),
    "a class is removed": (
        both(lambda split: shutil.rmtree(split / "fox")),
        LISTS + "cat, dog",
        r"has 2 classes: cat, dog\.",
        False,
    ),
    "a test image is relabelled": (
        lambda data: move(data, "test/cat/0.png", "test/dog/7.png"),
        LABEL.format(1, "test", "1 cat", "1 dog"),
        LABEL.format(1, "test", "1 cat", "1 dog"),
        False,
    ),
    "a training image is relabelled": (
        lambda data: move(data, "train/cat/0.png", "train/dog/7.png"),
        SAME,
        LABEL.format(1, "training", "1 cat", "1 dog"),
        True,
    ),
    "two test images swap their labels": (
        lambda data: swap(*files(data, "test", "cat/0.png", "dog/0.png")),
        LABEL.format(2, "test", "1 dog, 1 cat", "1 cat, 1 dog"),
        LABEL.format(2, "test", "1 dog, 1 cat", "1 cat, 1 dog"),
        False,
    ),
    "a test image is compressed again": (
        lambda data: compressed(data / "test" / "cat" / "0.png"),
        OTHER.format("test") + "1 new, 1 missing",
        OTHER.format("test") + "1 new, 1 missing",
        True,
    ),
    "a pixel of a test image is changed": (
        lambda data: pixel(data / "test" / "cat" / "0.png"),
        OTHER.format("test") + "1 new, 1 missing",
        OTHER.format("test") + "1 new, 1 missing",
        True,
    ),
    "a pixel of a training image is changed": (
        lambda data: pixel(data / "train" / "cat" / "0.png"),
        SAME,
        OTHER.format("training") + "1 new, 1 missing",
        True,
    ),
    "a training image is added": (
        lambda data: save(data / "train" / "cat" / "7.png", 901),
        SAME,
        OTHER.format("training") + "19 images, 18 at the training: 1 new, 0 missing",
        True,
    ),
    "a training image is removed": (
        lambda data: (data / "train" / "cat" / "0.png").unlink(),
        SAME,
        OTHER.format("training") + "0 new, 1 missing",
        True,
    ),
    "a test image is added": (
        lambda data: save(data / "test" / "cat" / "7.png", 902),
        OTHER.format("test") + "10 images, 9 at the training: 1 new, 0 missing",
        OTHER.format("test") + "1 new, 0 missing",
        True,
    ),
    "a test image is removed": (
        lambda data: (data / "test" / "cat" / "0.png").unlink(),
        OTHER.format("test") + "0 new, 1 missing",
        OTHER.format("test") + "0 new, 1 missing",
        True,
    ),
    "an image is moved from train to test": (
        lambda data: move(data, "train/cat/0.png", "test/cat/7.png"),
        OTHER.format("test") + "1 new, 0 missing; 1 of them are images that the network was trained on",
        OTHER.format("training") + "0 new, 1 missing",
        True,
    ),
    "an image is moved from test to train": (
        lambda data: move(data, "test/cat/0.png", "train/cat/7.png"),
        OTHER.format("test") + "0 new, 1 missing",
        OTHER.format("training") + "1 new, 0 missing",
        True,
    ),
    "a test image is renamed": (lambda data: renamed(data / "test" / "cat" / "0.png"), SAME, SAME, True),
    "a training image is renamed": (
        lambda data: renamed(data / "train" / "cat" / "0.png"),
        SAME,
        r"training images of .* are in another order .*files were renamed",
        True,
    ),
    "png becomes bmp": (as_bmp, SAME, SAME, True),
    "all images have another size": (
        larger,
        OTHER.format("test") + "9 new, 9 missing",
        OTHER.format("training") + "18 new, 18 missing",
        True,
    ),
    "another data set of the same classes and shape": (
        another_data_set,
        OTHER.format("test") + "9 new, 9 missing",
        OTHER.format("training") + "18 new, 18 missing",
        True,
    ),
}


def said(work: Callable[[], object]) -> str:
    """The message of a refusal; empty if there is none."""
    try:
        work()
    except EvonasError as error:
        return str(error)
    return ""


def require(text: str, pattern: str) -> None:
    assert re.search(pattern, text) if pattern else not text, f"{text!r} is not {pattern!r}"


@pytest.mark.parametrize("way", WAYS)
def test_data_that_change_under_a_network_are_named(way: str, ground: Ground) -> None:
    change, evaluated, resumed, other = WAYS[way]
    change(ground.data)

    written = ground.finished / "evaluation.json"
    before = written.read_bytes()
    require(said(lambda: evonas.evaluate(ground.finished, FAST)), evaluated)
    if evaluated:
        assert written.read_bytes() == before  # nothing that was computed is lost
    heard = Heard()
    require(
        said(lambda: evonas.evaluate(ground.best, replace(FAST, other_data=True), heard)), "" if other else "."
    )
    about = json.loads(ground.best.with_suffix(".evaluation.json").read_text())["data"] if other else None
    if about is not None:
        assert (about["status"] == "other images") == bool(evaluated) == bool(heard.warnings)

    findings = {finding.name: finding for finding in evonas.verify(ground.finished, sample=1).findings}
    assert findings["data"].passed == (not evaluated)
    require(findings["data"].detail if evaluated else "", evaluated)

    last = ground.half / "train" / "last.safetensors"
    state = last.read_bytes()
    require(said(lambda: evonas.resume(ground.half, Listener())), resumed)
    if resumed:
        assert last.read_bytes() == state
        require(said(lambda: train(ground.half, ground.data)), resumed)
    else:
        assert checkpoint.load(last).epoch == 2

    out = ground.finished / "export"
    require(said(lambda: evonas.export(ground.finished, ["genotype"], observer=Listener())), evaluated)
    assert out.exists() == (not evaluated)  # what is refused writes nothing
    asked = said(lambda: evonas.export(ground.finished, ["genotype"], observer=Listener(), other_data=True))
    require(asked, "" if other else ".")
    if other:
        facts, card = json.loads((out / "genotype.json").read_text()), (out / "README.md").read_text()
        assert facts["class_names"] == list(CLASSES)
        assert ("the test images are not those of the training" in card) == bool(evaluated)


def test_there_are_twenty_ways() -> None:
    assert len(WAYS) >= 20


def test_a_folder_that_was_moved_is_the_same_data(ground: Ground) -> None:
    moved = ground.data.rename(ground.data.with_name("elsewhere"))
    with pytest.raises(UsageError, match="does not exist; if it was moved, add --dataset"):
        evonas.evaluate(ground.finished, FAST)
    place = f"folder:{moved}"
    found = evonas.evaluate(ground.finished, replace(FAST, dataset=place))
    assert found.facts["data"]["status"] == "same"
    assert all(finding.passed for finding in evonas.verify(ground.finished, sample=1, dataset=place).findings)
    evonas.resume(ground.half, Listener(), dataset=place)
    last = checkpoint.load(ground.half / "train" / "last.safetensors")
    assert last.epoch == 2 and last.settings.dataset == place
    with pytest.raises(UsageError, match="--dataset cannot change"):
        evonas.resume(ground.half, Listener(), dataset="digits")
    with pytest.raises(EvonasError, match=LISTS[:20]):
        evonas.evaluate(ground.finished, replace(FAST, dataset="digits"))


def test_an_evaluation_on_other_data_says_so_everywhere(ground: Ground) -> None:
    move(ground.data, "train/cat/0.png", "test/cat/7.png")
    found = evonas.evaluate(ground.finished, replace(FAST, other_data=True), Listener())
    words = "evaluated on other data than the test images of the training (10 images, 9 at the training: 1 new, 0 "
    words += "missing; 1 of them are images that the network was trained on)"
    stored = json.loads((ground.finished / "evaluation.json").read_text())
    assert found.as_json()["data"] == stored["data"] and stored["data"]["changes"] in words
    (row,) = evonas.compare([ground.finished])
    assert words in row.protocol and words in row.training
    with pytest.raises(EvonasError, match="add --other-data"):
        evonas.export(ground.finished, ["genotype"], observer=Listener())
    exported = evonas.export(ground.finished, ["genotype"], observer=Listener(), other_data=True)
    card = exported.card.read_text()
    assert words[1:] in card and "data: 3 classes (cat, dog, fox), 18 training images" in card
    assert all(f.passed for f in evonas.verify(ground.finished, sample=1).findings if f.part == "evaluation")


def test_the_same_name_with_other_images_is_not_ranked_together(ground: Ground) -> None:
    other = ground.finished.with_name("other")
    shutil.copytree(ground.finished, other)
    another_data_set(ground.data)
    evonas.evaluate(other, replace(FAST, other_data=True), Listener())
    with pytest.raises(UsageError, match=r"different test images of folder:data \(.*\). .* add --other-data"):
        evonas.compare([ground.finished, other])
    one, two = evonas.compare([ground.finished, other], other_data=True)
    assert one.group != two.group and one.conditions.data != two.conditions.data


def test_other_classes_or_labels_of_one_data_set_are_not_compared(ground: Ground) -> None:
    """Also not with --other-data: their rows would look alike and mean different things."""
    other = ground.finished.with_name("other")
    shutil.copytree(ground.finished, other)
    stored = json.loads((other / "evaluation.json").read_text())

    def change(**data: object) -> None:
        content = {**stored, "data": {**stored["data"], **data}}
        (other / "evaluation.json").write_text(json.dumps(content))

    assert len({row.group for row in evonas.compare([ground.finished, other])}) == 1
    digest = "0" * 64
    for changed, message in (
        ({"classes": ["cat", "fox", "dog"]}, "different classes: cat, dog, fox; and cat, fox, dog"),
        ({"test": {**stored["data"]["test"], "labels": digest}}, "the same images .* with different labels"),
    ):
        change(**changed)
        for allowed in (False, True):
            with pytest.raises(UsageError, match=message):
                evonas.compare([ground.finished, other], other_data=allowed)


def test_a_network_whose_data_are_elsewhere_is_exported_and_the_card_says_so(ground: Ground) -> None:
    ground.data.rename(ground.data.with_name("elsewhere"))
    exported = evonas.export(ground.finished, ["genotype"], observer=Listener())
    (note,) = exported.notes
    assert note.startswith("classes and images were not compared with those of the training: ")
    assert note in exported.card.read_text()


def test_a_checkpoint_without_the_identity_of_its_data_is_evaluated_with_one_warning(ground: Ground) -> None:
    for name in ("best", "last"):
        path = ground.half / "train" / f"{name}.safetensors"
        found = checkpoint.load(path)
        checkpoint.write(path, found.settings, found.epoch, found.facts, found.tensors)
    heard = Heard()
    result = evonas.evaluate(ground.half, FAST, heard)
    assert [
        line for line in heard.warnings if "does not record the data of its training" in line
    ] == heard.warnings
    assert len(heard.warnings) == 1 and result.facts["data"]["status"] == UNCHECKED
    both(lambda split: swap(split / "cat", split / "dog"))(ground.data)
    assert len(evonas.evaluate(ground.half, FAST, heard).facts["data"]["classes"]) == 3  # nothing to compare with
    heard = Heard()
    evonas.resume(ground.half, heard)
    assert len(heard.warnings) == 1 and "older version" in heard.warnings[0]


def test_a_checkpoint_carries_the_identity_and_the_images(ground: Ground) -> None:
    found = checkpoint.load(ground.best)
    assert found.data is not None and found.data.identity.classes == CLASSES
    assert (found.data.identity.train.count, found.data.identity.test.count) == (18, 9)
    assert checkpoint.header_of(ground.best).data == found.data.identity
    assert DataIdentity.from_json(json.loads(json.dumps(found.data.identity.as_json()))) == found.data.identity
    result = json.loads((ground.finished / "train" / "result.json").read_text())
    assert result["data"] == found.data.identity.as_json()
    assert not any(name.startswith("data.") for name in found.tensors)
    checkpoint.write(ground.best, found.settings, found.epoch, found.facts, found.tensors, data=found.data)
    again = checkpoint.load(ground.best).data
    assert again is not None and again.identity == found.data.identity and set(again.images) == {"train", "test"}


def damage(values: dict[str, object], **changes: object) -> dict[str, object]:
    return {**values, **changes}


@pytest.mark.parametrize(
    "change",
    [
        {"classes": "cat"},
        {"classes": ["cat", 1, None]},
        {"classes": ["cat", "dog"]},
        {"image_size": "8"},
        {"train": None},
        {"test": []},
        {"test": {"count": -1, "images": "", "labels": "", "order": ""}},
        {"train": {"count": 18, "images": "0" * 64, "labels": "0" * 64, "order": "0" * 64}},
    ],
    ids=str,
)
def test_a_damaged_identity_is_one_message(change: dict[str, object], ground: Ground) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(ground.best, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata["data"] = json.dumps(damage(json.loads(metadata["data"]), **change))
    save_file(tensors, ground.best, metadata)
    with pytest.raises(EvonasError, match="damaged"):
        checkpoint.load(ground.best)


def test_an_identity_without_single_images_still_tells_labels_from_images(ground: Ground) -> None:
    """As an exported network has it, which does not tell what it was trained on."""
    found = checkpoint.load(ground.best)
    assert found.data is not None
    known = replace(found, data=KnownData(found.data.identity, {}))
    assert images_for(known, None).data.status == "same"
    swap(*files(ground.data, "test", "cat/0.png", "dog/0.png"))
    with pytest.raises(EvonasError, match=r"some of the test images .* other labels"):
        images_for(known, None, other_data=True)
    pixel(ground.data / "test" / "cat" / "0.png")
    with pytest.raises(EvonasError, match=r"not those of the training .*: 9 images, 9 at the training\. To"):
        images_for(known, None)


def test_a_long_list_of_classes_is_shortened_around_the_difference() -> None:
    from evonas.training.data_identity import require_classes

    there, here = [f"c{i}" for i in range(100)], [f"c{i}" for i in range(100)]
    here[57] = "x" * 100 + "\x1b[2J"
    with pytest.raises(
        EvonasError, match=r"c7 and 92 more\. .*; class 57 is c57 there and x{37}\.\.\. here"
    ) as refused:
        require_classes(there, here, "best", "folder:x")
    assert len(str(refused.value)) < 500 and "\x1b" not in str(refused.value)


def test_duplicates_with_two_labels_are_the_same_data(tmp_path: Path) -> None:
    from evonas.training.data_check import require_test
    from evonas.training.known_images import KnownImages

    images = torch.zeros((4, 3, 8, 8), dtype=torch.uint8)
    images[2:] = 7
    one = KnownImages.of(images, torch.tensor([0, 1, 0, 0]))
    other = KnownImages.of(images, torch.tensor([0, 0, 0, 0]))
    known = KnownData(DataIdentity(("a", "b"), 8, one.identity, one.identity), {"train": one, "test": one})
    assert require_test(known, ("a", "b"), one, "best", "here").status == "same"
    with pytest.raises(EvonasError, match="other labels"):
        require_test(known, ("a", "b"), other, "best", "here", other_data=True)


@pytest.fixture
def undivided(tmp_path: Path) -> Path:
    """A folder without train and test: which image is for testing depends on the names of class and file."""
    seed = 0
    for name in CLASSES:
        (tmp_path / "all" / name).mkdir(parents=True)
        for i in range(8):
            save(tmp_path / "all" / name / f"{i}.png", seed)
            seed += 1
    return tmp_path / "all"


def test_swapped_classes_of_an_undivided_folder_are_not_taken_for_other_data(undivided: Path) -> None:
    run = undivided.with_name("run")
    train(run, undivided)
    swap(undivided / "cat", undivided / "dog")
    for other in (False, True):
        with pytest.raises(EvonasError, match=r"test images .* have other labels"):
            evonas.evaluate(run, replace(FAST, other_data=other))


def test_finalists_compete_on_the_same_data_only(undivided: Path) -> None:
    """The results of earlier rounds are not ranked with those of other images."""
    run = undivided.with_name("run")
    plan = FinalPlan(overrides={"epochs": 2, "batch_size": 4}, finalists=2, checks=0)
    settings = evonas.SearchSettings(
        proxy="params",
        generations=0,
        population=3,
        dataset=f"folder:{undivided}",
        channels=2,
        layers=1,
        image_size=8,
    )
    heard = Half()
    with pytest.raises(Interrupted):
        evonas.search(settings, run, heard, final=plan)
    assert list((run / "finalists").glob("*/last.safetensors"))
    move(undivided, "cat/0.png", "dog/9.png")
    with pytest.raises(EvonasError, match=r"images of .* (have other labels|are not those of the training)"):
        evonas.resume(run, Listener())


def test_finalists_do_not_compete_again_on_a_folder_that_was_moved(undivided: Path) -> None:
    run = undivided.with_name("run")
    plan = FinalPlan(overrides={"epochs": 2, "batch_size": 4}, finalists=2, images=2, checks=0)
    options = {"space": "nasbench201", "proxy": "params", "channels": 2, "layers": 1, "image_size": 8}
    settings = evonas.SearchSettings(generations=0, population=3, dataset=f"folder:{undivided}", **options)
    trained: list[str] = []

    def watch(event: evonas.Event) -> None:
        if isinstance(event, evonas.TrainingStarted):
            trained.append(event.path.name)
            if event.path == run / "train" and len(trained) <= 3:
                raise KeyboardInterrupt

    with pytest.raises((Interrupted, KeyboardInterrupt)):
        evonas.search(settings, run, watch, final=plan)
    assert len(trained) >= 3 and trained[-1] == "train"
    trained[:] = ["four", "places", "before", "these"]
    moved = undivided.rename(undivided.with_name("moved"))
    evonas.resume(run, watch, dataset=f"folder:{moved}")
    assert trained[4:] == ["train"]
    assert all(finding.passed for finding in evonas.verify(run, 1, dataset=f"folder:{moved}").findings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: (data / "cat").rename(data / "kitten"), LISTS + "dog, fox, kitten"),
        (
            lambda data: save(data / "cat" / "9.png", 900),
            r"differ .* scored with \(\d+ training images, \d+ before\)",
        ),
        (lambda data: swap(data / "cat", data / "dog"), r"differ from those that .* was scored with\."),
    ],
    ids=["renamed", "added", "swapped"],
)
def test_a_search_is_resumed_on_the_same_images(
    change: Callable[[Path], object], message: str, undivided: Path
) -> None:
    run = undivided.with_name("run")
    settings = evonas.SearchSettings(
        proxy="snip",
        generations=0,
        population=2,
        dataset=f"folder:{undivided}",
        channels=2,
        layers=1,
        image_size=8,
    )
    evonas.search(settings, run, Listener())
    moved = undivided.rename(undivided.with_name("moved"))
    result = evonas.resume(run, Listener(), dataset=f"folder:{moved}", generations=1)
    assert result.path == run
    moved.rename(undivided)
    assert evonas.summarise(run).settings.dataset == f"folder:{undivided}"  # which the seals contain
    change(undivided)
    for work in (
        lambda: evonas.resume(run, Listener(), generations=2),
        lambda: evonas.score(["DARTS_V2"], run=run),
    ):
        with pytest.raises(EvonasError, match=message):
            work()
