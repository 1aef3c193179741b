"""The site has every page, every link leads to a heading, and the container file does what the README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import evonas

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
STEP = re.compile(r"^(FROM|WORKDIR|COPY|ARG|RUN|ENTRYPOINT) (.+)$")


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_heading(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        assert anchor in anchors(page.parent / path if path else page), f"{path}#{anchor}"


def test_the_site_has_every_page_once() -> None:
    named = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert sorted(named) == sorted([*pages, "tour.md", "reference.md"])


class Read(HTMLParser):
    """The links of a page of the site, and what others can link to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.links += [value for name in ("href", "src") if (value := found.get(name)) is not None]
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name)) is not None}


def broken(site: Path) -> list[str]:
    """The links inside a site that lead nowhere."""
    pages = {path: Read(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            below = site / address.path.lstrip("/") if address.path.startswith("/") else path.parent / address.path
            target = path if not address.path else below.resolve()
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(address.fragment)
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].anchors):
                found.append(f"{path.relative_to(site)}: {link}")
    return found


def test_a_broken_link_of_a_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/index.html").write_text('<h1 id="one">1</h1><a href="../b.html#two">2</a><a href="#one">1</a>')
    (tmp_path / "b.html").write_text(
        '<a href="a/">1</a><a href="a/#none">3</a><img src="c.png"><a href="http://x/">'
    )
    assert broken(tmp_path) == ["a/index.html: ../b.html#two", "b.html: a/#none", "b.html: c.png"]


def gallery() -> list[list[str]]:
    """The commands of each report of the gallery."""
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    return [block.strip().splitlines() for block in re.findall(r"(?:^    evonas .+\n)+", text, re.MULTILINE)]


def built(site: Path, reports: Path) -> None:
    """The site with the reports of a directory."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(site)]
    environment = os.environ | {"EVONAS_GALLERY": str(reports)}
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not broken(site)


def test_mkdocs_builds_the_site_without_a_warning_or_a_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings")
    for commands in gallery():
        run = tmp_path / commands[-1].split()[-1]
        run.mkdir(parents=True)
        (run / "report.html").write_text("<html><body>a report</body></html>")
    built(tmp_path / "site", tmp_path)
    tour = (tmp_path / "site" / "tour" / "index.html").read_text(encoding="utf-8")
    assert 'href="../training/"' in tour and 'src="../search.svg"' in tour
    reference = (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    assert [name for name in evonas.__all__ if f'id="evonas.{name}"' not in reference] == []
    assert len(gallery()) == len([*(tmp_path / "site" / "gallery").glob("*.html")]) - 1 == 3


@pytest.mark.slow
def test_the_reports_of_the_gallery_are_made_while_the_site_is_built(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings")
    built(tmp_path / "site", tmp_path)
    for commands in gallery():
        name = Path(commands[-1].split()[-1]).name
        text = (tmp_path / "site" / "gallery" / f"{name}.html").read_text(encoding="utf-8")
        assert "Images" in text and len(text) > 50_000


def steps() -> Iterator[tuple[str, str]]:
    """Instruction and argument of each line of the container file."""
    for line in (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found = STEP.match(line)
            assert found is not None, line
            yield found[1], found[2]


def test_the_container_file_runs_the_commands_of_the_readme() -> None:
    blocks = re.findall(r"^```console\n(.*?)\n```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    quick, tests = [argument for kind, argument in steps() if kind == "RUN"]
    assert quick == blocks[0] and tests == f"{blocks[1]} $TESTS"


@pytest.mark.slow
def test_the_steps_of_the_container_file_run_in_an_empty_environment(tmp_path: Path) -> None:
    """A new environment in place of the image, and only one file of tests; packages come from this environment."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    context, work, home = tmp_path / "context", tmp_path / "work", tmp_path / "venv"
    for name in filter(None, names.split("\0")):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    venv.create(home, with_pip=True)
    old = [home / "bin" / "python", "-m", "pip", "uninstall", "-q", "-y", "setuptools"]  # that of some Pythons
    subprocess.run(old, check=True, capture_output=True)
    (packages,) = (home / "lib").glob("python*/site-packages")
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EVONAS"))}
    environment = {"PATH": f"{home / 'bin'}:/usr/bin:/bin", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    environment = clean | environment | {"HOME": str(tmp_path)}
    for kind, argument in steps():
        if kind == "COPY":
            assert argument == ". ."
            shutil.copytree(context, work)
        elif kind == "ARG":
            name, value = argument.split("=", 1)
            environment[name] = "tests/test_wheel.py -n0" if name == "TESTS" else shlex.split(value)[0]
        elif kind == "RUN":
            done = subprocess.run(
                ["sh", "-c", argument], cwd=work, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (work / "runs" / "tour" / "evaluation.json").is_file()
