"""The layers a tape knows: how each is computed and how it is undone.

A rule takes the tape, the module and its input, and notes its step on the tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness.reverse import depthwise
from fitness.reverse.depthwise import Geometry, interleaved, planes
from fitness.reverse.values import Joined, Shifted, Term, Value, common
from spaces.skeleton.blocks import Shift, StridedPointwise

if TYPE_CHECKING:
    from fitness.reverse.tape import Tape

_aten = torch.ops.aten


def known(network: nn.Module) -> bool:
    """Whether every layer of ``network`` has a rule: no BatchNorm, no bias but the classifier's."""
    return all(_has_rule(module) for module in network.modules() if not any(module.children()))


def _has_rule(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        zeros = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return module.bias is None and zeros and (module.groups == 1 or depthwise.geometry(module) is not None)
    if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        plain = not module.ceil_mode and getattr(module, "dilation", 1) == 1
        return plain and (module.kernel_size, module.padding) == (3, 1) and isinstance(module.stride, int)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return module.output_size in (1, (1, 1))
    return type(module) in RULES or isinstance(module, nn.ModuleList)


def convolution(tape: Tape, module: nn.Conv2d, x: Any) -> Any:
    """A 1x1 convolution is put off until it is added; `dense` and `depthwise_convolution` are carried out."""
    if module.kernel_size == (1, 1) and module.groups == 1 and module.padding == (0, 0):
        if module.stride == (2, 2):
            x = every_other(tape, x)
        if module.stride in ((1, 1), (2, 2)):
            return pointwise(tape, module, x)
    by = depthwise.geometry(module)
    return (
        dense(tape, module, tape.whole(x))
        if by is None
        else depthwise_convolution(tape, module, tape.whole(x), by)
    )


def pointwise(tape: Tape, module: nn.Conv2d, x: Any) -> Any:
    """Of a concatenation, the sum over its parts; of anything else, a term that waits for its sum."""
    if not isinstance(x, Joined):
        return Term(tape.whole(x), module)
    terms, begin = [], 0
    for part in x.parts:
        end = begin + part.x.shape[-1]
        terms.append(Term(part, module, slice(begin, end)))
        begin = end
    return tape.sum(terms)


def depthwise_convolution(tape: Tape, module: nn.Conv2d, x: Value, by: Geometry) -> Value:
    """Dilated at stride 2 it sees every other pixel only, and is undilated among these."""
    if by.stride == by.dilation == 2:
        x, by = every_other(tape, x), Geometry(by.kernel, 1, 1)
    filters, flipped = tape.weights.filters(module)
    x.fresh = False
    y = depthwise.convolve(x.x, filters, by)

    def undo(g: Tensor, owned: bool) -> None:
        torch.sum(depthwise.gradient_of_filters(g, x.x, filters, by), 0, out=tape.weights.gradient(module))
        x.give(depthwise.gradient_of_images(g, x.x, filters, flipped, by), True)

    return tape.step(Value(y, x.exponent, x.nonnegative and tape.positive), undo)


def dense(tape: Tape, module: nn.Conv2d, x: Value) -> Value:
    """Any other convolution: the stem's, which sees the images."""
    inputs = x.x.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)  # (N, C, H, W)
    weight = tape.weights.of(module).contiguous(memory_format=torch.channels_last)
    assert not isinstance(module.padding, str)
    shape = (module.stride, module.padding, module.dilation)
    y = torch.conv2d(inputs, weight, None, *shape).permute(2, 3, 0, 1).contiguous()
    images = x.wanted

    def undo(g: Tensor, owned: bool) -> None:
        g = g.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)
        mask = [images, True, False]
        gx, gw, _ = _aten.convolution_backward.default(g, inputs, weight, None, *shape, False, [0, 0], 1, mask)
        tape.weights.gradient(module).copy_(gw)
        if images:
            x.give(gx.permute(2, 3, 0, 1).contiguous(), True)

    return tape.step(Value(y, x.exponent, x.nonnegative and tape.positive), undo)


def linear(tape: Tape, module: nn.Linear, x: Any) -> Value:
    """Parts (N, C_i) -> (N, K) in float64; the bias, |b| as all parameters, sets the least scale."""
    parts = x.parts if isinstance(x, Joined) else [tape.whole(x)]
    exponent, factors = common(parts, 0)
    inputs = torch.cat([part.x.double() * factor for part, factor in zip(parts, factors, strict=True)], 1)
    weight = tape.weights.of(module).double()
    bias = None if module.bias is None else module.bias.detach().double().abs() * 2.0**-exponent

    def undo(g: Tensor, owned: bool) -> None:
        tape.weights.gradient(module).copy_(g.t() @ inputs)
        pieces = (g @ weight).split([part.x.shape[1] for part in parts], 1)
        for part, factor, piece in zip(parts, factors, pieces, strict=True):
            part.give(piece * factor, True)

    return tape.step(Value(F.linear(inputs, weight, bias), exponent), undo)


