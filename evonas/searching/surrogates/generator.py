"""A variational autoencoder of encodings, with a predictor that shares its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 128  # of the hidden layers of encoder and decoder
DEPTH = 4  # hidden layers of the predictor, as wide as an encoding


@dataclass(frozen=True)
class Fitting:
    """How the autoencoder and the predictor are trained together."""

    latent: int = 32
    rate: float = 1e-3
    batch: int = 16
    alpha: float = 0.9  # share of the predictor's loss
    beta: float = 0.02  # weight of the divergence from the prior


class Generator:
    """An encoder q(z | x), a decoder p(x | z) of independent slots, and a predictor of values of encodings.

    The loss of an encoding x with value y is

        (1 - alpha) (BCE(decoder(z), x) + beta KL(q(z | x) || N(0, 1))) + alpha (predictor(x) - y)^2,

    z drawn from q(z | x). Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    """

    def __init__(self, size: int, fitting: Fitting, seed: int) -> None:
        self.size, self.fitting = size, fitting
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = nn.ModuleDict(
                {
                    "encoder": _mlp(size, WIDTH, 2 * fitting.latent),
                    "decoder": _mlp(fitting.latent, WIDTH, size),
                    "predictor": _mlp(size, *(size,) * DEPTH, 1),
                }
            )
        self.optimiser = torch.optim.Adam(self.networks.parameters(), lr=fitting.rate, foreach=False)

    def pretrain(self, codes: np.ndarray, epochs: int, seed: int) -> None:
        """Train encoder and decoder on encodings (N, d) without values."""
        data, generator = torch.from_numpy(np.asarray(codes, np.float32)), torch.Generator().manual_seed(seed)
        for _ in range(epochs):
            for chosen in torch.randperm(len(data), generator=generator).split(self.fitting.batch):
                self._step(self._reconstruction(data[chosen], generator))

    def fit(self, codes: np.ndarray, values: np.ndarray, weights: np.ndarray, epochs: int, seed: int) -> None:
        """Train all three on encodings (N, d) drawn by ``weights`` (N,), with standardised ``values`` (N,)."""
        generator, alpha = torch.Generator().manual_seed(seed), self.fitting.alpha
        data = torch.from_numpy(np.asarray(codes, np.float32))
        targets = torch.from_numpy(((values - values.mean()) / (values.std() or 1.0)).astype(np.float32))
        chance = torch.from_numpy(weights)
        for _ in range(epochs * -(-len(data) // self.fitting.batch)):
            chosen = torch.multinomial(chance, self.fitting.batch, replacement=True, generator=generator)
            x = data[chosen]
            loss = (self.networks["predictor"](x)[:, 0] - targets[chosen]).square().mean()
            self._step((1 - alpha) * self._reconstruction(x, generator) + alpha * loss)

    def draw(self, codes: np.ndarray, ascent: int, seed: int) -> Iterator[np.ndarray]:
        """Slot probabilities, (d,) each, decoded from latent codes that start near ``codes`` (N, d) or at random.

        ``ascent`` steps of Adam move every latent code to a larger prediction of its decoded slots.
        """
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            mean, log_variance = self._encoded(torch.from_numpy(np.asarray(codes, np.float32)))
            near = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)
        z = torch.cat([near, torch.randn(near.shape, generator=generator)]).requires_grad_()
        optimiser = torch.optim.Adam([z], lr=0.05, foreach=False)
        for _ in range(ascent):
            optimiser.zero_grad()
            (z.square().mean() * 0.01 - self.networks["predictor"](self._slots(z)).mean()).backward()
            optimiser.step()
        self.optimiser.zero_grad()
        with torch.no_grad():
            yield from self._slots(z).double().numpy()

    @torch.no_grad()
    def predict(self, codes: np.ndarray) -> np.ndarray:
        """The standardised values of encodings, (N, d) to (N,)."""
        return self.networks["predictor"](torch.from_numpy(np.asarray(codes, np.float32)))[:, 0].double().numpy()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Weights and moments by name."""
        found = {f"weight.{name}": value for name, value in self.networks.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            found |= {f"moment.{index}.{name}": value for name, value in moments.items()}
        return {name: value.detach().numpy().copy() for name, value in found.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        weights = {name[7:]: value for name, value in tensors.items() if name.startswith("weight.")}
        self.networks.load_state_dict(weights)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("moment."):
                _, index, moment = name.split(".")
                moments.setdefault(int(index), {})[moment] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})

    def _encoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.networks["encoder"](x).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def _slots(self, z: Tensor) -> Tensor:
        return self.networks["decoder"](z).sigmoid()

    def _reconstruction(self, x: Tensor, generator: torch.Generator) -> Tensor:
        mean, log_variance = self._encoded(x)
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)
        entropy = functional.binary_cross_entropy_with_logits(self.networks["decoder"](z), x.clamp(max=1))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return entropy + self.fitting.beta * divergence

    def _step(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


def _mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
