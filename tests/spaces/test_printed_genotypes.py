"""Genotypes as others print them: each form is read as what is meant, a garbled one never as something else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces import UsageError, spaces
from spaces.darts import Genotype
from spaces.given import parsed
from spaces.nasbench201 import Cell
from spaces.robnet import Genotype as RobNet
from tests.spaces import printed
from tests.spaces.printed import FORMS, call, nested, pairs

# written by hand; inputs ascend and are different, as not every form can say more
DARTS = Genotype(
    normal=(
        *(("sep_conv_3x3", 0), ("skip_connect", 1)),
        *(("dil_conv_5x5", 0), ("avg_pool_3x3", 2)),
        *(("sep_conv_5x5", 1), ("max_pool_3x3", 3)),
        *(("skip_connect", 2), ("dil_conv_3x3", 4)),
    ),
    normal_concat=(2, 3, 4, 5),
    reduce=(
        *(("max_pool_3x3", 0), ("sep_conv_5x5", 1)),
        *(("skip_connect", 1), ("sep_conv_3x3", 2)),
        *(("dil_conv_3x3", 0), ("skip_connect", 3)),
        *(("avg_pool_3x3", 3), ("max_pool_3x3", 4)),
    ),
    reduce_concat=(2, 3, 4, 5),
)
CELL = Cell(("nor_conv_3x3", "none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "nor_conv_3x3"))
CODE = ("11", "10", "11", "11", "10", "11", "01", "01", "10", "11", "11", "00", "11", "01")
EXPECTED = {"darts": DARTS, "nasbench201": CELL, "robnet": RobNet((CODE, CODE[::-1]))}
SPACES = list(EXPECTED)


def test_there_are_many_forms_from_public_repositories() -> None:
    public = {form.source for form in FORMS.values() if "/" in form.source}
    assert len(FORMS) >= 50 and len(public) >= 30


@pytest.mark.parametrize("name", FORMS)
def test_a_printed_form_is_read_as_what_is_meant(name: str) -> None:
    form = FORMS[name]
    text = form.write(EXPECTED[form.space])
    assert spaces[form.space].parse(text) == EXPECTED[form.space]
    assert spaces[form.space].parse(f"\n {text} \n") == EXPECTED[form.space]


def drawn(space: str, seed: int) -> Any:
    """A genotype that every form can say: the inputs of a node ascend."""
    return spaces[space].random(np.random.default_rng(seed))


@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_every_form_of_any_genotype_is_read(space: str, seed: int) -> None:
    genotype = drawn(space, seed)
    for form in FORMS.values():
        if form.space == space:
            assert spaces[space].parse(form.write(genotype)) == genotype


FRAGMENTS = st.sampled_from(
    ["", " ", ",", "(", ")", "[", "]", "'", "|", "+", "~", "0", "9", "#", "\n", "x", "None", "="]
)


@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=120, deadline=None, derandomize=True)
@given(data=st.data(), seed=st.integers(0, 2**32), put=FRAGMENTS, cut=st.integers(0, 30))
def test_a_garbled_form_is_refused_or_says_something_that_stands_in_it(
    space: str, data: st.DataObject, seed: int, put: str, cut: int
) -> None:
    genotype = drawn(space, seed)
    form = FORMS[data.draw(st.sampled_from([name for name in FORMS if FORMS[name].space == space]))]
    text = form.write(genotype)
    at = data.draw(st.integers(0, len(text)))
    garbled = text[:at] + put + text[at + cut :]
    try:
        found = spaces[space].parse(garbled)
    except UsageError as error:
        assert len(str(error).splitlines()) == 1 and len(str(error)) < 500
        return
    assert sizes(found) == sizes(genotype), garbled  # nothing was left out or made up
    assert sum(a != b for a, b in zip(atoms(found), atoms(genotype), strict=True)) <= 1 + cut // 4, garbled


def atoms(genotype: Any) -> list[Any]:
    """All that a genotype says, piece by piece."""
    if isinstance(genotype, Genotype):
        edges = [part for edge in (*genotype.normal, *genotype.reduce) for part in edge]
        return [*edges, *genotype.normal_concat, *genotype.reduce_concat]
    return (
        list(genotype.operations) if isinstance(genotype, Cell) else [op for code in genotype.cells for op in code]
    )


def sizes(genotype: Any) -> tuple[int, ...]:
    return (
        (len(genotype.normal), len(genotype.reduce)) if isinstance(genotype, Genotype) else (len(atoms(genotype)),)
    )


@pytest.mark.parametrize("name", [name for name in FORMS if FORMS[name].space == "darts"])
def test_a_form_that_lacks_an_edge_is_refused(name: str) -> None:
    """Every edge of both cells in turn."""
    for cell in ("normal", "reduce"):
        for i in range(8):
            edges = list(getattr(DARTS, cell))
            lacking = Lacking(DARTS, cell, edges[:i] + edges[i + 1 :])
            with pytest.raises(UsageError):
                spaces["darts"].parse(FORMS[name].write(lacking))


class Lacking:
    """A genotype with other edges in one cell, right or wrong."""

    def __init__(self, genotype: Genotype, cell: str, edges: list[Any]) -> None:
        self.normal, self.normal_concat = genotype.normal, genotype.normal_concat
        self.reduce, self.reduce_concat = genotype.reduce, genotype.reduce_concat
        setattr(self, cell, tuple(edges))

    def __str__(self) -> str:
        return call(self, concat=lambda concat: str(list(concat)))


GOOD = call(DARTS)
EDGE = "('skip_connect', 1)"
NB201, ROBNET = "nasbench201", "robnet"
REFUSED: dict[str, tuple[str, str, str]] = {
    "unknown operation": (
        "darts",
        GOOD.replace("skip_connect', 1)", "skip_conect', 1)", 1),
        "edge 1: unknown operation 'skip_conect': did you mean skip_connect or sep_conv_7x7 or sep_conv_5x5? "
        "(line 1, column 39: 'sep_conv_3x3', 0), >>> ('skip_conect', 1) <<< , ('dil_conv)",
    ),
    "in the second line": (
        "darts",
        GOOD.replace("reduce=[", "reduce=[\n").replace(
            "('sep_conv_5x5', 1), ('skip", "('sep_conv_5x5', 3), ('skip"
        ),
        "reduce edge 1: node 2 can take states 0 to 1, not 3 (line 2, column 22",
    ),
    "two genotypes": (
        "darts",
        f"A = {GOOD}\nB = {GOOD}",
        "the text holds two architectures; give one of them (line 2",
    ),
    "a list of two": ("darts", f"[{GOOD}, {GOOD}]", "2 genotypes; give one of them"),
    "a genotype in a comment": ("darts", f"# A = {GOOD}\nB = {GOOD}", "two architectures"),
    "a log goes on": (
        "darts",
        f"{GOOD}\ntensor([1.], device='cuda:0')",
        "stands after the genotype (line 2, column 1",
    ),
    "a genotype with its accuracy": ("darts", f"({GOOD}, 97.1)", "not a genotype"),
    "six nodes concatenated": (
        "darts",  # automl/NASLib naslib/search_spaces/darts/conversions.py
        call(DARTS, concat=lambda c: "[2, 3, 4, 5, 6]"),
        "normal_concat: 6 is not a node; nodes are 2 to 5",
    ),
    "another number of edges": (
        "darts",  # xiaomi-automl/FairDARTS fairdarts/genotypes.py FairDARTS_b
        GOOD.replace(
            pairs(DARTS.normal), "('sep_conv_3x3', 2, 0), ('skip_connect', 2, 1), ('sep_conv_3x3', 4, 1)"
        ),
        "normal edge 2: it ends in node 4, where node 3 needs two edges",
    ),
    "three edges in a node": (
        "darts",
        call(DARTS, nested).replace(f"[{pairs(DARTS.normal[:2])}]", f"[{pairs(DARTS.normal[:2])}, {EDGE}]"),
        "normal node 2 must have two edges, not 3 edges",
    ),
    "an edge outside its node": (
        "darts",
        call(DARTS, nested).replace("normal=[", f"normal=[{EDGE}, "),
        "normal node 2 must have two edges, not an edge outside its node",
    ),
    "numbers for operations": (
        "darts",  # naszilla/naszilla naszilla/nas_bench_301/cell_301.py
        "([(0, 3), (1, 2), (0, 6), (2, 1)], [(0, 0), (1, 4), (1, 2), (2, 3)])",
        "operations as numbers, whose order differs between projects",
    ),
    "a recurrent cell": (
        "darts",  # quark0/darts rnn/genotypes.py
        "DARTS = Genotype(recurrent=[('relu', 0), ('tanh', 1)], concat=range(1, 9))",
        "unknown part 'recurrent' of a genotype",
    ),
    "another class": (
        "darts",
        GOOD.replace("Genotype(", "Genotype_v2("),
        "Genotype_v2(...) is not a form of genotype",
    ),
    "an unknown field": (
        "darts",
        GOOD.replace(", reduce=", ", steps=4, reduce="),
        "unknown part 'steps' of a genotype; its parts are normal, normal_concat, reduce, reduce_concat (line 1",
    ),
    "a filled field": ("darts", GOOD[:-1] + ", connectN=2)", "unknown part 'connectN'"),
    "one cell": ("darts", f"Genotype(normal=[{pairs(DARTS.normal)}], normal_concat=range(2, 6))", "lacks reduce"),
    "operations of another space": (
        "darts",  # ahundt/sharpDARTS cnn/genotypes.py
        GOOD.replace("dil_conv_5x5", "nor_conv_5x5"),
        "unknown operation 'nor_conv_5x5'",
    ),
    "a cell of NNI with five nodes": (
        "darts",
        str(printed.nni(DARTS) | {"normal/op_6_0": "sep_conv_3x3"}),
        "'normal/op_6_0' is not a choice of a cell with 4 nodes",
    ),
    "a choice of NNI is missing": ("darts", str({"normal/op_2_0": "sep_conv_3x3"}), "the choice 'normal/"),
    "ConfigSpace contradicts itself": (
        "darts",
        str(printed.nasbench301(DARTS)).replace("'0_2'", "'0_1'", 1),
        "normal node 3 has the inputs '0_1', but edges from [0, 2]",
    ),
    "JSON of another space": (
        "darts",
        json.dumps({"space": "nasbench201", "genotype": str(CELL)}),
        "a genotype of another space: add --space nasbench201",
    ),
    "a space that cannot be": (
        "darts",
        '{"space": "a\\nb", "genotype": "DARTS_V2"}',
        "another space, 'a\\nb' (line 1",
    ),
    "a key twice": ("darts", "{'genotype': 'DARTS_V1', 'genotype': 'DARTS_V2'}", "repeated part 'genotype'"),
    "two keys": ("darts", "{'genotype': 'DARTS_V2', 'arch': 'DARTS_V1'}", "both 'genotype' and 'arch'"),
    "broken by a line end": (
        "darts",
        GOOD.replace("skip_", "skip_\n", 1),
        "this string has no end (line 1, column 40",
    ),
    "a comma is missing": ("darts", GOOD.replace("0), (", "0) (", 1), "an edge is a pair"),
    "a bracket is missing": ("darts", GOOD.replace("], normal_concat", ", normal_concat", 1), "closes no bracket"),
    "an edge is missing": (
        NB201,
        "|none~0|+|none~0|+|none~0|none~1|none~2|",
        "node 2 lacks the edge from state 1",
    ),
    "an edge twice": (NB201, "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "two edges from state 0"),
    "five nodes": (
        NB201,
        f"{CELL}+|none~0|none~1|none~2|none~3|",
        "5 nodes with the input, where it has 4 (line 1, column 1:",
    ),
    "several operations for an edge": (
        NB201,  # D-X-Y/AutoDL-Projects AllFull_CODE
        "Structure([(('none', 0), ('nor_conv_3x3', 0)), (('none', 0), ('none', 1)), (('none', 0), ('none', 1))])",
        "node 1 has two edges from state 0",
    ),
    "numbers of NASLib": (NB201, "(4, 0, 3, 1, 4, 3)", "operations as numbers, whose order differs"),
    "sizes of NATS-Bench": (NB201, "8:16:24:32:64", "channels of NATS-Bench's size space"),
    "several cells": (NB201, f"['{CELL}', '{CELL}']", "2 genotypes; give one of them"),
    "several structures": (
        NB201,
        f"Structure(4 nodes with {CELL}), Structure(4 nodes with {CELL})",
        "two architectures",
    ),
    "an edge of ConfigSpace is missing": (NB201, "{'1<-0': 'none', '2<-0': 'none'}", "the edge '2<-1' is missing"),
    "a code of thirteen": (
        ROBNET,
        str([list(CODE[:-1])]),
        "cell 0: a code has 14 edges, not 13 (line 1, column 2",
    ),
    "an operation of RobNet": (
        ROBNET,
        str([list(CODE), ["12", *CODE[1:]]]),
        "unknown operation '12'; use 00 zero, 01 sep_conv_3x3, 10 identity, 11 residual sep_conv_3x3 (line 1, col",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_something_else_is_refused_with_its_place(name: str) -> None:
    space, text, message = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        spaces[space].parse(text)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "name", ["Structure", "list of one string", "rows of operations", "log line of the search"]
)
def test_a_genotype_of_another_space_is_named_as_such(name: str) -> None:
    form = FORMS[name]
    other = "darts" if form.space != "darts" else "nasbench201"
    with pytest.raises(
        UsageError, match=f"this is a genotype of the space {form.space}: add --space {form.space}"
    ):
        parsed(spaces[other], form.write(EXPECTED[form.space]))


HOSTILE = {
    "depth": lambda n: GOOD.replace("range(2, 6)", "(" * n, 1),
    "signs": lambda n: GOOD.replace("range(2, 6)", "-" * n + "1", 1),
    "dots": lambda n: "a." * (n // 2) + "Genotype()",
    "words": lambda n: "genotype " * (n // 9),
    "spaces": lambda n: "[" + " " * n + "]",
    "bars": lambda n: "|none~0" * (n // 8),
    "quotes": lambda n: "'\"" * (n // 2),
    "backslashes": lambda n: "'" + "\\" * n,
    "opened strings": lambda n: "('" * (n // 2),
    "prefix": lambda n: "x = " * (n // 4) + GOOD,
    "comments": lambda n: "#\n" * (n // 2) + GOOD,
    "blank lines": lambda n: "\n \t" * (n // 3) + "#" + GOOD,
    "digits": lambda n: GOOD.replace("range(2, 6)", "9" * n, 1),
    "keys": lambda n: "{" + "'a': 1, " * (n // 8) + "}",
    "nested strings": lambda n: json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(GOOD))))),
    "invisible": lambda n: "\u200b" * n + "(",
    "pipes": lambda n: "| " * (n // 2) + GOOD,
    "calls": lambda n: f"[[{EDGE * (n // 20)}]]",
    "edges": lambda n: f"[[{(EDGE + ',') * (n // 20)}]]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused(name: str) -> None:
    text = HOSTILE[name](90_000)  # so many characters that reading them in quadratic time would take minutes
    for space in SPACES:
        with pytest.raises(UsageError):
            parsed(spaces[space], text)
