"""``--log mlflow`` and ``--log wandb``: what a tracker is told, and that it can never stop a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Closed
from evonas.evaluation.events import EvaluationDone
from evonas.reporting import output
from evonas.reporting.trackers.base import Tracker
from evonas.reporting.trackers.mlflow import MLflow
from evonas.reporting.trackers.wandb import WandB
from evonas.training.events import EpochDone, TrainingStarted
from evonas.training.metrics import EpochRow
from evonas.training.settings import TrainSettings

SEARCH = SearchSettings(proxy="params", population=4, children=2, generations=2, channels=2, layers=3)
ROW = EpochRow(1, 0.1, float("nan"), 0.5, 0.6, None, 1.0)
ACCURACIES = {"clean": 0.9, "pgd@Linf.eps8": 0.25}


class Recorder(Tracker):
    """Keeps what it is told."""

    title = "recorder"

    def __init__(self) -> None:
        self.said: list[str] = []
        super().__init__("", self.said.append)
        self.runs: list[Path] = []
        self.settings: dict[str, Any] = {}
        self.numbers: list[tuple[str, float, int]] = []
        self.ended = 0

    def begin(self, run: Path) -> None:
        self.runs.append(run)

    def parameters(self, values: Mapping[str, Any]) -> None:
        self.settings |= values

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.numbers += [(name, value, step) for name, value in values.items()]

    def end(self) -> None:
        self.ended += 1


def all_stages(tracker: Tracker, run: Path, small: Callable[..., TrainSettings]) -> None:
    """A search, and the events of a training, of a retraining and of an evaluation."""
    evonas.search(SEARCH, run, tracker)
    for directory in ("train", "train/retrain-1"):
        tracker(TrainingStarted(run / directory, small(), [], 3))
        tracker(EpochDone(ROW))
        tracker(Closed())
    tracker(EvaluationDone(run / "evaluation.json", ACCURACIES, {"epsilons": [8.0], "steps": 20}))
    tracker(Closed())


def test_stages_of_a_run_are_one_run_with_settings_and_numbers(
    tmp_path: Path, small: Callable[..., TrainSettings]
) -> None:
    told = Recorder()
    all_stages(told, tmp_path / "run", small)
    assert told.runs == [tmp_path / "run"] and told.ended == 4 and told.said == []
    assert told.settings["search.population"] == 4 and told.settings["train.numbers.epochs"] == 2
    assert told.settings["evaluation.epsilons"] == "[8.0]" and "search.objectives" not in told.settings
    history = evonas.summarise(tmp_path / "run").history
    assert [(value, step) for name, value, step in told.numbers if name == "search/mean"] == [
        (row.mean, row.generation) for row in history
    ]
    assert ("train/validation", 0.6, 1) in told.numbers and ("train/retrain-1/validation", 0.6, 1) in told.numbers
    assert not any(name.endswith(("/loss", "/robust")) for name, _, _ in told.numbers)  # not finite, or missing
    assert ("evaluation/pgd@Linf.eps8", 0.25, 0) in told.numbers


@pytest.mark.parametrize("error", [OSError("disk full"), SystemExit(1), KeyError("\n x"), MemoryError()])
@pytest.mark.parametrize("method", ["begin", "parameters", "metrics", "end"])
def test_whatever_a_tracker_raises_is_one_warning(
    method: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, *arguments: object) -> None:
        raise error

    monkeypatch.setattr(Recorder, method, fail)
    told = Recorder()
    evonas.search(SEARCH, tmp_path / "run", told)
    told(Closed())
    (warning,) = told.said
    assert (
        warning.startswith("recorder cannot record: ") and "the run continues" in warning and "\n" not in warning
    )
    assert evonas.summarise(tmp_path / "run").generation == 2


def test_an_interruption_by_the_user_is_no_fault_of_the_tracker(tmp_path: Path) -> None:
    class Stopped(Recorder):
        def end(self) -> None:
            raise KeyboardInterrupt

    told = Stopped()
    told._run = tmp_path
    with pytest.raises(KeyboardInterrupt):
        told(Closed())


class Client:
    """A stand-in for the client of MLflow; a class, so that what it holds outlives a run."""

    runs: dict[str, Any]

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri

    def get_experiment_by_name(self, name: str) -> Any:
        return None if not self.runs else SimpleNamespace(experiment_id="1")

    def create_experiment(self, name: str) -> str:
        return "1"

    def create_run(self, experiment: str, tags: dict[str, str], run_name: str) -> Any:
        info = SimpleNamespace(run_id=f"r{len(self.runs)}")
        data = SimpleNamespace(params={}, metrics=[], tags=tags, status="RUNNING")
        self.runs[info.run_id] = SimpleNamespace(info=info, data=data)
        return self.runs[info.run_id]

    def search_runs(self, experiments: list[str], text: str, max_results: int) -> list[Any]:
        return [run for run in self.runs.values() if f"'{run.data.tags['evonas.run']}'" in text]

    def get_run(self, number: str) -> Any:
        return self.runs[number]

    def log_batch(self, number: str, metrics: Any = (), params: Any = ()) -> None:
        data = self.runs[number].data
        assert len(params) <= 100 and not {param.key for param in params} & data.params.keys()
        assert all(set(one.key) <= set("abcdefghijklmnopqrstuvwxyzL0123456789_.-/") for one in metrics)
        data.params |= {param.key: param.value for param in params}
        data.metrics += metrics

    def update_run(self, number: str, status: str) -> None:
        self.runs[number].data.status = status

    def set_terminated(self, number: str) -> None:
        self.runs[number].data.status = "FINISHED"


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    """MLflow's stand-in, in place of the package."""
    Client.runs = {}
    packages = {name: ModuleType(name) for name in ("mlflow", "mlflow.tracking", "mlflow.entities")}
    packages["mlflow.tracking"].MlflowClient = Client
    packages["mlflow.entities"].Param = lambda key, value: SimpleNamespace(key=key, value=value)
    packages["mlflow.entities"].Metric = lambda key, value, timestamp, step: SimpleNamespace(
        key=key, value=value, step=step
    )
    for name, module in packages.items():
        monkeypatch.setitem(sys.modules, name, module)
    return Client


