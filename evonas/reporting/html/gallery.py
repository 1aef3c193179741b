"""A few test images: clean, attacked and corrupted, with the predictions of the network."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from evonas.evaluation.result import Evaluation
from evonas.reporting.facts import TrainingFacts
from spaces.errors import EvonasError
from spaces.size import MAX_CIFAR_SIDE

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 5  # images
BUILT_IN = ("fgsm", "pgd")
CORRUPTIONS = ("gaussian_noise", "motion_blur", "fog", "jpeg_compression")  # one of each group
SEVERITY = 3
PERTURBATION = "perturbation"


def gallery(facts: TrainingFacts) -> str:
    """Images of the evaluation, one of each class in turn, with the same perturbations."""
    if facts.evaluation is None:
        return ""
    try:
        rows, note = _rows(facts, facts.evaluation)
    except EvonasError as error:
        rows, note = "", f"Images are not available: {error}"
    return f'<figure class="broad"><h3>Images</h3>{rows}<p class="note">{escape(note)}</p></figure>'


def _rows(facts: TrainingFacts, found: Evaluation) -> tuple[str, str]:
    import torch

    from evonas.core.devices import pick
    from evonas.data import source
    from evonas.evaluation.attacks import AttackOptions, attacks
    from evonas.evaluation.attacks.draws import Draws
    from evonas.evaluation.corrupted import corrupted
    from evonas.evaluation.target import BEST, draw
    from evonas.training import checkpoint
    from evonas.training.held_out import images_for

    protocol, device = found.protocol, pick(facts.device)
    seed = protocol.seed or 0
    kept = checkpoint.load(facts.path / BEST)
    trained = kept.settings
    dataset = facts.dataset or found.dataset or trained.dataset
    data = (dataset, facts.data_dir or trained.data_dir, trained.image_size)
    missing = source(*data).missing()
    if missing:  # a report must not download anything
        raise EvonasError(f"{missing}; set the directory with --data-dir")
    everything, evaluated_on = images_for(kept, facts.data_dir, dataset, other_data=True)
    if found.data is not None and found.data["test"] != evaluated_on.test:
        raise EvonasError("the test images have changed since the evaluation")
    drawn = draw(protocol.drawn, len(everything), seed)
    places = in_turn(everything.labels[drawn].tolist(), SHOWN)
    chosen = drawn[places]
    images, labels = everything.images[chosen], everything.labels[chosen]
    names = evaluated_on.classes
    model = kept.model(device).to(memory_format=torch.channels_last)
    pixels = (images.to(device).float() / 255).contiguous(memory_format=torch.channels_last)
    columns: list[tuple[str, Tensor, Tensor | None]] = [("clean", pixels, None)]
    draws, gain = Draws(seed, tuple(places)), 1.0
    for name, one in found.headline.items():
        if name in BUILT_IN:
            options = AttackOptions(one.steps or 20, one.step_size, one.restarts or 1, 1)
            moved = attacks[name].from_options(options)(model, pixels, labels.to(device), one.epsilon, draws)
            columns.append((f"{name} {one.epsilon:g}/255", moved, None))
            gain = 127.5 / one.epsilon if one.epsilon else 1.0
            columns.append((PERTURBATION, 0.5 + (moved - pixels) * 255 * gain / 255, moved))
    measured, remark = found.corruptions, ""
    if measured is not None:
        origin = corrupted(*data[:2], everything.labels, seed, everything.side)
        if measured.source != origin.source:
            remark = f" Corrupted images here are {origin.source}, those of the evaluation {measured.source}."
        for name in CORRUPTIONS:
            disturbed = origin.images(name, SEVERITY, chosen, images)
            columns.append((f"{name.replace('_', ' ')} {SEVERITY}", disturbed.to(device).float() / 255, None))
    with torch.no_grad():
        said = [None if moved is not None else model(shown).softmax(1).cpu() for _, shown, moved in columns]
    rows = []
    for i, label in enumerate(labels.tolist()):
        cells = [
            _cell(title, shown[i], None if answer is None else answer[i], label, names)
            for (title, shown, _), answer in zip(columns, said, strict=True)
        ]
        rows.append(f'<div class="strip">{"".join(cells)}</div>')
    note = (
        f"{len(chosen)} images of the evaluation, one of each class in turn, each with the predicted class and "
        f"its probability. Perturbations are magnified {gain:.0f} times around grey.{remark}"
    )
    return "".join(rows), note


def in_turn(labels: Sequence[int], count: int) -> list[int]:
    """The positions of ``count`` labels, in order: the first of each class, then the second of each, and so on."""
    seen: Counter[int] = Counter()
    turns = []
    for place, label in enumerate(labels):
        turns.append((seen[label], place))
        seen[label] += 1
    return sorted(place for _, place in sorted(turns)[:count])


def _cell(title: str, image: Tensor, answer: Tensor | None, label: int, names: tuple[str, ...]) -> str:
    style = ' class="photograph"' if image.shape[-1] > MAX_CIFAR_SIDE else ""
    picture = f'<img{style} src="{_data_url(image)}" alt="{escape(title)}">'
    if answer is None:
        return f'<div class="shot faint"><span>{escape(title)}</span>{picture}<em>&nbsp;</em></div>'
    place = int(answer.argmax())
    kind = "right" if place == label else "wrong"
    words = f"{names[place]} {100 * float(answer[place]):.0f} %"
    return (
        f'<div class="shot {kind}"><span>{escape(title)}</span>{picture}'
        f'<em title="{escape(names[label])} is correct">{escape(words)}</em></div>'
    )


def _data_url(image: Tensor) -> str:
    """float (3, H, W) in [0, 1] as a data URL: PNG, or JPEG above 64 pixels, where PNG would take megabytes."""
    from PIL import Image

    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    stream = io.BytesIO()
    if image.shape[-1] > MAX_CIFAR_SIDE:
        Image.fromarray(pixels).save(stream, "JPEG", quality=90, subsampling=0)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
