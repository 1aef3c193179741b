"""An ensemble of multilayer perceptrons, trained together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Training:
    """The networks of an ensemble and how they are trained; the defaults are those of BANANAS."""

    networks: int = 5
    layers: int = 10
    width: int = 20
    epochs: int = 150
    batch: int = 32
    rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99


class Ensemble:
    """K perceptrons with ReLU that minimise the mean absolute error with Adam, with their own weights and batches.

    Weights are drawn as Glorot and Bengio 2010 (uniform), biases are 0. Targets are standardised.
    """

    def __init__(self, training: Training, rng: Generator) -> None:
        self.training, self.rng = training, rng
        self.mean, self.scale = 0.0, 1.0
        self.weights: list[np.ndarray] = []  # (K, in, out)
        self.biases: list[np.ndarray] = []  # (K, 1, out)

    def fit(self, codes: np.ndarray, values: np.ndarray) -> Ensemble:
        """Train on ``codes`` (N, D) and ``values`` (N,)."""
        setting, (count, width) = self.training, codes.shape
        self.mean, self.scale = float(values.mean()), float(values.std()) or 1.0
        codes = np.asarray(codes, dtype=np.float64)
        targets = (values - self.mean) / self.scale
        shapes = list(
            zip([width, *[setting.width] * setting.layers], [*[setting.width] * setting.layers, 1], strict=True)
        )
        sizes = [setting.networks * (i + 1) * o for i, o in shapes]
        flat = np.zeros(sum(sizes))
        gradient, first, second = (np.zeros_like(flat) for _ in range(3))
        self.weights, self.biases = _views(flat, shapes, setting.networks)
        by_weight, by_bias = _views(gradient, shapes, setting.networks)
        for weight, (inputs, outputs) in zip(self.weights, shapes, strict=True):
            limit = np.sqrt(6 / (inputs + outputs))
            weight[...] = self.rng.uniform(-limit, limit, weight.shape)
        step = 0
        for _ in range(setting.epochs):
            order = np.stack([self.rng.permutation(count) for _ in range(setting.networks)])  # (K, N)
            for start in range(0, count, setting.batch):
                chosen = order[:, start : start + setting.batch]
                self._backward(codes[chosen], targets[chosen], by_weight, by_bias)
                step += 1
                first += (1 - setting.beta1) * (gradient - first)
                second += (1 - setting.beta2) * (gradient * gradient - second)
                root = np.sqrt(second / (1 - setting.beta2**step)) + 1e-8
                flat -= setting.rate / (1 - setting.beta1**step) * first / root
        return self

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """The predictions of the K networks, (N, D) to (K, N)."""
        codes = np.asarray(codes, dtype=np.float64)
        hidden = np.broadcast_to(codes, (self.training.networks, *codes.shape))
        return self.mean + self.scale * self._forward(hidden)[-1][:, :, 0]

    def _forward(self, inputs: np.ndarray) -> list[np.ndarray]:
        states = [inputs]  # (K, N, width)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state = states[-1] @ weight + bias
            states.append(np.maximum(state, 0) if layer < len(self.weights) - 1 else state)
        return states

    def _backward(
        self, inputs: np.ndarray, targets: np.ndarray, by_weight: list[np.ndarray], by_bias: list[np.ndarray]
    ) -> None:
        """Write the gradient of the mean absolute error of a batch, (K, N, D) and (K, N)."""
        states = self._forward(inputs)
        delta = np.sign(states[-1] - targets[:, :, None]) / inputs.shape[1]  # (K, N, 1)
        for layer in reversed(range(len(self.weights))):
            by_weight[layer][...] = states[layer].transpose(0, 2, 1) @ delta
            by_bias[layer][...] = delta.sum(axis=1, keepdims=True)
            if layer:
                delta = (delta @ self.weights[layer].transpose(0, 2, 1)) * (states[layer] > 0)


def _views(
    flat: np.ndarray, shapes: list[tuple[int, int]], networks: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and biases of every layer as views of one vector."""
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    offset = 0
    for inputs, outputs in shapes:
        for rows, into in ((inputs, weights), (1, biases)):
            size = networks * rows * outputs
            into.append(flat[offset : offset + size].reshape(networks, rows, outputs))
            offset += size
    return weights, biases
