"""Reading DARTS genotypes: what is accepted, and that everything else is refused and never evaluated."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.testing.genotypes import published_genotypes
from spaces import Space, UsageError, spaces
from spaces.darts import Genotype
from spaces.darts.genotype import as_written

SKIPS = "[('skip_connect', 0), ('skip_connect', 1), ('max_pool_3x3', 0), ('sep_conv_3x3', 2)]"
TWO_NODES = Genotype(
    (("skip_connect", 0), ("skip_connect", 1), ("max_pool_3x3", 0), ("sep_conv_3x3", 2)),
    (2, 3),
    (("skip_connect", 0), ("skip_connect", 1), ("max_pool_3x3", 0), ("sep_conv_3x3", 2)),
    (2, 3),
)


def genotype(
    normal: str = SKIPS, concat: str = "[2, 3]", reduce: str = SKIPS, reduce_concat: str = "[2, 3]"
) -> str:
    return f"Genotype(normal={normal}, normal_concat={concat}, reduce={reduce}, reduce_concat={reduce_concat})"


def edge(text: str) -> str:
    return genotype(f"[{text}, ('skip_connect', 1)]", "[2]")


@pytest.mark.parametrize(
    "text",
    [
        genotype(),
        genotype(concat="(2, 3)", reduce_concat="range(2, 4)"),
        genotype(concat="list(range(2, 4))", reduce_concat="tuple(range(2,4))"),
        genotype(SKIPS.replace("[", "(").replace("]", ")"), reduce=SKIPS.replace("(", "[").replace(")", "]")),
        f"Genotype({SKIPS}, [2, 3], {SKIPS}, [2, 3])",
        f"Genotype({SKIPS}, [2, 3], reduce_concat=range(2, 4), reduce={SKIPS})",
        f"  {genotype()}\n",
        genotype().replace(", ", ",\n    "),
        genotype().replace(" ", "").replace("'", '"'),
        genotype().replace("Genotype", "spaces.Genotype"),
        f"g = {genotype()}",
    ],
    ids=[
        *("lists", "range", "list(range)", "tuples", "positions", "mixed", "space", "lines", "double quotes"),
        *("a module in front", "an assignment"),
    ],
)
def test_every_way_to_write_a_genotype_is_read(darts: Space, text: str) -> None:
    assert darts.parse(text) == TWO_NODES


def test_range_2_to_6_stands_for_the_four_nodes(darts: Space) -> None:
    v2 = darts.parse("DARTS_V2")
    for written in ("range(2, 6)", "list(range(2, 6))", "(2, 3, 4, 5)"):
        assert darts.parse(str(v2).replace("[2, 3, 4, 5]", written)) == v2


def test_writing_follows_the_literature(darts: Space) -> None:
    assert str(TWO_NODES) == genotype()


MALFORMED = {
    "code": "__import__('os').system('echo evaluated')",
    "code in an operation": edge("(__import__('os').name, 0)"),
    "code in a state": edge("('skip_connect', exec('raise SystemExit'))"),
    "code in a concat": genotype(concat="[x for x in (2, 3)]"),
    "another call": genotype().replace("Genotype", "print"),
    "a method": genotype() + "._replace(normal=())",
    "a lambda": f"(lambda: {genotype()})()",
    "a choice": f"{genotype()} if True else {genotype()}",
    "a negation": f"not {genotype()}",
    "a sum": f"{genotype()} + ()",
    "an element": f"{genotype()}[0]",
    "an argument": f"print({genotype()})",
    "two statements": f"{genotype()}; {genotype()}",
    "a walrus": f"(g := {genotype()})",
    "unclosed": genotype()[:-1],
    "deep brackets": "[" * 5_000,
    "deep brackets inside": edge("[" * 90 + "]" * 90),
    "deep minus": edge("('skip_connect', " + "-" * 900 + "1)"),
    "deep lambda": edge("lambda: " * 2_000 + "0"),
    "deep conditional": edge("a if b else " * 1_500 + "c"),
    "huge text": genotype() + " " * 110_000 + "#",
    "huge decimal": edge(f"('skip_connect', {'9' * 5_000})"),
    "huge hexadecimal": edge(f"('skip_connect', 0x{'f' * 15_000})"),
    "huge hexadecimal in concat": genotype(concat=f"[0x{'f' * 15_000}]"),
    "huge range": genotype(concat="range(2, 10**9)"),
    "wide range": genotype(concat="range(2, 1000000000)"),
    "stepped range": genotype(concat="range(2, 4, 1)"),
    "empty range": genotype(concat="range()"),
    "backward range": genotype(concat="range(4, 2)"),
    "unpacked range": genotype(concat="range(*[2, 4])"),
    "nested list()": genotype(concat="list(list([2, 3]))"),
    "list() of nothing": genotype(concat="list()"),
    "null byte": genotype() + "\x00",
    "lone surrogate": edge("('\ud800', 0)"),
    "look-alike letters": edge("('\u0455ep_conv_3x3', 0)"),
    "bytes": edge("(b'skip_connect', 0)"),
    "f-string": edge("(f'skip_connect', 0)"),
    "True as a state": edge("('skip_connect', True)"),
    "float as a state": edge("('skip_connect', 0.0)"),
    "text as a state": edge("('skip_connect', '0')"),
    "complex": edge("('skip_connect', 0j)"),
    "negative state": edge("('skip_connect', -1)"),
    "state of a later node": edge("('skip_connect', 2)"),
    "True in a concat": genotype(concat="[True]"),
    "input in a concat": genotype(concat="[1, 2]"),
    "node beyond the last": genotype(concat="[2, 4]"),
    "empty concat": genotype(concat="[]"),
    "long concat": genotype(concat="[" + "2, " * 100 + "]"),
    "set as concat": genotype(concat="{2, 3}"),
    "no edges": genotype(normal="[]"),
    "odd number of edges": genotype(normal="[('skip_connect', 0)]", concat="[2]"),
    "too many nodes": genotype(normal="[" + "('skip_connect', 0), " * 34 + "]"),
    "edge of three": edge("('skip_connect', 0, 1)"),
    "edge is a text": edge("'skip_connect'"),
    "starred edge": edge("*[('skip_connect', 0)]"),
    "cell is a dict": genotype(normal="{'skip_connect': 0}"),
    "cell is None": genotype(normal="None"),
    "unknown operation": edge("('sep_conv_4x4', 0)"),
    "long operation": edge(f"('{'x' * 10_000}', 0)"),
    "missing part": f"Genotype(normal={SKIPS}, normal_concat=[2, 3])",
    "unknown part": genotype().replace("reduce_concat", "cats"),
    "long unknown part": genotype().replace("reduce_concat", "c" * 5_000),
    "repeated part": f"Genotype({SKIPS}, normal={SKIPS})",
    "keyword twice": f"Genotype(normal={SKIPS}, normal={SKIPS})",
    "five parts": f"Genotype({SKIPS}, [2, 3], {SKIPS}, [2, 3], [2])",
    "unpacked parts": "Genotype(**{})",
    "starred parts": "Genotype(*[1, 2, 3, 4])",
    "nothing in it": "Genotype()",
    "not even a name": "Genotype",
    "wrong published name": "DARTS_V3",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_genotype_is_refused_in_one_short_line(
    darts: Space, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    modules = set(sys.modules)
    with pytest.raises(UsageError) as caught:
        darts.parse(text)
    message = str(caught.value)
    assert message and len(message.splitlines()) == 1 and len(message) < 500
    message.encode()
    assert capfd.readouterr() == ("", "") and set(sys.modules) == modules


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (MALFORMED["unknown operation"], "unknown operation 'sep_conv_4x4': did you mean sep_conv_"),
        (MALFORMED["wrong published name"], "'DARTS_V3': did you mean DARTS_V"),
        (MALFORMED["state of a later node"], "normal edge 0: node 2 can take states 0 to 1, not 2"),
        (MALFORMED["node beyond the last"], "normal_concat: 4 is not a node; nodes are 2 to 3"),
        (MALFORMED["missing part"], "lacks reduce, reduce_concat"),
        (MALFORMED["odd number of edges"], "even number of edges, not 1"),
        (MALFORMED["True as a state"], "integer, not 'True'"),
    ],
)
def test_the_message_says_what_is_wrong_and_what_would_be_right(darts: Space, text: str, answer: str) -> None:
    with pytest.raises(UsageError) as caught:
        darts.parse(text)
    assert answer in str(caught.value)


WORDS = (
    "Genotype( ) ( [ ] normal= normal_concat= reduce= reduce_concat= , 2 0 - 'skip_connect' 'none' range( list( "
    "* ** True lambda: if else 0x f'{x}' # .a @ = := not await yield {"
)
FRAGMENTS = st.sampled_from([*WORDS.split(), SKIPS, "[2, 3]", "9" * 99, " ", "\n", "\x00", "\ud800"])
ignore_warnings_of_the_parser = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")


@ignore_warnings_of_the_parser
@pytest.mark.parametrize("name", list(spaces))
@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.one_of(st.text(), st.lists(FRAGMENTS, max_size=40).map("".join)))
def test_no_text_raises_anything_but_a_usage_error(name: str, text: str) -> None:
    space = spaces[name]
    try:
        read = space.parse(text)
    except UsageError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert space.parse(str(read)) == read


@ignore_warnings_of_the_parser
@settings(max_examples=150, deadline=None, derandomize=True)
@given(inside=st.lists(FRAGMENTS, max_size=8).map("".join), wrap=st.sampled_from([edge, genotype]))
def test_no_part_of_a_genotype_raises_anything_but_a_usage_error(inside: str, wrap: Callable[[str], str]) -> None:
    try:
        spaces["darts"].parse(wrap(inside))
    except UsageError as error:
        assert len(str(error).splitlines()) == 1


def test_the_short_way_for_written_genotypes_reads_what_the_syntax_tree_reads(darts: Space) -> None:
    rng = np.random.default_rng(0)
    for genotype in [darts.random(rng) for _ in range(100)] + published_genotypes(darts):
        assert (
            as_written(str(genotype)) == darts.parse(f"  {genotype} ") == darts.parse(f"({genotype})") == genotype
        )


@pytest.mark.parametrize(
    "text",
    ["", genotype(concat="[02, 3]"), genotype(concat="[2, 3,]"), genotype(concat="[2, ]"), genotype(concat="[²]")],
)
def test_the_short_way_leaves_everything_else_to_the_syntax_tree(text: str) -> None:
    assert as_written(text) is None
