"""A trained network leaves in other formats, and each of them is that network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.exporting.export import TOLERANCE, Export
from evonas.exporting.formats import Format, formats
from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from tests.evonas.cli.test_cli import run
from tests.evonas.exporting.runs import LIGHT, trained_run, write_network

HERE = [name for name in formats if not formats[name].missing]
EVALUATION = {
    "clean": {"accuracy": 0.9, "n": 50, "ci95": [0.8, 0.95]},
    "epsilons": {"8": {"pgd": {"accuracy": 0.25, "n": 50, "ci95": [0.2, 0.4], "epsilon": 8.0, "steps": 20}}},
    "corruptions": {"source": "regenerated", "mean": 0.6, "table": {}},
    "hrs": {"pgd": 0.39},
    "checks": [{"name": "no gradient vanishes", "passed": False, "detail": ""}],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Every format whose packages are here."""
    path = trained_run(tmp_path_factory.mktemp("exported") / "run")
    (path / "evaluation.json").write_text(json.dumps(EVALUATION))
    return evonas.export(path)


@pytest.fixture
def images() -> Tensor:
    return torch.rand((5, 3, 32, 32), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def logits(exported: Export, images: Tensor) -> Tensor:
    with torch.no_grad():
        return checkpoint.load(exported.checkpoint).model()(images)


def test_every_format_is_written_and_the_same_network(exported: Export) -> None:
    assert [file.format for file in exported.files] == HERE
    assert set(exported.left_out) == set(formats) - set(HERE)
    directory = exported.checkpoint.parents[1] / "export"
    assert {path.name for path in directory.iterdir()} == {formats[name].file for name in HERE} | {"README.md"}
    for file in exported.files:
        assert set(file.difference) == {1, 7} and max(file.difference.values()) <= TOLERANCE
        assert file.path.stat().st_size == file.bytes > 0


def alone(code: str, cwd: Path) -> str:
    """What ``code`` prints in a process that cannot import this project."""
    guard = "import importlib.util as i; assert not any(map(i.find_spec, ('evonas', 'fitness', 'spaces')))\n"
    shield = f"import sys; sys.path = [p for p in sys.path if not p.startswith({str(Path.cwd())!r})]\n"
    shield += "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", shield + guard + code], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(name: str, code: str, exported: Export, images: Tensor, tmp_path: Path) -> Tensor:
    """The logits that ``code`` computes of ``images`` with the file of a format, in a process of its own."""
    if formats[name].missing:
        pytest.skip(formats[name].advice)
    shutil.copy(exported.card.parent / formats[name].file, tmp_path)
    (tmp_path / "images.json").write_text(json.dumps(images.tolist()))
    return torch.tensor(json.loads(alone(code, tmp_path)))


def blocks(exported: Export) -> list[str]:
    """The code of the card that needs no evonas."""
    found = re.findall(r"```python\n(.*?)```", exported.card.read_text(), re.DOTALL)
    return [block for block in found if "evonas" not in block]


def test_pt2_is_loaded_by_pytorch_alone_as_the_card_says(
    exported: Export, images: Tensor, logits: Tensor, tmp_path: Path
) -> None:
    (block,) = (block for block in blocks(exported) if "model.pt2" in block)
    code = (
        f"{block}\nassert logits.shape == (7, 10)\nimport json\n"
        "images = torch.tensor(json.load(open('images.json')))\n"
        "print(json.dumps(network(images).tolist()))"
    )
    assert torch.allclose(answer("pt2", code, exported, images, tmp_path), logits, rtol=0, atol=TOLERANCE)


def test_onnx_is_loaded_by_onnxruntime_alone_as_the_card_says(
    exported: Export, images: Tensor, logits: Tensor, tmp_path: Path
) -> None:
    if formats["onnx"].missing:
        pytest.skip(formats["onnx"].advice)
    (block,) = (block for block in blocks(exported) if "model.onnx" in block)
    code = (
        f"{block}\nassert logits.shape == (7, 10)\nimport json, sys\n"
        "images = numpy.array(json.load(open('images.json')), dtype=numpy.float32)\n"
        "assert session.get_inputs()[0].shape == ['batch', 3, 32, 32] and 'torch' not in sys.modules\n"
        "print(json.dumps(session.run(['logits'], {'images': images})[0].tolist()))"
    )
    assert torch.allclose(answer("onnx", code, exported, images, tmp_path), logits, rtol=0, atol=TOLERANCE)


def test_no_file_names_this_machine_or_holds_a_pickle(exported: Export) -> None:
    for file in exported.files:
        content = file.path.read_bytes()
        assert str(Path(evonas.__file__).parents[1]).encode() not in content and b"site-packages" not in content
        assert b"\x80\x02c" not in content and b"data.pkl" not in content


