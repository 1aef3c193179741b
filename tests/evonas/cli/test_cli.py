"""The command line as a person or a script uses it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.cli.app import main
from evonas.cli.catalogue import KINDS, catalogue
from spaces import spaces
from spaces.darts import PUBLISHED
from spaces.nasbench201.genotype import EXAMPLE
from spaces.published import Published
from spaces.robnet import PUBLISHED as ROBNETS
from tests.conftest import REPOSITORY

UNQUOTED = re.compile(r"evonas [a-z]+( --run)? \{|evonas \{command\}")  # a command with a name from outside
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x1b]")


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in this process: what it prints, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["evonas", *arguments])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "run"
    evonas.search(SearchSettings(proxy="params", channels=2, layers=3, population=6, generations=3), path)
    return path


def test_score_prints_one_json_document_of_the_agreed_shape(tmp_path: Path) -> None:
    done = run("score", "DARTS_V2", "ADVRUSH", "--proxy", "params,flops", "--json", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    rows = json.loads(done.stdout)
    space = spaces["darts"]
    size = space.default_size()
    assert [row["params"] for row in rows] == [space.params(space.parse(n), size) for n in ("DARTS_V2", "ADVRUSH")]
    for row in rows:
        assert row["scores"] == {"params": row["params"], "flops": row["flops"]}
        assert row["genotype"].startswith("Genotype(normal=[") and row["seconds"] >= 0


def test_show_prints_one_json_document_of_the_agreed_shape(finished: Path) -> None:
    done = run("show", "run", "--json", cwd=finished.parent)
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert shown["run"] == "run" and shown["generation"] == 3 and shown["evaluations"] + shown["cache_hits"] == 15
    assert {"genotype", "score", "params", "flops"} <= shown["best"].keys()
    assert [row["generation"] for row in shown["history"]] == [0, 1, 2, 3]
    assert {"best", "mean", "std"} <= shown["history"][0].keys()


def table(path: Path, *more: str) -> Path:
    """Accuracies of 30 cells that grow with their size."""
    space, rng = spaces["nasbench201"], np.random.default_rng(0)
    cells = list(dict.fromkeys(space.random(rng) for _ in range(30)))
    rows = [f"{cell},{space.params(cell, space.default_size()) / 2e6:.4f}" for cell in cells]
    path.write_text("\n".join(["arch_str,clean", *rows, *more]) + "\n")
    return path


def test_correlate_prints_one_json_document_of_the_agreed_shape(tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    arguments = ["correlate", "t.csv", "--proxy", "params,live-size", "--json", "--plot", "heat.svg"]
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["target"] == ["clean"] and found["spearman"]["params"]["clean"] > 0.99
    assert found["kendall"].keys() == found["ci95"].keys() == {"params", "live-size"}
    assert (tmp_path / "heat.svg").stat().st_size > 1000 and (tmp_path / "runs" / "scores.db").is_file()
    human = run(
        "correlate", "t.csv", "--proxy", "params", "--scatter", "params:clean", "--plot", "s.png", cwd=tmp_path
    )
    assert human.returncode == 0 and "partial rank correlation" in human.stdout
    assert not CONTROL.search(human.stdout) and (tmp_path / "s.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scatter", "params:clean"], "--scatter needs --plot"),
        (["--scatter", "params", "--plot", "p.svg"], "PROXY:TARGET"),
        (["--scatter", "flops:clean", "--plot", "p.svg"], "no proxy 'flops'"),
        (["--scatter", "params:cleam", "--plot", "p.svg"], "no target 'cleam': did you mean clean"),
        (["--json", "--markdown"], "--json and --markdown"),
        (["--target", ","], "--target needs at least one name"),
        (["--target", ""], "--target needs at least one name"),
    ],
)
def test_correlate_refuses_what_it_cannot_show_before_it_scores(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    table(tmp_path / "t.csv")
    done = run("correlate", "t.csv", "--proxy", "params", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and expected in done.stderr, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("row", ["|none~0|,0.5", f"{EXAMPLE},much"])
def test_correlate_names_the_line_of_a_table_that_is_wrong(row: str, tmp_path: Path) -> None:
    lines = len(table(tmp_path / "t.csv").read_text().splitlines())
    table(tmp_path / "t.csv", row)
    done = run("correlate", "t.csv", "--proxy", "params", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert f"line {lines + 1}" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_piped_output_is_plain_lines_without_control_characters(tmp_path: Path) -> None:
    size = ["--channels", "2", "--layers", "3", "--population", "4", "--generations", "2"]
    done = run("search", "--proxy", "params", *size, "--no-final", "--run", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not CONTROL.search(done.stdout) and done.stdout.count("\ngeneration ") == 3
    assert re.search(r"^Genotype\(.*reduce_concat=\[2, 3, 4, 5\]\)$", done.stdout, re.MULTILINE)
    log = (tmp_path / "r" / "run.log").read_text()
    assert "generation 2: best" in log and not CONTROL.search(log)
    shown = run("show", "r", cwd=tmp_path)
    assert shown.returncode == 0 and not CONTROL.search(shown.stdout) and "normal cell" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["search", "--proxy", "crose"], 2, "did you mean croze"),
        (["search", "--space", "dartz"], 2, "did you mean darts"),
        (["search", "--population", "10", "--tournament", "30"], 2, "--tournament 30"),
        (["search", "--preset", "fast"], 2, "--preset"),
        (["search", "--dataset", "folder:nowhere"], 2, "not a directory"),
        (["search", "--run", "file", "--proxy", "params"], 2, "is a file"),
        (["score", "Genotype(normal=[('sep_conv_3x3', 0)])", "--proxy", "params"], 2, "lacks"),
        (["score", "__import__('os').system('touch hacked')", "--proxy", "params"], 2, "not a genotype"),
        (["score", "DARTS_V3", "--proxy", "params"], 2, "did you mean DARTS_V2"),
        (["score", "DARTS_V2", "--proxy", ","], 2, "at least one"),
        (
            ["score", "|nor_conv_3x3~0|", "--space", "nasbench201", "--proxy", "params"],
            2,
            "not a NAS-Bench-201 cell",
        ),
        (["resume", "nowhere"], 2, "is not a run"),
        (["show", "nowhere"], 2, "is not a run"),
        (["search", "--proxy", "croze,params"], 2, "join several with + into a composite: croze+params"),
        (["search", "--proxy", "croze*2+crose"], 2, "did you mean croze"),
        (["search", "--proxy", "croze+"], 2, "missing"),
        (["search", "--proxy", "croze*zero"], 2, "invalid weight"),
        (["score", "DARTS_V2", "--proxy", "croze+naswot"], 2, "--proxy croze,naswot"),
        (["score", "DARTS_V2", "--run", "nowhere"], 2, "is not a run"),
        (["score", "DARTS_V2", "--run", "run", "--layers", "4"], 2, "--layers 3"),
        (["list", "proxys"], 2, "did you mean proxies"),
        (["resume", "run", "--seed", "7"], 2, "--seed 0"),
        (["search", "--device", "cuda:99"], 1, "not available"),
        (["search", "--no-final", "--recipe", "fats"], 2, "did you mean fast"),
        (["search", "--no-final", "--set", "lr=-1"], 2, "lr"),
        (["search", "--no-final", "--finalists", "-1"], 2, "--finalists"),
        # of another space
        (["score", EXAMPLE, "--proxy", "params"], 2, "genotype of the space nasbench201: add --space nasbench201"),
        (["train", "RobNet_free"], 2, "genotype of the space robnet: add --space robnet"),
        (["train", "DARTS_V2", "--space", "robnet"], 2, "genotype of the space darts: add --space darts"),
        (["correlate", "cells.csv", "--space", "darts"], 2, "line 2: this is a genotype of the space"),
        (
            ["correlate", "cells.csv", "--space", "darts"],
            2,
            "genotype of the space nasbench201: add --space nasbench201",
        ),
        # and the command that comes next
        (["show", "runn"], 2, "did you mean run?"),
        (["show", "elsewhere"], 2, "(existing runs: run); start one with: evonas search --run elsewhere"),
        (["evaluate", "rum"], 2, "did you mean run?"),
        (["train", "./nowhere"], 2, "neither a run nor a genotype"),
        (["search", "--run", "run", "--proxy", "params"], 2, "resume it with: evonas resume run"),
        (["evaluate", "run"], 2, "train one with: evonas train run"),
        (["export", "run"], 2, "train one with: evonas train run"),
        (["compare", "run"], 2, "train one with: evonas train run"),
        (["plot", "run", "--what", "epsilon"], 2, "run first: evonas evaluate run"),
        (["search", "--dataset", "digits", "--batch-size", "9999"], 2, "1438 images"),
        (["score", "DARTS_V2", "--run", "run", "--proxy", "croze+naswot"], 2, "differs from the proxy of run"),
    ],
)
def test_wrong_input_is_one_message_and_a_code(
    arguments: list[str], code: int, expected: str, finished: Path
) -> None:
    (finished.parent / "file").touch()
    (finished.parent / "cells.csv").write_text(f"arch_str,clean\n{EXAMPLE},0.5\n")
    done = run(*arguments, cwd=finished.parent)
    assert done.returncode == code, done.stderr
    assert expected in done.stderr and done.stderr.startswith("error: ")
    assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1
    assert not (finished.parent / "hacked").exists()


def test_a_missing_data_set_without_network_is_one_message(tmp_path: Path) -> None:
    blocked = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = run("search", "--dataset", "cifar10", "--data-dir", "absent", cwd=tmp_path, no_proxy="", **blocked)
    assert done.returncode == 1
    assert "absent" in done.stderr and "cifar-10-batches-py" in done.stderr and "--dataset digits" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "runs").exists()


def test_a_command_that_needs_no_images_asks_for_none(tmp_path: Path) -> None:
    done = run(
        *(
            "search",
            "--proxy",
            "params",
            "--dataset",
            "cifar10",
            "--population",
            "4",
            "--generations",
            "1",
            "--no-final",
        ),
        cwd=tmp_path,
        EVONAS_DATA=str(tmp_path / "absent"),
    )
    assert done.returncode == 0, done.stderr


def test_a_composite_is_searched_shown_and_scored(tmp_path: Path) -> None:
    size = ["--channels", "2", "--layers", "3", "--population", "4", "--generations", "2"]
    done = run("search", "--proxy", "params*-1+flops", *size, "--no-final", "--run", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(run("show", "r", "--json", cwd=tmp_path).stdout)
    assert [member["name"] for member in shown["members"]] == ["params", "flops"]
    best = shown["best"]["genotype"]
    (row,) = json.loads(run("score", best, "--run", "r", "--json", cwd=tmp_path).stdout)
    assert row["scores"] == {"params*-1+flops": shown["best"]["score"]}
    table = run("score", best, "--run", "r", "--proxy", "params", cwd=tmp_path).stdout
    assert "params" in table and str(row["params"]) in table.splitlines()[1]


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"evonas {evonas.__version__}\n"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run("--debug", "show", "nowhere", cwd=tmp_path)


HELP = """
import sys
from evonas.cli.app import main
for command in {commands}:
    sys.argv = ["evonas", *command, "--help"]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, command
    heavy = {{"torch", "numpy", "deap", "sklearn"}} & set(sys.modules)
    assert not heavy, (command, heavy)
