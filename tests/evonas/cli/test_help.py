"""Help and completion: the examples are commands that are tested, and a shell is answered at once."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest
import typer

from evonas.cli import completion
from evonas.cli.app import app
from evonas.data import sources
from evonas.engine import engines
from evonas.evaluation.attacks import attacks
from evonas.exporting.formats import formats
from evonas.searching.algorithms import algorithms
from evonas.searching.objectives import fitness_kinds
from evonas.training.recipes import recipes
from fitness import proxies
from tests.evonas.cli.test_cli import run
from tests.test_readme import COMMANDS, ROOT

NAMES = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def complete(words: str, cwd: Path, shell: str = "bash") -> list[str]:
    """What the shell is told, through the protocol that typer and click have with it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "_EVONAS_COMPLETE": f"complete_{shell}"}
    environment |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    environment |= {"_TYPER_COMPLETE_ARGS": words}
    code = "import sys; sys.argv = ['evonas']; from evonas.cli.app import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("command", NAMES)
def test_the_example_of_every_help_is_a_command_that_the_readme_runs(command: str, tmp_path: Path) -> None:
    text = " ".join(
        re.sub("[\u2500-\u257f]", " ", run(command, "--help", cwd=tmp_path, COLUMNS="200").stdout).split()
    )
    assert text.count("Example:") == 1
    example = text.split("Example: ")[1]
    (found,) = [given for given in COMMANDS if example.startswith(f"{given} ")][-1:]
    assert found.startswith(f"evonas {command} ") or found == f"evonas {command}"


def test_a_shell_completes_runs_and_names(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "first" / "run.db").touch()
    (tmp_path / "elsewhere" / "third" / "train").mkdir(parents=True)
    (tmp_path / "elsewhere" / "third" / "train" / "settings.json").touch()
    expected = {
        "evonas show ": ["runs/first"],
        "evonas show elsewhere/": ["elsewhere/third"],
        "evonas show ./": ["./runs/first"],
        "evonas show ./runs/f": ["./runs/first"],
        "evonas train DARTS_V": ["DARTS_V1", "DARTS_V2"],
        "evonas score DARTS_V2 --proxy croze,para": ["croze,params"],
        "evonas list atta": ["attacks"],
        "evonas evaluate runs/first --attacks fgsm,fab": ["fgsm,fab-t"],
        "evonas search --dataset cifar10": ["cifar10", "cifar100"],
    }
    assert {words: complete(words, tmp_path) for words in expected} == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_too(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert any("naswot" in word for word in complete("evonas search --proxy nasw", tmp_path, shell))


def test_completion_knows_every_name_that_is_registered() -> None:
    assert completion.proxies("") == sorted(name for name in proxies if ":" not in name)
    assert completion.proxies("croze*2+snip+nasw") == ["croze*2+snip+naswot"]
    assert completion.fitness("") == [*completion.proxies(""), *(f"{kind}:" for kind in fitness_kinds)]
    assert completion.attacks("") == sorted(attacks)
    assert completion.spaces("nas") == ["nasbench201"]
    assert completion.recipes("") == sorted(recipes) and completion.engines("") == sorted(engines)
    assert completion.formats("") == sorted(formats) and completion.algorithms("") == sorted(algorithms)
    assert completion.data_sets("") == sorted("folder:" if name == "folder" else name for name in sources)


def test_a_completion_imports_nothing_heavy(run_python: Callable[[str], str], tmp_path: Path) -> None:
    code = "import sys; from evonas.cli import completion as c\n"
    code += "asked = c.runs, c.trainable, c.spaces, c.kinds, c.data_sets, c.presets, c.fitness, c.attacks, "
    code += "c.recipes, c.engines, c.algorithms, c.formats\n"
    code += "[ask('') for ask in asked]\n"
    code += "print({'torch', 'numpy', 'sklearn', 'matplotlib', 'scipy', 'deap'} & set(sys.modules))"
    assert run_python(code) == "set()"


def _plain(text: str) -> list[str]:
    """The words of a help text, without the marks of markdown that are meant as such."""
    return text.replace("`", "").split()


@pytest.mark.parametrize("command", NAMES)
def test_every_word_of_a_help_text_is_shown(command: str) -> None:
    """Markup takes ``<date>`` for HTML and ``[bold]`` for a style, and shows neither."""
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown), suppress(SystemExit):
        patch.setenv("COLUMNS", "1000")
        app([command, "--help"], standalone_mode=True)
    words = shown.getvalue().split()
    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    for text in (found.help, *(getattr(option, "help", None) for option in found.params)):
        expected = _plain(text or "")
        assert not expected or any(
            words[at : at + len(expected)] == expected for at in range(len(words)) if words[at] == expected[0]
        ), text
