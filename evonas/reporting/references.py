"""The publications of what a run used, as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from evonas.core.version import __version__
from evonas.evaluation.result import Evaluation
from evonas.reporting.facts import Facts, TrainingFacts
from evonas.store.settings import SearchSettings
from spaces import spaces
from spaces.errors import EvonasError

PROJECT = f"""@software{{evonas,
  author = {{{{The evonas authors}}}},
  title = {{evonas: Robust neural architecture search for small image classifiers}},
  version = {{{__version__}}},
  year = {{2026}},
}}"""
CROZE, MELLOR, ZEROCOST = "ha2023croze", "mellor2021naswot", "abdelfattah2021zerocost"
REAL, DEAP, AGNET, WEIGHTED = "real2019regularized", "fortin2012deap", "lukasik2022agnet", "tripp2020weighted"
COHEN, GOWAL = "cohen2019smoothing", "gowal2018ibp"
DARTS, DSRNA = "liu2019darts", "hosseini2021dsrna"
SPACE = "space"
CORRUPTIONS = ("hendrycks2019corruptions",)
# The keys in references.bib by kind and name; empty for what was not published elsewhere. Spaces have their own
REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "algorithm": {
        "ag-net": (AGNET, WEIGHTED),
        "bananas": ("white2021bananas", "schneider2021mutation"),
        "boosted": (AGNET, WEIGHTED),
        "darts": (DARTS, "xu2020pcdarts"),
        "dsrna": (DSRNA, DARTS, "xu2020pcdarts"),
        "eda": ("muehlenbein1996umda", WEIGHTED),
        "gp": ("kandasamy2018nasbot", "jones1998ego"),
        "guided": ("jones1998ego",),
        "local-search": ("white2021localsearch",),
        "nsga2": ("deb2002nsga2", DEAP),
        "random": ("bergstra2012random", "li2019random"),
        "regularized-evolution": (REAL, DEAP),
        "warmup-move": (ZEROCOST, REAL),
    },
    "proxy": {
        **dict.fromkeys(("croze", "croze-paper", "croze-size"), (CROZE,)),
        **dict.fromkeys(("plain", "grad-norm"), (ZEROCOST,)),
        **dict.fromkeys(("params", "flops", "live-size", "bn-slope"), ()),
        **dict.fromkeys(("interval-growth", "interval-width"), (GOWAL,)),
        **dict.fromkeys(("certified-radius", "certified-radius-limit"), (DSRNA, GOWAL)),
        "fisher": ("theis2018fisher", "turner2020blockswap"),
        "grasp": ("wang2020grasp", ZEROCOST),
        "jacob-cov": ("mellor2020jacobcov", ZEROCOST),
        "jacobian-norm": (DSRNA,),
        "naswot": (MELLOR,),
        "snip": ("lee2019snip", ZEROCOST),
        "synflow": ("tanaka2020synflow", ZEROCOST),
        "zico": ("li2023zico",),
    },
    "data set": {
        **dict.fromkeys(("cifar10", "cifar100"), ("krizhevsky2009cifar",)),
        "digits": ("alpaydin1998digits",),
        "folder": (),
    },
    "recipe": {
        "croze200": (CROZE,),
        "darts600": ("liu2019darts", "devries2017cutout"),
        "fast": ("smith2018superconvergence", "szegedy2016smoothing", "devries2017cutout"),
        "fast-adv": ("wong2020fast",),
        "gaussian": (COHEN, "smith2018superconvergence"),
        "ibp": (GOWAL, "shi2021fast"),
        "pgd7": ("madry2018pgd", CROZE),
        "sabr": ("mueller2023sabr", "shi2021fast"),
    },
    "attack": {
        **dict.fromkeys(("apgd-ce", "apgd-t", "autoattack"), ("croce2020autoattack",)),
        "fab-t": ("croce2020fab",),
        "fgsm": ("goodfellow2015fgsm",),
        "pgd": ("madry2018pgd",),
        "square": ("andriushchenko2020square",),
    },
    "certificate": {"crown-ibp": ("zhang2020crownibp",), "ibp": (GOWAL,), "smoothing": (COHEN,)},
    "assessment": {},
    "corruptions": {"corruptions": CORRUPTIONS},
}


def bibtex(facts: TrainingFacts) -> str:
    """The entry of evonas, and those of everything that the run used."""
    methods = list(used(facts))
    keys = dict.fromkeys(key for kind, name in methods for key in keys_of(kind, name))
    unknown = [f"% {kind} {name}: see its package" for kind, name in methods if not _is_known(kind, name)]
    return "\n\n".join([PROJECT, *(entries()[key] for key in keys), *unknown]) + "\n"


def keys_of(kind: str, name: str) -> tuple[str, ...]:
    """The keys of the entries of a method; empty for one of another package."""
    if kind == SPACE:
        return tuple(key for key in spaces[name].references if key in entries())
    return REFERENCES[kind].get(name, ())


def _is_known(kind: str, name: str) -> bool:
    return bool(keys_of(kind, name)) if kind == SPACE else name in REFERENCES[kind]


@lru_cache(1)
def entries() -> dict[str, str]:
    """The entries of references.bib by key."""
    text = (files("evonas.reporting") / "references.bib").read_text(encoding="utf-8")
    found = (entry.strip() for entry in re.split(r"\n\n(?=@)", text))
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in found}


def used(facts: TrainingFacts) -> Iterator[tuple[str, str]]:
    """Kind and name of each published method of a run, in the order of its stages, without repetitions."""
    yield from dict.fromkeys(_used(facts))


def _used(facts: TrainingFacts) -> Iterator[tuple[str, str]]:
    settings = facts.summary.settings
    yield SPACE, settings.space
    yield "data set", settings.dataset.partition(":")[0]
    if isinstance(facts, Facts):
        yield "algorithm", facts.summary.settings.algorithm
        yield from _scored(facts.summary.settings)
        if facts.plan is not None:
            yield "recipe", facts.plan.recipe
    if facts.training is not None:
        yield "recipe", facts.training.recipe
    if facts.evaluation is not None:
        yield from _evaluated(facts.evaluation)


def _scored(settings: SearchSettings) -> Iterator[tuple[str, str]]:
    """The proxies of the objectives and of the limits, and the recipe of a fitness that trains."""
    from evonas.searching.objectives.file import StoredFitness
    from evonas.searching.objectives.named import fitness_for
    from evonas.searching.objectives.trained import RECIPE, ShortTraining
    from fitness import proxies

    for part in fitness_for(settings).parts:
        part = getattr(part, "fitness", part)  # of which less is better
        names: tuple[str, ...] = part.names
        if isinstance(part, StoredFitness):
            try:
                names = tuple(member.name for member in part.content.composite.members)
            except EvonasError:  # a file that was moved
                names = ()
        if isinstance(part, ShortTraining):
            yield "recipe", (part.argument or RECIPE).partition(":")[0]
        yield from (("proxy", published(name)) for name in names if name in proxies)
    limits = (re.split("[<>]", text)[0].strip() for text in settings.constraints)
    yield from (("proxy", published(name)) for name in limits if name in proxies)


def published(proxy: str) -> str:
    """The proxy that a term or a variant such as ``croze:G`` or ``croze-paper[none]`` belongs to."""
    return re.split(r"[:\[]", proxy)[0]


def _evaluated(found: Evaluation) -> Iterator[tuple[str, str]]:
    yield from (("attack", name) for name in found.attacks)
    if found.corruptions is not None:
        yield "corruptions", "corruptions"
    certified = found.certificates
    yield from (("certificate", name) for name in found.certify)
    yield from (("assessment", name) for name in found.assessments if name not in certified)
