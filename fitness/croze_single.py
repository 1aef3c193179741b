"""The single terms of both CRoZe forms, and the printed form with other perturbations of the images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fitness.base import Task, stable_hash
from fitness.croze import EPSILON, released_layers
from fitness.croze_paper import printed_layers, terms_of
from fitness.registered import register

SOURCE = "Ha, Kim, Hwang 2023 (arXiv:2306.05031)"
VERSION = {"croze": 1, "croze-paper": 2}
MEANING = {"P": "parameters", "G": "gradients", "Z": "features"}


def _register_term(form: str, term: str) -> None:
    layers = {"croze": released_layers, "croze-paper": printed_layers}[form]

    def single(genotype: Any, task: Task) -> float:
        return sum(abs(getattr(layer, term)) for layer in layers(genotype, task))

    single.__doc__ = (
        f"""The consistency of {MEANING[term]} alone: the sum of {term}_m over the layers m of `{form}`."""
    )
    register(
        f"{form}:{term}",
        formula=f"sum over m of |{term}_m|",
        source=f"{SOURCE}, one term of {form}",
        cost=f"3 forwards, 3 backwards, shared with {form}",
        needs_images=True,
        version=VERSION[form],
    )(single)


for _form in ("croze", "croze-paper"):
    for _term in MEANING:
        _register_term(_form, _term)


def _with_images(genotype: Any, task: Task, x_prime: Tensor) -> float:
    """The printed score for given perturbed images."""
    return sum(Z * P * G for P, G, Z in terms_of(genotype, task, x_prime))


@register(
    "croze-paper[gaussian]",
    formula="croze-paper with x' = clamp(x + eps n), n standard normal",
    source=f"{SOURCE}, equations 3-10, input perturbation replaced",
    cost="2 forwards, 2 backwards, the first of each shared with croze-paper",
    needs_images=True,
    version=VERSION["croze-paper"],
)
def croze_paper_gaussian(genotype: Any, task: Task) -> float:
    """`croze-paper` whose images carry Gaussian noise instead of the FGSM step of equation 4.

        x' = clamp(x + eps n) to the normalised [0, 1] box,  n ~ N(0, 1) per value,  eps = 0.01

    The noise is drawn from hash(seed, batch size), the same for every genotype.
    """
    images, _ = task.images_and_labels()
    assert task.batch is not None
    generator = torch.Generator().manual_seed(stable_hash(task.seed, "gaussian", len(images)))
    noise = torch.randn(images.shape, generator=generator).to(images)
    low, high = (bound.to(images) for bound in (task.batch.low, task.batch.high))
    return _with_images(genotype, task, torch.clamp(images + EPSILON * noise, low, high))


@register(
    "croze-paper[none]",
    formula="croze-paper with x' = x",
    source=f"{SOURCE}, equations 3-10, no input perturbation",
    cost="2 forwards, 2 backwards, the first of each shared with croze-paper",
    needs_images=True,
    version=VERSION["croze-paper"],
)
def croze_paper_none(genotype: Any, task: Task) -> float:
    """`croze-paper` with the clean images in place of x': only the weights are perturbed."""
    images, _ = task.images_and_labels()
    return _with_images(genotype, task, images)
