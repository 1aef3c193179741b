"""The memory of a pass of a population in closed form, and the available memory."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from fitness.population.kernels import side_after
from fitness.population.plan import PlacedCell, Plan
from fitness.population.waves import CONVOLUTIONS, Group

MEMORY = Path("/proc/meminfo")
WEIGHT_COPIES = 5  # as drawn, |W|, W', and two gradients; a third comes when outputs of stages have gone
SAID_BY_HOST = ("allocate memory", "could not create a primitive")  # by PyTorch and oneDNN
SAID_BY_CARD = (  # by CUDA and its libraries
    *("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
    "CUSOLVER_STATUS_ALLOC_FAILED",
)
SAID_OF_INDICES = (  # by kernels of CUDA, pools, cuBLAS, whose indices have 32 bits, whatever the memory holds
    *("canUse32BitIndexMath", "32-bit index", "smaller than int32_t max", "integer out of range"),
    "less than 2147483647",
)
FILTER_COPIES = 3  # of depthwise layers for each image: as they are, turned, and their gradients
INDEX = 8  # bytes of an index
FLOAT32 = 4  # bytes
SCRATCH = 4  # copies of what is compared, while cosines are taken


def needed(plan: Plan, images: int, itemsize: int, *, norm: bool, joint: bool = False) -> int:
    """Bytes at the peak of the largest pass with or without BatchNorm, for ``images`` a network.

    Without, that is `fitness.population.croze`, with it `fitness.population.first_order`: what a forward keeps
    for its backward, and without BatchNorm the outputs of all stages from the first pass, the weights and their
    gradients, and the largest that comes and goes while one cell runs. Memory inside single convolutions is not
    counted. ``joint`` is how a GPU runs its cells (`fitness.population.joint`).
    """
    weights = [rows * out * fan for rows, out, fan in (stack.shape for stack in plan.stacks)]
    filters = images * sum(weights[stack] for stack in _depthwise(plan)) * (FILTER_COPIES if joint else 1)
    stages = [len(stage.networks) * stage.channels * images * stage.side**2 for stage in plan.stages]
    kept, passing = _stem(plan, stages, images, norm)
    peak = kept + passing
    for i, cell in enumerate(plan.cells, plan.stems):
        if cell is None:
            continue
        inside, passing = _cell(cell, plan, images, itemsize, norm, joint)
        gradients = sum(stages[source.stage] for source in cell.inputs)
        peak = max(peak, kept + inside + passing + stages[i] + max(gradients, SCRATCH * stages[i]))
        kept += inside + stages[i]
    from_before = 0 if norm else sum(stages)
    return itemsize * (peak + from_before + filters + WEIGHT_COPIES * sum(weights) + SCRATCH * max(weights))


def _stem(plan: Plan, stages: list[int], images: int, norm: bool) -> tuple[int, int]:
    """Numbers that the stems keep, and the peak of temporary ones; ``stages`` are those of their outputs."""
    side = plan.size.image_size
    sides = [side] if plan.stems == 1 else [side := side_after(side, 2) for _ in plan.stem]
    columns = [  # that the kernel of each layer sees
        (place.rows.stop - place.rows.start) * plan.stacks[place.stack].fan * images * after**2
        for place, after in zip(plan.stem, sides, strict=True)
    ]
    if plan.stems == 1:  # the output before and after the ReLU, and BatchNorm
        return (3 if norm else 2) * stages[0] + columns[0], SCRATCH * stages[0]
    kept = plan.networks * plan.stacks[plan.stem[0].stack].out * images * sides[0] ** 2  # of the first convolution
    passing = kept + 2 * max(columns[norm:])
    kept += sum(stages[:2])
    pixels = images * math.prod(plan.size.image)
    if norm:  # the images are those of all networks
        return 2 * kept + columns[0] // plan.networks + pixels, max(SCRATCH * stages[0], passing)
    return kept + columns[0] + (2 * plan.networks + 1) * pixels, max(SCRATCH * stages[0], passing)  # and gradients


def drawn(plan: Plan) -> int:
    """Bytes of the weights of ``plan`` on the host, as they are drawn."""
    rows = sum(count * out * fan for count, out, fan in (stack.shape for stack in plan.stacks))
    return FLOAT32 * (rows + plan.networks * plan.size.classes)


def _depthwise(plan: Plan) -> set[int]:
    """Stacks of depthwise layers."""
    places = (cell.base.items() for cell in plan.cells if cell is not None)
    return {place.stack for of in places for role, place in of if role.startswith("depthwise")}


def _cell(cell: PlacedCell, plan: Plan, images: int, itemsize: int, norm: bool, joint: bool) -> tuple[int, int]:
    """Numbers that a cell keeps, and the peak of temporary ones."""
    waves = cell.waves
    before = cell.channels * images * cell.side_in**2  # one state at the inputs, and at the nodes
    after = cell.channels * images * cell.side**2
    kept = 0
    for source, networks in zip(cell.inputs, waves.inputs, strict=True):
        stage = plan.stages[source.stage]
        read = len(networks) * stage.channels * images * stage.side**2
        if source.halve:
            kept += read // 2
        elif source.rows is not None:
            kept += read
        if norm:
            kept += len(networks) * (before if waves.reduction else after)  # what BatchNorm read
    inputs = waves.input_rows * (before if waves.reduction else after)
    rows = [0, 0]  # of what joint cells gather: states at the nodes, and a reduction's inputs
    most = 0
    for wave in waves.waves:
        passing = 0
        for bundle in wave.bundles:
            state = before if bundle.stride == 2 else after
            for group in bundle.groups:
                edges = group.stop - group.start
                kept += edges * (_kept(group, state, after, itemsize, joint) + norm * _blocks(group) * after)
                passing = max(passing, edges * (state + 2 * after))
            rows[bundle.stride == 2] += len(bundle.sources)
        edges = len(wave.sources)
        most = max(
            most,
            SCRATCH * edges * after if joint else edges * after + max(passing, (wave.stop - wave.start) * after),
        )
    if joint:
        pool = (len(waves.networks) * waves.width + sum(rows)) * after + (
            rows[1] * before if waves.reduction else 0
        )
        return kept, inputs + pool + most
    return kept, inputs + (waves.nodes + 1) * after + most


def _kept(group: Group, state: int, after: int, itemsize: int, joint: bool) -> int:
    """Numbers that one edge keeps: what it read is ``state`` large, its output ``after``."""
    if group.operation in CONVOLUTIONS:
        return state + after * (2 * CONVOLUTIONS[group.operation].repeats - 1)
    if group.operation == "halve":
        return 2 * after + joint * state
    if group.operation == "max_pool_3x3":
        return state + after * INDEX // itemsize
    return state if joint and group.operation == "avg_pool_3x3" else 0


def _blocks(group: Group) -> int:
    """How many BatchNorms one edge has."""
    if group.operation in CONVOLUTIONS:
        return CONVOLUTIONS[group.operation].repeats
    return int(group.operation == "halve")


def budget(device: str, memory: float) -> int | None:
    """Bytes for a population: ``memory`` if it is above 1, else that fraction of the free memory.

    None for a fraction if the free memory is unknown.
    """
    if memory > 1:
        return int(memory)
    unused = free(device)
    return None if unused is None else int(memory * unused)


def free(device: str) -> int | None:
    """Free bytes on ``device``; None if unknown."""
    if device.startswith("cuda"):
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def is_exhaustion(error: BaseException) -> bool:
    """Whether ``error`` is an out-of-memory error of any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(text in str(error) for text in (*SAID_BY_HOST, *SAID_BY_CARD))


def is_exhaustion_of_card(error: BaseException) -> bool:
    """Whether ``error`` is an out-of-memory error of a GPU, not one of the host."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in SAID_BY_CARD)


def is_too_large(error: BaseException) -> bool:
    """Whether ``error`` says that a tensor has more entries than a kernel of CUDA can index."""
    return isinstance(error, RuntimeError) and any(text in str(error) for text in SAID_OF_INDICES)


def release(device: str) -> None:
    """Release cached memory of the allocator of ``device``."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
