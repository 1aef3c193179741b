"""What follows a search or a training: evaluate, compare, export, draw, verify; and `bench` and `corrupt`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from evonas.api.scratch import disk, in_run
from evonas.api.searching import announce_of, observer_of
from evonas.core import arguments
from evonas.core.events import Observer, heard_by_observer
from evonas.evaluation.settings import EvaluateSettings
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray
    from torch import Tensor

    from evonas.evaluation.comparison import ComparedRow
    from evonas.evaluation.result import Evaluation
    from evonas.exporting.export import Export
    from evonas.reporting.summary import Summary
    from evonas.reporting.training_summary import TrainingSummary
    from evonas.speed import Measurement
    from evonas.verification.finding import Verification

    Images = TypeVar("Images", Tensor, NDArray[uint8])


@heard_by_observer
def evaluate(
    target: str | Path,
    settings: EvaluateSettings | None = None,
    observer: Observer | None = None,
    *,
    per_image: str | Path | None = None,
    scratch: str | Path | None = None,
) -> Evaluation:
    """Evaluate the trained network of a run, or a checkpoint; the result is saved next to it as evaluation.json.

    ``per_image`` is a file, CSV or JSONL, that receives the predictions for each image. ``scratch`` is that of
    `search`, for runs only. An interrupted evaluation continues where it stopped. Raises `EvonasError` with one
    message.
    """
    from evonas.core.locks import held
    from evonas.evaluation.evaluate import evaluate
    from evonas.evaluation.target import locate

    settings = EvaluateSettings() if settings is None else settings
    chosen, path = arguments.instance(settings, EvaluateSettings, "settings"), arguments.path(target, "target")
    rows = None if per_image is None else arguments.path(per_image, "--per-image")
    place, local = locate(path), disk(scratch)
    if local is not None and not place.is_run:
        raise UsageError("only the evaluation of a run takes --scratch; leave it out for a checkpoint")

    def work(run: Path | None, hearing: Observer) -> Evaluation:
        assert run is not None
        with held(run) if place.is_run else nullcontext():  # no training replaces it meanwhile
            return evaluate(path if local is None else run, chosen, hearing, rows)

    return in_run(place.result.parent, local, observer_of(observer), work, advice="repeat the command")


def compare(targets: Iterable[str | Path] | str | Path, *, other_data: bool = False) -> list[ComparedRow]:
    """Compare evaluated runs and checkpoints with each other and with published results on their data sets.

    Raises `UsageError` for one that was not evaluated, and for two that were evaluated on other classes or labels
    of one data set or, without ``other_data``, on other images of it.
    """
    from evonas.evaluation import comparison

    paths = [arguments.path(target, "target") for target in arguments.items(targets, "targets")]
    return comparison.compare(paths, arguments.flag(other_data, "--other-data"))


def export(
    target: str | Path,
    formats: Iterable[str] | str | None = None,
    out: str | Path | None = None,
    observer: Observer | None = None,
    *,
    other_data: bool = False,
    pick: str | None = None,
    benchmarks: Iterable[str] | str = (),
) -> Export:
    """Export the trained network of a run, or a checkpoint, together with a model card.

    ``formats`` are names of `evonas list formats`, by default all whose packages are installed; ``out`` is a
    directory, by default ``export`` in the run. ``pick`` names another member of the front of a run than its
    headline, which must have been trained. ``benchmarks`` are texts DATASET:TASK=COLUMN, accuracies that are
    written as results of registered benchmarks of a hub. Raises `EvonasError` for a file that differs from the
    network, and if the data set, where it is present, has other classes or labels than at the training or, without
    ``other_data``, other test images.
    """
    from evonas.exporting.eval_results import Benchmark
    from evonas.exporting.export import export

    place = None if out is None else arguments.path(out, "--out")
    names = None if formats is None else arguments.texts(formats, "--format")
    flag = arguments.flag(other_data, "--other-data")
    member = None if pick is None else arguments.text(pick, "--pick")
    asked = [Benchmark.parse(text) for text in arguments.texts(benchmarks, "--benchmark")]
    return export(arguments.path(target, "target"), names, place, observer_of(observer), flag, member, asked)


def plot(run: str | Path, what: str = "history", format: str | None = None, out: str | Path | None = None) -> Path:
    """Draw the history, cells, pareto, front, corruptions or epsilon figure of a run; returns its path.

    Raises `UsageError` for a run without the data of the figure.
    """
    from evonas.reporting import plots

    place = None if out is None else arguments.path(out, "--out")
    ending = None if format is None else arguments.text(format, "--format")
    return plots.plot(arguments.path(run, "run"), arguments.text(what, "the name of a plot"), ending, place)


def report(
    run: str | Path,
    out: str | Path | None = None,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
    dataset: str | Path | None = None,
) -> Path:
    """Write one self-contained HTML page of a run, by default report.html in it; returns its path.

    The example images are attacked again on ``device``; ``dataset`` says where a folder of them was moved to.
    Raises `EvonasError` with one message.
    """
    from evonas.reporting.html.page import write_report

    place = None if out is None else arguments.path(out, "--out")
    folder = None if data_dir is None else arguments.text(data_dir, "--data-dir")
    images = None if dataset is None else arguments.text(dataset, "--dataset")
    return write_report(arguments.path(run, "run"), place, arguments.text(device, "--device"), folder, images)


def verify(
    run: str | Path,
    sample: int | None = None,
    observer: Observer | None = None,
    *,
    seed: int = 0,
    device: str | None = None,
    data_dir: str | Path | None = None,
    dataset: str | Path | None = None,
    proxy: str | None = None,
    objectives: str | None = None,
    constraints: Iterable[str] | str = (),
) -> Verification:
    """Check whether the results of a run can be reproduced; ``sample`` scores (default 10) are recomputed.

    ``seed`` draws them. ``dataset`` names the new place of a folder that was moved; ``proxy``, ``objectives`` and
    ``constraints`` are those of the search with the new places of tables. The run is not changed. Raises
    `UsageError` for a directory that is not a run.
    """
    from evonas.verification.verify import SAMPLE, verify

    return verify(
        arguments.path(run, "run"),
        SAMPLE if sample is None else arguments.integer(sample, "--sample", 1, 10**9),
        arguments.integer(seed, "--seed", 0, 2**63 - 1),
        None if device is None else arguments.text(device, "--device"),
        None if data_dir is None else arguments.text(data_dir, "--data-dir"),
        observer_of(observer),
        None if dataset is None else arguments.text(dataset, "--dataset"),
        proxy=None if proxy is None else arguments.text(proxy, "--proxy"),
        objectives=None if objectives is None else arguments.text(objectives, "--objectives"),
        constraints=arguments.texts(constraints, "--constraint") or None,
    )


def summarise(run: str | Path) -> Summary | TrainingSummary:
    """Summarise a run directory, even while another process works on it."""
    from evonas.reporting import summary

    return summary.summarise(arguments.path(run, "run"))


def methods(run: str | Path) -> str:
    """What was done in a run, in words with every setting and with citations in the syntax of pandoc."""
    from evonas.reporting.facts import gather
    from evonas.reporting.methods import methods

    return methods(gather(arguments.path(run, "run"), name="show"))


def cite(run: str | Path) -> str:
    """The BibTeX entries of evonas and of every published method that a run used."""
    from evonas.reporting.facts import gather
    from evonas.reporting.references import bibtex

    return bibtex(gather(arguments.path(run, "run"), name="show"))


def bench(
    settings: SearchSettings | None = None,
    *,
    engines: Iterable[str] | str = ("in-process", "processes"),
    networks: Iterable[int] | int | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    architectures: int | None = None,
    rounds: int = 3,
    train_batch: int | None = None,
    compile: bool | None = None,
    announce: Callable[[str], object] | None = None,
) -> Measurement:
    """Architectures and images per second on this machine, next to its limits.

    ``engines`` are names of `evonas list engines`, ``networks`` numbers of networks in one pass; ``train_batch`` 0
    leaves training out. See `evonas.speed.measure`. Raises `UsageError` for a number out of range.
    """
    from evonas.engine.base import unheard
    from evonas.engine.workers import check_count
    from evonas.speed import measure

    settings = SearchSettings() if settings is None else settings
    passes = None if networks is None else arguments.items(networks, "--batch-networks")
    return measure(
        arguments.instance(settings, SearchSettings, "settings"),
        engines=arguments.texts(engines, "--engine"),
        networks=None if passes is None else [arguments.integer(k, "--batch-networks", 1, 4096) for k in passes],
        workers=check_count(workers),
        ray_address=None if ray_address is None else arguments.text(ray_address, "--ray-address"),
        architectures=None
        if architectures is None
        else arguments.integer(architectures, "--architectures", 1, 10**6),
        rounds=arguments.integer(rounds, "--rounds", 1, 10**6),
        train_batch=None if train_batch is None else arguments.integer(train_batch, "--train-batch", 0, 65_536),
        compile=None if compile is None else arguments.flag(compile, "--compile"),
        announce=unheard if announce is None else announce_of(announce),
    )


def corrupt(
    images: Images, name: str, severity: int, seed: int = 0, positions: Sequence[int] | Tensor | None = None
) -> Images:
    """Images, tensor or NumPy array uint8 (N, 3, H, W), under a corruption of CIFAR-10-C at severity 1 to 5.

    Above 64 pixels along the shorter side the constants are those of ImageNet-C.
    The random numbers of image i depend only on seed, name, severity and positions[i] (by default i), so a data
    set can be corrupted in parts. `evonas list corruptions` names them.
    Raises `UsageError` that says what is allowed.
    """
    from evonas.evaluation import corruptions

    return corruptions.corrupt(images, name, severity, seed, positions)
