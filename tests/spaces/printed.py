"""How other people's programs print genotypes: the syntax of each, written for any genotype, with its source."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from spaces.nasbench201.genotype import EDGES


class Form(NamedTuple):
    """A syntax of a space; ``source`` is a repository and a file or an issue, or what prints it."""

    space: str
    source: str
    write: Callable[[Any], str]


def pairs(edges: Any, pair: str = "('{}', {})", join: str = ", ") -> str:
    return join.join(pair.format(*edge) for edge in edges)


def by_node(edges: Any) -> list[Any]:
    return [edges[i : i + 2] for i in range(0, len(edges), 2)]


def nested(edges: Any, node: str = "[{}]", pair: str = "('{}', {})", join: str = ", ") -> str:
    return join.join(node.format(pairs(two, pair)) for two in by_node(edges))


def states(concat: Any, form: str = "[{}]") -> str:
    return form.format(", ".join(map(str, concat)))


def spread(concat: Any) -> str:
    """``range(2, 6)``; a concat list with gaps has no range."""
    first, last = concat[0], concat[-1]
    return f"range({first}, {last + 1})" if tuple(range(first, last + 1)) == tuple(concat) else states(concat)


def call(g: Any, edges: Callable[[Any], str] = pairs, concat: Callable[[Any], str] = spread) -> str:
    return (
        f"Genotype(normal=[{edges(g.normal)}], normal_concat={concat(g.normal_concat)}, "
        f"reduce=[{edges(g.reduce)}], reduce_concat={concat(g.reduce_concat)})"
    )


def lists(g: Any) -> dict[str, Any]:
    return {
        "normal": [list(edge) for edge in g.normal],
        "normal_concat": list(g.normal_concat),
        "reduce": [list(edge) for edge in g.reduce],
        "reduce_concat": list(g.reduce_concat),
    }


def assigned_over_lines(g: Any) -> str:
    def cell(edges: Any) -> str:
        return "".join(f"    {edge!r},\n" for edge in edges)

    return (
        f"NASNet = Genotype(\n  normal = [\n{cell(g.normal)}  ],\n  normal_concat = {list(g.normal_concat)},\n"
        f"  reduce = [\n{cell(g.reduce)}  ],\n  reduce_concat = {list(g.reduce_concat)},\n)\n    \n"
    )


def autodl(g: Any) -> str:
    def cell(edges: Any) -> str:
        return "\n".join(f"    ({pairs(two)}), # step {i}" for i, two in enumerate(by_node(edges), 1))

    return (
        f"DARTS_V2 = Genotype(\n  normal=[\n{cell(g.normal)}\n  ],\n  normal_concat={states(g.normal_concat)},\n"
        f"  reduce=[\n{cell(g.reduce)}\n  ],\n  reduce_concat={states(g.reduce_concat)},\n"
        "  connectN=None, connects=None,\n)"
    )


def autodl_weights(g: Any) -> str:
    weighted = {
        name: [tuple((*edge, 0.1 + i / 64) for i, edge in enumerate(two)) for two in by_node(getattr(g, name))]
        for name in ("normal", "reduce")
    }
    return str(
        {
            "normal": weighted["normal"],
            "normal_concat": list(g.normal_concat),
            "reduce": weighted["reduce"],
            "reduce_concat": list(g.reduce_concat),
        }
    )


def with_targets(edges: Any) -> str:
    return ", ".join(f"('{name}', {2 + i // 2}, {state})" for i, (name, state) in enumerate(edges))


def over_lines(text: str) -> str:
    return text.replace(", red", ",\n    red")


def folded(g: Any) -> str:
    """As PyYAML folds long scalars, after an operation."""
    return "    1: " + call(g).replace("connect', ", "connect',\n      ").replace("range(2, ", "range(2,\n      ")


def nni(g: Any, value: Callable[[int], Any] = lambda state: [state]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cell, edges in (("normal", g.normal), ("reduce", g.reduce)):
        for i, (name, state) in enumerate(edges):
            found[f"{cell}/op_{2 + i // 2}_{i % 2}"] = name
            found[f"{cell}/input_{2 + i // 2}_{i % 2}"] = value(state)
    return found


def nasbench301(g: Any, prefix: str = "NetworkSelectorDatasetInfo:darts:") -> dict[str, Any]:
    """Ascending inputs are all that it can say, so the genotype must have them."""
    found: dict[str, Any] = {}
    for cell, edges in (("normal", g.normal), ("reduce", g.reduce)):
        first = 0
        for node, two in enumerate(by_node(edges), 2):
            for name, state in two:
                found[f"{prefix}edge_{cell}_{first + state}"] = name
            if node > 2:
                found[f"{prefix}inputs_node_{cell}_{node}"] = "_".join(str(state) for _, state in two)
            first += node
    return found


def nodes(cell: Any) -> list[tuple[tuple[str, int], ...]]:
    found: list[list[tuple[str, int]]] = [[], [], []]
    for name, (source, target) in zip(cell.operations, EDGES, strict=True):
        found[target - 1].append((name, source))
    return [tuple(node) for node in found]


def rows(g: Any) -> str:
    codes = [[f"'{a}', '{b}'" for a, b in zip(code[::2], code[1::2], strict=True)] for code in g.cells]
    return ",\n               ".join("[" + ",\n                ".join(code) + "]" for code in codes)


RESULT = {"budget": 50, "info": [{"val_accuracy": 91.2, "dataset_path": "x.csv"}], "test_accuracy": 90.0}
DARTS, NB201, ROBNET = "darts", "nasbench201", "robnet"
FORMS: dict[str, Form] = {
    "log line of the search": Form(
        DARTS, "quark0/darts issues/68", lambda g: f"11/22 03:14:07 PM genotype = {call(g)}"
    ),
    "log line with milliseconds": Form(
        DARTS,
        "automl/RobustDARTS experiments/search_logs/s1/cifar10/0.0_0.0003-2516843/log_1.txt",
        lambda g: f"2019-07-16 13:39:20,853 genotype = {call(g)}\n",
    ),
    "log line without a name": Form(
        DARTS, "chenxin061/pdarts train_search.py", lambda g: f"08/12 10:11:12 AM {call(g)}"
    ),
    "level and logger": Form(DARTS, "logging.BASIC_FORMAT", lambda g: f"INFO:root:genotype = {call(g)}"),
    "loguru": Form(
        DARTS, "loguru's format", lambda g: f"2024-05-01 12:00:00.123 | INFO     | __main__:main:10 - {call(g)}"
    ),
    "architecture file": Form(
        DARTS, "automl/RobustDARTS experiments/search_logs/s1/cifar10/0.0_0.0003-2516843/arch_1", call
    ),
    "YAML, folded": Form(DARTS, "automl/RobustDARTS experiments/search_logs/results_arch.yaml", folded),
    "assignment over lines": Form(DARTS, "quark0/darts cnn/genotypes.py", assigned_over_lines),
    "assignment in one line": Form(DARTS, "yuhuixu1993/PC-DARTS genotypes.py", lambda g: f"PCDARTS = {call(g)}\n"),
    "comment above": Form(
        DARTS, "lightaime/sgas cnn/genotypes.py", lambda g: f"# Cri1   17.90   3.80   2.39   1\nCri1 = {call(g)}"
    ),
    "indented over lines": Form(
        DARTS,
        "NivNayman/XNAS genotypes.py",
        lambda g: "XNAS = " + call(g, lambda edges: "\n        " + pairs(edges, join=",\n        ") + "\n    "),
    ),
    "no space after a comma": Form(
        DARTS, "nutellamok/advrush eval/genotypes.py", lambda g: call(g, lambda edges: pairs(edges, "('{}',{})"))
    ),
    "in a module": Form(DARTS, "khanrc/pt.darts models/search_cnn.py", lambda g: f"gt.{call(g, nested)}"),
    "pairs in lists by node": Form(DARTS, "khanrc/pt.darts genotypes.py", lambda g: call(g, nested)),
    "argument of a shell": Form(
        DARTS,
        "khanrc/pt.darts issues/1",
        lambda g: f'python augment.py --name cifar10 --genotype "{over_lines(call(g, nested))}"',
    ),
    "quoted": Form(
        DARTS, "MAC-AutoML/rethinking_performance_estimation_in_NAS genotypes.py", lambda g: f'"{call(g, nested)}"'
    ),
    "pairs in tuples by node, empty fields": Form(
        DARTS, "D-X-Y/AutoDL-Projects xautodl/nas_infer_model/DXYs/genotypes.py DARTS_V2", autodl
    ),
    "dictionary with weights": Form(
        DARTS,
        "D-X-Y/AutoDL-Projects xautodl/nas_infer_model/DXYs/genotypes.py build_genotype_from_dict",
        autodl_weights,
    ),
    "edges with their target": Form(
        DARTS,
        "xiaomi-automl/FairDARTS fairdarts/genotypes.py FairDARTS_d",
        lambda g: "FairDARTS_d = " + call(g, with_targets),
    ),
    "prose in front": Form(
        DARTS, "yuhuixu1993/PC-DARTS issues/58", lambda g: f"得到的网络结构为genotype = {call(g)}"
    ),
    "argument of a call": Form(
        DARTS, "automl/nasbench301 nasbench301/example.py", lambda g: f"genotype_config = {call(g, concat=states)}"
    ),
    "ConfigSpace": Form(DARTS, "automl/nasbench301 nasbench301/representations.py", lambda g: str(nasbench301(g))),
    "result of NAS-Bench-301": Form(
        DARTS,
        "automl/nasbench301 nasbench301/surrogate_models/test/results_fidelity_0/results_0.json",
        lambda g: json.dumps(
            {
                "optimized_hyperparamater_config": nasbench301(g) | {"CreateImageDataLoader:batch_size": 96},
                **RESULT,
            }
        ),
    ),
    "choices of NNI": Form(DARTS, "microsoft/nni nni/nas/hub/pytorch/nasnet.py", lambda g: str(nni(g))),
    "choices of older NNI": Form(
        DARTS, "microsoft/nni 2.x, exported JSON", lambda g: json.dumps(nni(g, lambda state: state), indent=2)
    ),
    "JSON of a dictionary": Form(
        DARTS, "json.dumps(genotype._asdict())", lambda g: json.dumps(lists(g), indent=4)
    ),
    "JSON of the namedtuple": Form(DARTS, "json.dumps(genotype)", lambda g: json.dumps(list(lists(g).values()))),
    "OrderedDict before Python 3.12": Form(
        DARTS, "str(genotype._asdict())", lambda g: f"OrderedDict({list(lists(g).items())})"
    ),
    "OrderedDict of Python 3.12": Form(DARTS, "str(genotype._asdict())", lambda g: f"OrderedDict({lists(g)})"),
    "numbers of NumPy 2": Form(
        DARTS,
        "repr in NumPy 2",
        lambda g: call(g, lambda edges: pairs(edges, "('{}', np.int64({}))"), lambda c: f"array({list(c)})"),
    ),
    "strings and numbers of NumPy, tensors": Form(
        DARTS,
        "repr in NumPy 2 and PyTorch",
        lambda g: call(
            g,
            lambda edges: pairs(edges, "(np.str_('{}'), tensor({}, device='cuda:0'))"),
            lambda c: f"tensor({list(c)})",
        ),
    ),
    "evonas": Form(DARTS, "str(genotype)", str),
    "list of one": Form(DARTS, "a list of the best", lambda g: f"[{call(g)}]"),
    "a word processor's": Form(
        DARTS,
        "copied from a document",
        lambda g: "\ufeff" + call(g).replace("'", "\u2019").replace(" ", "\xa0") + "\u200b",
    ),
    "Windows line ends": Form(DARTS, "a file of Windows", lambda g: assigned_over_lines(g).replace("\n", "\r\n")),
    "fenced": Form(DARTS, "Markdown", lambda g: f"```python\n06/28 04:21:06 PM genotype = {call(g)}\n```"),
    "the string": Form(NB201, "D-X-Y/NAS-Bench-201 README.md", str),
    "Structure": Form(
        NB201,
        "D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/genotypes.py __repr__",
        lambda cell: f"Structure(4 nodes with {cell})",
    ),
    "Structure of HPOBench": Form(
        NB201, "automl/HPOBench tests/test_nasbench_201.py", lambda cell: f"_Structure(4 nodes with {cell})"
    ),
    "Structure in a log": Form(
        NB201,
        "xiangning-chen/DrNAS 201-space/train_search.py",
        lambda cell: f"11/22 03:14:07 PM genotype = Structure(4 nodes with {cell})",
    ),
    "list of one string": Form(NB201, "D-X-Y/AutoDL-Projects issues/66", lambda cell: f"['{cell}' ]"),
    "list of one Structure": Form(
        NB201, "str([structure])", lambda cell: f"REA : best arch is [Structure(4 nodes with {cell})]"
    ),
    "pairs by node": Form(
        NB201,
        "D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/genotypes.py tolist",
        lambda cell: str(nodes(cell)),
    ),
    "constructor": Form(
        NB201,
        "D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/genotypes.py AllConv3x3_CODE",
        lambda cell: "AllConv3x3_CODE = Structure(\n    [{},  # node-1\n     {},  # node-2\n     {}])".format(
            *nodes(cell)
        ),
    ),
    "dictionary": Form(
        NB201, "naszilla/naszilla naszilla/nas_bench_201/cell_201.py", lambda cell: f"{{'string': '{cell}'}}"
    ),
    "result of zero-cost-nas": Form(
        NB201,
        "SamsungLabs/zero-cost-nas nasbench2_pred.py",
        lambda cell: f"{{'i': 7, 'arch': '{cell}', 'valacc': 91.2}}",
    ),
    "configuration of a network": Form(
        NB201,
        "D-X-Y/NAS-Bench-201, get_net_config",
        lambda cell: str({"name": "infer.tiny", "C": 16, "N": 5, "arch_str": str(cell), "num_classes": 10}),
    ),
    "ConfigSpace of HPOBench": Form(
        NB201,
        "automl/HPOBench hpobench/benchmarks/nas/nasbench_201.py",
        lambda cell: str({f"{t}<-{s}": name for name, (s, t) in zip(cell.operations, EDGES, strict=True)}),
    ),
    "information of a cell": Form(
        NB201,
        "BayesWatch/nas-without-training issues/12",
        lambda cell: f"info :: nodes=4, inC=64, outC=64, [1<-(I0-L0) | 2<-(I0-L1,I1-L2) | 3<-(I0-L3)], {cell}",
    ),
    "name in front": Form(NB201, "YAML", lambda cell: f"arch_str: {cell}"),
    "index in front": Form(
        NB201, "D-X-Y/NAS-Bench-201 README.md, enumerate(api)", lambda cell: f"   12/15625 : {cell}"
    ),
    "metrics behind": Form(NB201, "a log", lambda cell: f"best arch is [{cell}], test_acc is [[94.56, 94.36]]"),
    "spread over lines": Form(NB201, "a wrapped line", lambda cell: str(cell).replace("+", " +\n  ")),
    "rows of operations": Form(
        ROBNET, "gmh14/RobNets architecture_code.py robnet_free", lambda g: f"robnet_free = [{rows(g)}]\n"
    ),
    "two names": Form(
        ROBNET,
        "gmh14/RobNets architecture_code.py robnet_large_v1",
        lambda g: f"robnet_large_v1 = robnet_large_v2 = [{rows(g)}]",
    ),
    "JSON of codes": Form(ROBNET, "json.dumps", lambda g: json.dumps([list(code) for code in g.cells], indent=1)),
    "genotype.json of evonas": Form(
        ROBNET,
        "evonas export --format genotype",
        lambda g: json.dumps(
            {"space": "robnet", "genotype": str(g), "class_names": None, "training": {"epoch": 1}}, indent=2
        ),
    ),
}