sys.stderr.write("light")
"""


def test_help_has_an_example_and_loads_no_heavy_package(tmp_path: Path) -> None:
    commands: list[list[str]] = [[], ["search"], ["resume"], ["score"], ["correlate"], ["show"], ["list"]]
    for command in commands:
        done = run(*command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert not command or f"evonas {command[0]}" in done.stdout.split("Example")[1]
    code = HELP.format(commands=commands)
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stderr == "light"


def test_list_knows_everything_that_has_a_name(tmp_path: Path) -> None:
    listed: dict[str, Any] = json.loads(run("list", "--json", cwd=tmp_path).stdout)
    assert tuple(listed) == KINDS and all(entry["about"] for entries in listed.values() for entry in entries)
    assert [entry["name"] for entry in listed["genotypes"]] == [*PUBLISHED, *ROBNETS]
    for entry in listed["genotypes"]:
        published = spaces[entry["space"]].published()[entry["name"]]
        assert (str(published.genotype), published.source) == (entry["genotype"], entry["source"])
    human = run("list", "proxies", cwd=tmp_path).stdout
    assert "formula: " in human and "croze-paper" in human


def test_list_shows_the_published_genotypes_of_every_space(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    space = spaces["nasbench201"]
    with pytest.raises(UsageError, match="the space nasbench201 has none"):
        space.named("Best")
    added = {"Best_cell": Published(space.parse(EXAMPLE), "Best (Somebody 2020)", "a paper, Table 1")}
    monkeypatch.setattr(type(space), "published", lambda self: added)
    listed = [entry for entry in catalogue(["genotypes"])["genotypes"] if entry["space"] == "nasbench201"]
    expected = {"name": "Best_cell", "about": "Best (Somebody 2020)", "source": "a paper, Table 1"}
    assert listed == [{**expected, "space": "nasbench201", "note": "", "genotype": EXAMPLE}]
    assert (
        "Best_cell  Best (Somebody 2020)\n    space: nasbench201\n    source: a p"
        in run("list", "genotypes", cwd=tmp_path).stdout
    )
    with pytest.raises(UsageError, match=r"unknown published genotype 'Best': did you mean Best_cell\?"):
        space.named("Best")


def test_commands_in_messages_can_be_pasted(finished: Path, tmp_path: Path) -> None:
    run_here = "my runs/a run"
    shutil.copytree(finished, tmp_path / run_here)
    for arguments, expected in [
        (["show", run_here], f"evonas train '{run_here}'"),
        (["evaluate", run_here], f"train one with: evonas train '{run_here}'"),
        (["search", "--proxy", "params", "--run", run_here], f"evonas resume '{run_here}'"),
        (
            ["show", "my runs/a rum"],
            "(did you mean my runs/a run?); start one with: evonas search --run 'my runs/a rum'",
        ),
    ]:
        done = run(*arguments, cwd=tmp_path)
        assert expected in done.stdout + done.stderr
    assert not [path for path in (REPOSITORY / "evonas").rglob("*.py") if UNQUOTED.search(path.read_text())]
