"""The functions of the public API; each loads what it needs when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evonas.config import SearchSettings
from evonas.final.evaluation.settings import EvaluateSettings
from evonas.notices import heard_by_observer
from spaces.errors import UsageError

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray
    from torch import Tensor

    from evonas.engine import Engine
    from evonas.exporting.export import Export
    from evonas.final.comparison import ComparedRow
    from evonas.final.evaluation.result import Evaluation
    from evonas.final.plan import FinalPlan
    from evonas.final.training import Trained
    from evonas.observer import Observer
    from evonas.scoring import ScoreRow
    from evonas.searching.loop import SearchResult
    from evonas.speed import Measurement
    from evonas.summary import Summary
    from evonas.tables import Correlation
    from evonas.training_summary import TrainingSummary
    from evonas.verification.finding import Verification

    Images = TypeVar("Images", Tensor, NDArray[uint8])


@heard_by_observer
def search(
    settings: SearchSettings | None = None,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    final: FinalPlan | None = None,
) -> SearchResult:
    """Start a search and store it in the directory ``run`` (default ``runs/<date>-...``).

    With ``final`` the best genotype is trained and evaluated afterwards; the result then has ``trained``.
    Raises `EvonasError` with one message, `Interrupted` after SIGINT or SIGTERM.
    """
    from evonas import pipeline
    from evonas.observer import Unwatched

    return pipeline.search(settings or SearchSettings(), run, observer or Unwatched(), engine, final)


@heard_by_observer
def resume(
    run: str | Path, observer: Observer | None = None, engine: Engine | None = None, **options: Any
) -> SearchResult | Trained:
    """Resume an interrupted run, or extend a finished search to a larger total of ``generations``.

    Raises `UsageError` if the settings differ from those of the run.
    """
    from evonas import pipeline
    from evonas.observer import Unwatched

    return pipeline.resume(run, observer or Unwatched(), engine, **options)


def score(
    genotypes: Sequence[str],
    proxies: Sequence[str] | None = None,
    settings: SearchSettings | None = None,
    run: str | Path | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> list[ScoreRow]:
    """Score genotypes or published architectures with ``settings`` (default proxy: croze).

    With ``run`` they are scored with the settings of that search, by default with its proxy; a composite uses the
    statistics of its first population. ``options`` may then name the settings that a resume may change.
    Raises `UsageError` for a malformed genotype and for a composite without statistics.
    """
    from evonas import scoring

    if run is None:
        return scoring.score(genotypes, proxies, settings or SearchSettings(**options), observer)
    if settings is not None:
        raise UsageError("a run has its own settings: pass settings or run, not both")
    return scoring.score_as(run, genotypes, proxies, options)


@heard_by_observer
def train(target: str, run: str | Path | None = None, observer: Observer | None = None, **options: Any) -> Trained:
    """Train a genotype, a published architecture by name, or the best genotype of the run directory ``target``.

    ``options`` are fields of `TrainSettings`, such as ``recipe``, ``overrides={"epochs": 10}``, ``dataset``,
    ``channels``, ``layers``. Repeat the call to continue. Raises `EvonasError` with one message.
    """
    from evonas.final import stage

    return stage.train(target, run, observer, **options)


def training_result(trained: Trained) -> dict[str, float]:
    """``accuracy`` and ``n`` on the test set, which is used once, at the end of a training."""
    from evonas.final import stage

    return stage.result_of(trained.directory.parent)["test"]


def correlate(
    table: str | Path,
    proxies: Sequence[str] = ("croze", "params"),
    settings: SearchSettings | None = None,
    **options: Any,
) -> Correlation:
    """Rank correlations of proxies with the accuracies of trained networks in a CSV file.

    Options: ``sample``, ``all_ids``, ``half``, ``target_names``, ``grouping``, ``scores``, ``engine``,
    ``pair``, ``observer``, ``announce``; see `evonas.correlation.correlate`. Raises `UsageError` naming the line
    of a table that is wrong.
    """
    from evonas import correlation

    return correlation.correlate(table, proxies, settings or SearchSettings(space="nasbench201"), **options)


@heard_by_observer
def evaluate(
    target: str | Path, settings: EvaluateSettings | None = None, observer: Observer | None = None
) -> Evaluation:
    """Evaluate the trained network of a run, or a checkpoint; the result is saved next to it as evaluation.json.

    An interrupted evaluation continues where it stopped. Raises `EvonasError` with one message.
    """
    from evonas.final.evaluation.evaluate import evaluate
    from evonas.final.evaluation.target import locate
    from evonas.lock import held
    from evonas.observer import Unwatched

    place = locate(Path(target))
    whole_run = held(place.result.parent) if place.is_run else nullcontext()  # no training replaces it meanwhile
    with whole_run:
        return evaluate(Path(target), settings or EvaluateSettings(), observer or Unwatched())


def compare(targets: Sequence[str | Path]) -> list[ComparedRow]:
    """Compare evaluated runs and checkpoints with each other and with published results on their data sets.

    Raises `UsageError` for one that was not evaluated.
    """
    from evonas.final import comparison

    return comparison.compare([Path(target) for target in targets])


def export(
    target: str | Path,
    formats: Sequence[str] | None = None,
    out: str | Path | None = None,
    observer: Observer | None = None,
) -> Export:
    """Export the trained network of a run, or a checkpoint, together with a model card.

    ``formats`` are names of `evonas list formats`, by default all whose packages are installed; ``out`` is a
    directory, by default ``export`` in the run. Raises `EvonasError` for a file that differs from the network.
    """
    from evonas.exporting.export import export

    return export(Path(target), formats, None if out is None else Path(out), observer)


def plot(run: str | Path, what: str = "history", format: str | None = None, out: str | Path | None = None) -> Path:
    """Draw the history, cells, pareto, corruptions or epsilon figure of a run; returns its path.

    Raises `UsageError` for a run without the data of the figure.
    """
    from evonas.reporting import plots

    return plots.plot(run, what, format, out)


def report(
    run: str | Path,
    out: str | Path | None = None,
    *,
    device: str = "auto",
    data_dir: str | None = None,
    dataset: str | None = None,
) -> Path:
    """Write one self-contained HTML page of a run, by default report.html in it; returns its path.

    The example images are attacked again on ``device``; ``dataset`` says where a folder of them was moved to.
    Raises `EvonasError` with one message.
    """
    from evonas.reporting.html.page import write_report

    return write_report(run, out, device, data_dir, dataset)


def verify(
    run: str | Path, sample: int | None = None, observer: Observer | None = None, **options: Any
) -> Verification:
    """Check whether the results of a run can be reproduced; ``sample`` scores (default 10) are recomputed.

    Options: ``seed`` of the sample, ``device``, ``data_dir``, ``dataset``. The run is not changed.
    """
    from evonas.verification.verify import SAMPLE, verify

    return verify(Path(run), SAMPLE if sample is None else sample, observer=observer, **options)


def summarise(run: str | Path) -> Summary | TrainingSummary:
    """Summarise a run directory, even while another process works on it."""
    from evonas import summary

    return summary.summarise(run)


def bench(settings: SearchSettings | None = None, **options: Any) -> Measurement:
    """Architectures and images per second on this machine, next to its limits.

    Options: ``engines``, ``networks``, ``workers``, ``ray_address``, ``architectures``, ``rounds``,
    ``train_batch``, ``announce``; see `evonas.speed.measure`.
    """
    from evonas.speed import measure

    return measure(settings or SearchSettings(), **options)


def corrupt(
    images: Images, name: str, severity: int, seed: int = 0, positions: Sequence[int] | Tensor | None = None
) -> Images:
    """Images, tensor or NumPy array uint8 (N, 3, H, W), under a corruption of CIFAR-10-C at severity 1 to 5.

    The random numbers of image i depend only on seed, name, severity and positions[i] (by default i), so a data
    set can be corrupted in parts. `evonas list corruptions` names them.
    Raises `UsageError` that says what is allowed.
    """
    from evonas.final import corruptions

    return corruptions.corrupt(images, name, severity, seed, positions)
