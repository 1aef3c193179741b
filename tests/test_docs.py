"""The options that the documentation names are options of a command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from evonas.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_SLURM = {"--job-name", "--time", "--cpus-per-task", "--signal", "--requeue", "--open-mode", "--array"}
OF_SLURM |= {"--nodes", "--ntasks", "--ntasks-per-node", "--nodelist", "--exclude"}
OF_RAY = {"--head", "--port", "--num-cpus", "--block", "--address"}
OF_OTHERS = {
    "--logdir",
    "--strict",
    "--nproc-per-node",
    "--dependency",
    "--rm",
    "--network",
    "--cpus",
    *OF_SLURM,
    *OF_RAY,
}  # of tensorboard, mkdocs, torchrun, docker, sbatch, ray
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b")


def flags() -> set[str]:
    """The options of all commands and of the program itself."""
    group = typer.main.get_command(app)
    commands = [group, *getattr(group, "commands", {}).values()]
    options = [option for command in commands for option in command.params]
    return {"--help", *(flag for option in options for flag in (*option.opts, *option.secondary_opts))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_options_of_a_page_exist(page: Path) -> None:
    assert {*FLAG.findall(page.read_text(encoding="utf-8"))} - flags() - OF_OTHERS == set()


def test_options_are_found_in_text() -> None:
    assert FLAG.findall("`--max-params 0`, | --no-final |, a -- b, x--y") == ["--max-params", "--no-final"]
