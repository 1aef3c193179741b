"""Checkpoints in safetensors: weights and metadata in one file, written atomically."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.atomic_files import UNTOUCHED, replace
from evonas.core.strict_json import parse_json
from evonas.training import exported
from evonas.training.data_identity import DataIdentity, identity_of
from evonas.training.known_images import PREFIX, KnownData
from evonas.training.settings import OF_NETWORK, TrainSettings
from spaces import spaces
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.training.model import Classifier

FORMAT = "evonas checkpoint 1"
MODEL = "model."  # prefix of the weights and buffers of the classifier
AUXILIARY = MODEL + "network.auxiliary_head."  # prefix of the training state
_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32"}
MAX_HEADER_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Checkpoint:
    """A trained network at the end of an epoch."""

    path: Path
    settings: TrainSettings
    epoch: int  # finished
    facts: dict[str, Any]  # accuracies, versions and the state that a training continues from
    tensors: dict[str, Tensor]  # by name; those of the classifier begin with `MODEL`
    data: KnownData | None = None  # the data of the training; None in files of older versions

    @property
    def genotype(self) -> str:
        """As it was trained."""
        return self.settings.genotype

    def model(self, device: str = "cpu") -> Classifier:
        """The classifier with its weights, in eval mode. Raises `EvonasError` if they do not fit the genotype."""
        self._require_room()
        classifier = self.settings.build()
        weights = {
            name.removeprefix(MODEL): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(MODEL) and not name.startswith(AUXILIARY)
        }
        try:
            classifier.load_state_dict(weights)
        except (RuntimeError, TypeError, AttributeError) as error:
            first = " ".join(str(error).split("\n")[1:2]).strip()
            raise EvonasError(f"{self.path} does not hold the network of its genotype: {first}") from None
        return classifier.to(device).eval()

    def _require_room(self) -> None:
        """Refuses settings of a network larger than the file, before memory is allocated for it."""
        space, settings = spaces[self.settings.space], self.settings
        if any(getattr(settings, name) is None for name in OF_NETWORK):
            raise EvonasError(f"{self.path} lacks the size of its network")
        if len(settings.mean) != 3 or len(settings.std) != 3:
            raise EvonasError(f"{self.path} lacks the normalisation of its images")
        claimed = space.params(space.parse(settings.genotype), settings.size)
        held = sum(tensor.numel() for name, tensor in self.tensors.items() if name.startswith(MODEL))
        if claimed > held:
            raise EvonasError(
                f"{self.path} does not hold the network of its genotype: {held} numbers are there, "
                f"its network has {claimed} parameters"
            )


def write(
    path: Path,
    settings: TrainSettings,
    epoch: int,
    facts: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    advice: str = UNTOUCHED,
    data: KnownData | None = None,
) -> None:
    """Replace ``path`` atomically and sync it; tensors of any shape.

    Raises `EvonasError` with ``advice`` on failure.
    """
    from safetensors.torch import save

    from fitness.transfer import downloaded

    metadata = {
        "format": FORMAT,
        "settings": json.dumps(settings.as_dict()),
        "epoch": str(epoch),
        "facts": json.dumps(facts),
    }
    if data is not None:
        metadata["data"] = json.dumps(data.identity.as_json())
        tensors = {**tensors, **data.tensors()}
    content = save(downloaded(tensors), metadata)
    replace(path, content, advice)


def load(path: Path) -> Checkpoint:
    """The checkpoint at ``path``. Raises `EvonasError` with one message if the file is not a checkpoint."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UsageError(f"{path} is not a checkpoint: no such file")
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if exported.FACTS in metadata:
                facts = parse_json(metadata[exported.FACTS])
                named = exported.to_classifier({name: file.get_tensor(name) for name in list(file.keys())})
                held = {MODEL + name: tensor for name, tensor in named.items()}
                identity = exported.identity_from(facts)
                known = None if identity is None else KnownData(identity, {})
                return Checkpoint(path, exported.settings_from(facts), exported.epoch_of(facts), {}, held, known)
            if metadata.get("format") != FORMAT:
                raise EvonasError(
                    f"{path} is not an evonas checkpoint (its header says {metadata.get('format')!r})"
                )
            settings = TrainSettings.from_dict(parse_json(metadata["settings"]))
            facts, epoch = parse_json(metadata["facts"]), int(metadata["epoch"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        data = _data(metadata, settings, tensors)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise EvonasError(
            f"{path} is damaged or not a safetensors file ({' '.join(str(error).split())}); it was not changed"
        ) from None
    of_network = {name: tensor for name, tensor in tensors.items() if not name.startswith(PREFIX)}
    return Checkpoint(path, settings, epoch, facts, of_network, data)


def _data(metadata: Mapping[str, Any], settings: TrainSettings, tensors: Mapping[str, Tensor]) -> KnownData | None:
    """The data of the training. Raises `ValueError` if header and tensors do not fit."""
    identity = _identity(metadata, settings)
    return None if identity is None else KnownData.from_tensors(identity, tensors)


def _identity(metadata: Mapping[str, Any], settings: TrainSettings) -> DataIdentity | None:
    identity = identity_of({"data": parse_json(metadata["data"])} if "data" in metadata else {})
    if identity is not None and len(identity.classes) != settings.classes:
        raise ValueError(f"it names {len(identity.classes)} classes, its network has {settings.classes}")
    return identity


@dataclass(frozen=True)
class Header:
    """The header of a checkpoint."""

    settings: TrainSettings
    data: DataIdentity | None  # None in files of older versions


def header_of(path: Path) -> Header:
    """Settings and data of a training from the header of a checkpoint or of exported weights.

    Raises `EvonasError` for any other file.
    """
    try:
        size = _check_header(path)
        with path.open("rb") as file:
            metadata = json.loads(file.read(8 + size)[8:]).get("__metadata__", {})
        if exported.FACTS in metadata:
            facts = parse_json(metadata[exported.FACTS])
            return Header(exported.settings_from(facts), exported.identity_from(facts))
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its header says {metadata.get('format')!r}")
        settings = TrainSettings.from_dict(json.loads(metadata["settings"]))
        return Header(settings, _identity(metadata, settings))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvonasError(f"{path} is damaged or not an evonas checkpoint ({error}); it was not changed") from None


def weights_digest(path: Path) -> str:
    """The `tensors_digest` of the classifier in a checkpoint, computed without PyTorch.

    SHA-256 of names, types, shapes and values in the order of names. Raises `EvonasError` for a damaged file.
    """
    found = hashlib.sha256()
    try:
        size = 8 + _check_header(path)
        with path.open("rb") as file:
            header = json.loads(file.read(size)[8:])
            for name, entry in sorted(_of_classifier(header).items()):
                kind, shape = _TYPES[entry["dtype"]], tuple(entry["shape"])
                begin, end = entry["data_offsets"]
                found.update(f"{name} torch.{kind} {shape} ".encode())
                file.seek(size + begin)
                found.update(file.read(end - begin))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvonasError(f"{path} is damaged or not an evonas checkpoint ({error}); it was not changed") from None
    return found.hexdigest()


def _of_classifier(header: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of the tensors of the classifier, by their names in it."""
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if exported.FACTS in header.get("__metadata__", {}):
        shapes = {name: exported.classifier_shape(name, tuple(entry["shape"])) for name, entry in entries.items()}
        return {
            exported.classifier_name(name): {**entry, "shape": shapes[name]} for name, entry in entries.items()
        }
    names = [name for name in entries if name.startswith(MODEL) and not name.startswith(AUXILIARY)]
    return {name.removeprefix(MODEL): entries[name] for name in names}


def _check_header(path: Path) -> int:
    """The length of the header; refuses files that are not safetensors before memory is allocated."""
    with path.open("rb") as file:
        first = file.read(9)
    size = int.from_bytes(first[:8], "little")
    if len(first) < 9 or first[8:9] != b"{" or size > min(MAX_HEADER_BYTES, path.stat().st_size - 8):
        kind = (
            "a pickle, which evonas never loads"
            if first[:1] == b"\x80" or first[:2] == b"PK"
            else "no safetensors header"
        )
        raise ValueError(kind)
    return size