def test_safetensors_have_the_names_of_the_literature_and_the_facts(
    exported: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.loads((exported.card.parent / "genotype.json").read_text())
    (block,) = (block for block in blocks(exported) if "model.safetensors" in block)
    monkeypatch.chdir(exported.card.parent)
    exec(block, scope := {})
    assert scope["mean"].shape == scope["std"].shape == (3,) and "classifier.bias" in scope["tensors"]
    with safe_open(exported.card.parent / "model.safetensors", "pt") as file:
        names = set(file.keys())
        assert json.loads(file.metadata()["evonas"]) == facts
        assert file.get_tensor("mean").tolist() == pytest.approx(facts["mean"])
    assert {"stem.0.weight", "cells.0.preprocess0.op.1.weight", "classifier.bias", "mean", "std"} <= names
    assert facts["genotype"] == LIGHT and (facts["channels"], facts["layers"], facts["classes"]) == (4, 3, 10)
    assert facts["class_names"] == list("0123456789") and facts["image_size"] == 32


def test_the_card_says_what_was_measured(exported: Export) -> None:
    text = exported.card.read_text()
    for part in ("| clean | 90.00 % | 80.00 % to 95.00 % |", "pgd, epsilon 8/255, 20 steps | 25.00 %", LIGHT):
        assert part in text
    assert "60.00 %" in text and "no gradient vanishes" in text and "seed 0" in text and "torch" in text
    assert all(f"### {formats[name].file}" in text for name in HERE)
    assert "channels=4, layers=3, image_size=32)" in text


def test_an_export_of_a_checkpoint_without_evaluation(tmp_path: Path) -> None:
    result = evonas.export(write_network(tmp_path / "some.safetensors"), ["genotype"])
    assert result.card == tmp_path / "some.export" / "README.md" and "Not evaluated" in result.card.read_text()


class Wrong(Format):
    """Answers one percent too high, or nothing at all."""

    name, file = "wrong", "wrong.bin"

    def __init__(self, spoiled: Callable[[Tensor], Tensor]) -> None:
        self.spoiled = spoiled

    def encode(self, subject: object) -> bytes:
        return b"wrong"

    def decode(self, content: bytes, subject: evonas.exporting.subject.Subject) -> Callable[[Tensor], Tensor]:
        return lambda images: self.spoiled(subject.logits(images))

    def how_to_load(self, subject: object) -> str:
        return ""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Format], None]]:
    yield lambda one: monkeypatch.setitem(formats._entries, one.name, one)


@pytest.mark.parametrize("spoiled", [lambda x: 1.01 * x, lambda x: x * float("nan")], ids=["off", "nan"])
def test_a_file_that_is_another_network_is_not_written(
    spoiled: Callable[[Tensor], Tensor], registered: Callable[[Format], None], tmp_path: Path
) -> None:
    registered(Wrong(spoiled))
    with pytest.raises(EvonasError, match=r"wrong was not written: at batch size 1 .* more than 0\.0001"):
        evonas.export(write_network(tmp_path / "some.safetensors"), ["wrong"])
    assert list((tmp_path / "some.export").iterdir()) == []


def test_packages_that_are_missing_are_named(registered: Callable[[Format], None], tmp_path: Path) -> None:
    lacking = Wrong(lambda x: x)
    lacking.packages = ("no_such_package",)
    registered(lacking)
    path = write_network(tmp_path / "some.safetensors")
    with pytest.raises(EvonasError, match=r'wrong needs no_such_package: pip install "evonas\[export\]"'):
        evonas.export(path, ["wrong"])
    assert not (tmp_path / "some.export").exists()


def test_a_run_whose_winner_is_not_trained_names_the_command(tmp_path: Path) -> None:
    path = tmp_path / "run"
    evonas.search(SearchSettings(proxy="params", population=4, generations=0), path)
    with pytest.raises(UsageError, match=f"evonas train {path}"):
        evonas.export(path)
    write_network(path / "train" / "best.safetensors")
    with pytest.raises(UsageError, match=f"not finished; continue it with: evonas train {path}"):
        evonas.export(path)
    trained_run(path)
    with pytest.raises(UsageError, match=f"does not have the best genotype of .* evonas train {path}"):
        evonas.export(path)
    assert not (path / "export").exists()


def test_the_command(tmp_path: Path) -> None:
    trained_run(tmp_path / "run")
    done = run("export", "run", "--format", "genotype,safetensors", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [file["path"] for file in found["files"]] == [
        "run/export/genotype.json",
        "run/export/model.safetensors",
    ]
    wrong = run("export", "run", "--format", "onyx", cwd=tmp_path)
    assert wrong.returncode == 2 and "unknown format 'onyx': did you mean onnx?" in wrong.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "genotype", "layers"),
    [("darts", "DARTS_V2", 3), ("nasbench201", None, 2), ("robnet", None, 3)],
    ids=["darts", "nasbench201", "robnet"],
)
def test_every_space_is_exported(space: str, genotype: str | None, layers: int, tmp_path: Path) -> None:
    from numpy.random import default_rng

    from spaces import spaces

    text = genotype or str(spaces[space].random(default_rng(0)))
    result = evonas.export(trained_run(tmp_path / "run", text, space, layers))
    assert [file.format for file in result.files] == HERE


def test_an_export_remembers_the_stem(small: Callable[..., TrainSettings], tmp_path: Path) -> None:
    settings = small(side=66)
    assert settings.stem == "imagenet"
    model = settings.build()
    tensors = {f"{checkpoint.MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    checkpoint.write(tmp_path / "best.safetensors", settings, 1, {}, tensors)
    evonas.export(tmp_path / "best.safetensors", formats=("genotype", "safetensors"), out=tmp_path / "export")
    facts = json.loads((tmp_path / "export" / "genotype.json").read_text())
    assert facts["stem"] == "imagenet"
    assert "L=3, stem imagenet, space darts" in (tmp_path / "export" / "README.md").read_text()
    assert 'image_size=66, stem="imagenet")' in (tmp_path / "export" / "README.md").read_text()
    again = checkpoint.load(tmp_path / "export" / "model.safetensors")
    assert again.settings.size == settings.size
    images = torch.rand(1, 3, 66, 66)
    assert torch.equal(again.model()(images), model.eval()(images))