def test_mlflow_has_one_run_also_after_a_resume(
    mlflow: type[Client], tmp_path: Path, small: Callable[..., TrainSettings]
) -> None:
    all_stages(MLflow(str(tmp_path / "store")), tmp_path / "run", small)
    evonas.resume(tmp_path / "run", MLflow(str(tmp_path / "store")), generations=3)
    (run,) = mlflow.runs.values()
    assert run.data.params["search.population"] == "4" and run.data.status == "FINISHED"
    assert [one.step for one in run.data.metrics if one.key == "search/best"] == [0, 1, 2, 3]
    assert any(one.key == "evaluation/pgd/Linf.eps8" and one.value == 0.25 for one in run.data.metrics)


def test_wandb_is_offline_and_its_steps_are_those_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Callable[..., TrainSettings]
) -> None:
    started, logged, config = [], [], {}
    tracked = SimpleNamespace(
        config=SimpleNamespace(update=lambda values, allow_val_change: config.update(values)),
        define_metric=lambda name, step_metric: logged.append({name: step_metric}),
        log=logged.append,
        finish=lambda: started.append("finished"),
    )
    package = ModuleType("wandb")
    package.init = lambda **options: started.append(options) or tracked
    package.Settings = lambda **options: options
    monkeypatch.setitem(sys.modules, "wandb", package)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr("atexit.register", lambda function: started.append(function))
    all_stages(WandB(str(tmp_path / "w")), tmp_path / "run", small)
    finish, options = started
    assert options["mode"] == "offline" and options["dir"] == str(tmp_path / "w") and len(options["id"]) == 16
    assert config["search.population"] == 4 and {"search/*": "search/step"} in logged
    assert [row["search/step"] for row in logged if "search/best" in row] == [0, 1, 2]
    assert {"evaluation/clean": 0.9, "evaluation/pgd@Linf.eps8": 0.25, "evaluation/step": 0} in logged
    finish()
    assert started[-1] == "finished"


def test_packages_are_imported_only_when_they_are_told_something(
    monkeypatch: pytest.MonkeyPatch, run_python: Callable[[str], str]
) -> None:
    code = "import sys; from evonas.reporting import output; output._logs(('jsonl', '/dev/null'))\n"
    assert run_python(code + "print({'mlflow', 'wandb'} & {*sys.modules})") == "set()"
    monkeypatch.setattr(output, "find_spec", lambda name: None)
    for name in ("mlflow", "wandb"):
        with pytest.raises(UsageError, match=rf'needs {name}: pip install "evonas\[{name}\]"'):
            output._logs((name, "place"))


def test_the_real_mlflow_keeps_what_it_is_told(tmp_path: Path, small: Callable[..., TrainSettings]) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    place = tmp_path / "store"
    said: list[str] = []
    all_stages(MLflow(str(place), said.append), tmp_path / "run", small)
    evonas.resume(tmp_path / "run", MLflow(str(place), said.append), generations=3)
    assert said == []
    client = tracking.MlflowClient(tracking_uri=place.as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("evonas").experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["search.population"] == "4"
    assert run.data.metrics["evaluation/pgd/Linf.eps8"] == 0.25
    assert [one.step for one in client.get_metric_history(run.info.run_id, "search/best")] == [0, 1, 2, 3]


def test_a_server_that_is_not_there_is_one_warning(tmp_path: Path) -> None:
    pytest.importorskip("mlflow.tracking")
    said: list[str] = []
    evonas.search(SEARCH, tmp_path / "run", MLflow("http://127.0.0.1:9", said.append))
    assert len(said) == 1 and evonas.summarise(tmp_path / "run").generation == 2


def test_the_real_wandb_writes_a_run_offline(tmp_path: Path, small: Callable[..., TrainSettings]) -> None:
    wandb = pytest.importorskip("wandb")
    said: list[str] = []
    tracker = WandB(str(tmp_path / "w"), said.append)
    all_stages(tracker, tmp_path / "run", small)
    tracker._finish()
    wandb.teardown()  # waits until its process has written everything
    assert said == []
    (file,) = (tmp_path / "w").glob("wandb/offline-run-*/*.wandb")
    content = file.read_bytes()
    for part in (b"evaluation/clean", b"search/best_so_far", b"search.population", b"train/validation"):
        assert part in content
