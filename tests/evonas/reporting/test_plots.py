"""Pictures for papers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

import evonas
from evonas.reporting.plots import FORMATS, plots
from spaces import UsageError

BEGINNINGS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.mark.parametrize("what", list(plots))
def test_every_picture_is_drawn_in_every_format(
    what: str, finished_run: Path, front_run: Path, tmp_path: Path
) -> None:
    run = front_run if what == "front" else finished_run
    for format in FORMATS:
        path = evonas.plot(run, what, format, tmp_path / f"picture.{format}")
        assert path.read_bytes().startswith(BEGINNINGS[format])
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    again = evonas.plot(run, what, "svg", tmp_path / "again.svg")
    assert again.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("what", ["corruptions", "epsilon"])
def test_a_picture_of_what_was_not_measured_names_the_command(what: str, searched_run: Path) -> None:
    with pytest.raises(UsageError, match=f"evonas evaluate {searched_run}"):
        evonas.plot(searched_run, what)


def test_wrong_names_are_answered_with_the_right_ones(searched_run: Path) -> None:
    with pytest.raises(UsageError, match="history"):
        evonas.plot(searched_run, "histroy")
    with pytest.raises(UsageError, match="png"):
        evonas.plot(searched_run, "history", "jpeg")


def test_the_ending_of_the_file_is_the_format(searched_run: Path, tmp_path: Path) -> None:
    assert evonas.plot(searched_run, "cells", out=tmp_path / "x.PNG").read_bytes().startswith(BEGINNINGS["png"])
    assert evonas.plot(searched_run, "cells", out=tmp_path / "x").read_bytes().startswith(BEGINNINGS["svg"])
    assert evonas.plot(searched_run, "cells", "pdf", tmp_path / "x.1").read_bytes().startswith(BEGINNINGS["pdf"])
    for format, name, said in [
        ("svg", "y.png", "--format svg differs from the suffix"),
        (None, "y.jpg", "of --out 'jpg'"),
    ]:
        with pytest.raises(UsageError, match=said):
            evonas.plot(searched_run, "cells", format, tmp_path / name)
        assert not (tmp_path / name).exists()