def relu(tape: Tape, module: nn.Module, x: Any) -> Any:
    """Computed once for all edges that ask for it."""
    if isinstance(x, Joined):
        return Joined([relu(tape, module, part) for part in x.parts])
    x = tape.whole(x)
    if x.nonnegative and tape.positive:
        return x
    if x.rectified is not None:
        return x.rectified
    y = x.x.relu_() if x.fresh else x.x.relu()
    output = x.rectified = Value(y, x.exponent, True)
    x.fresh = output.fresh = False

    def undo(g: Tensor, owned: bool) -> None:
        x.rectified = None
        if owned:
            x.give(_aten.threshold_backward.grad_input(g, y, 0, grad_input=g), True)
        else:
            x.give(_aten.threshold_backward.default(g, y, 0), True)

    return tape.step(output, undo)


def shift(tape: Tape, module: nn.Module, x: Any) -> Shifted:
    """Put off until the convolution at stride 2 that follows."""
    return Shifted(x.parts if isinstance(x, Joined) else [tape.whole(x)])


def every_other(tape: Tape, x: Any) -> Any:
    """Every other pixel of both directions, ceil(size / 2) of them; zeros where a shift has left the image."""
    if isinstance(x, Shifted):
        return Joined([_pixels(tape, part, 1) for part in x.parts])
    if isinstance(x, Joined):
        return Joined([_pixels(tape, part, 0) for part in x.parts])
    return _pixels(tape, tape.whole(x), 0)


def _pixels(tape: Tape, x: Value, first: int) -> Value:
    height, width = x.x.shape[0], x.x.shape[1]
    chosen = (slice(first, None, 2), slice(first, None, 2))
    y = F.pad(x.x[chosen], (0, 0, 0, 0, 0, first * (width % 2), 0, first * (height % 2))).contiguous()
    x.fresh = False

    def undo(g: Tensor, owned: bool) -> None:
        into = x.own_gradient()[chosen]
        into.add_(g[: into.shape[0], : into.shape[1]])

    return tape.step(Value(y, x.exponent, x.nonnegative), undo)


def max_pool(tape: Tape, module: nn.MaxPool2d, x: Any) -> Value:
    """3x3, padded by one."""
    x = tape.whole(x)
    shape, inputs, n = ([3, 3], [module.stride] * 2, [1, 1]), planes(x.x), x.x.shape[2]
    y, indices = _aten.max_pool2d_with_indices.default(inputs, *shape)
    x.fresh = False

    def undo(g: Tensor, owned: bool) -> None:
        backward = _aten.max_pool2d_with_indices_backward.default
        x.give(interleaved(backward(planes(g), inputs, *shape, [1, 1], False, indices), n), True)

    return tape.step(Value(interleaved(y, n), x.exponent, x.nonnegative), undo)


def average_pool(tape: Tape, module: nn.AvgPool2d, x: Any) -> Value:
    """3x3, padded by one."""
    x = tape.whole(x)
    shape = ([3, 3], [module.stride] * 2, [1, 1], False, module.count_include_pad)
    inputs, n = planes(x.x), x.x.shape[2]
    x.fresh = False

    def undo(g: Tensor, owned: bool) -> None:
        x.give(interleaved(_aten.avg_pool2d_backward.default(planes(g), inputs, *shape, None), n), True)

    return tape.step(
        Value(interleaved(_aten.avg_pool2d.default(inputs, *shape), n), x.exponent, x.nonnegative), undo
    )


def global_pool(tape: Tape, module: nn.Module, x: Any) -> Any:
    """(H, W, N, C) -> (N, C), part by part, in float64: the softmax magnifies what is rounded off from here on."""
    if isinstance(x, Joined):
        return Joined([global_pool(tape, module, part) for part in x.parts])
    x = tape.whole(x)
    pixels = x.x.shape[0] * x.x.shape[1]

    def undo(g: Tensor, owned: bool) -> None:
        x.give((g / pixels).to(x.x.dtype).expand(x.x.shape).contiguous(), True)

    return tape.step(Value(x.x.mean((0, 1), dtype=torch.float64), x.exponent, x.nonnegative), undo)


def nothing(tape: Tape, module: nn.Module, x: Any) -> Any:
    """The identity; what `global_pool` gives needs no flattening either."""
    return x


RULES: dict[type[nn.Module], Callable[..., Any]] = {
    nn.AdaptiveAvgPool2d: global_pool,
    nn.AvgPool2d: average_pool,
    nn.Conv2d: convolution,
    nn.Flatten: nothing,
    nn.Identity: nothing,
    nn.Linear: linear,
    nn.MaxPool2d: max_pool,
    nn.ReLU: relu,
    Shift: shift,
    StridedPointwise: convolution,
}
