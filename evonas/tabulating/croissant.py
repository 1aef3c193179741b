"""The description of a table in Croissant, by which catalogues of data sets find and load it.

Specification: https://docs.mlcommons.org/croissant/docs/croissant-spec.html, version 1.0.
"""

from __future__ import annotations

from typing import Any

from evonas.data.tables.trainings import SEED
from evonas.evaluation.columns import CLEAN, label_of
from evonas.searching.latency.protocol import UNIT
from evonas.tables.latencies import P95
from evonas.tabulating.job import VALIDATION
from evonas.tabulating.place import Place
from evonas.tabulating.plan import Plan
from evonas.tabulating.written import FAILED, GENOTYPE

RECORDS = "trainings"
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_OWN = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet"),
    *(
        "format",
        "samplingRate",
        "includes",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
    ),
    *("regex", "repeated", "replace", "separator", "source", "subField", "transform"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    **{name: f"cr:{name}" for name in _OWN},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
TYPES = {SEED: "sc:Integer", "params": "sc:Integer", "flops": "sc:Integer", GENOTYPE: "sc:Text", FAILED: "sc:Text"}
MEANINGS = {
    GENOTYPE: "The architecture, in the syntax of its space.",
    SEED: "The seed of the training.",
    "params": "Number of parameters of the network.",
    "flops": "FLOPs of one image, 2 x MACs.",
    VALIDATION: "Accuracy on the held-out images, which selected the epoch, from 0 to 1.",
    CLEAN: "Accuracy on the test images, from 0 to 1.",
    FAILED: "Why the training failed; its accuracies are empty.",
}


def croissant(place: Place, plan: Plan, sha256: str) -> dict[str, Any]:
    """The JSON-LD document of a written table whose CSV file has the digest ``sha256``."""
    file, settings = place.table.name, plan.settings
    data = settings.dataset.partition(":")[0]  # without the location of a folder
    columns = [GENOTYPE, SEED, "params", "flops", *plan.columns, *plan.latencies, FAILED]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": place.table.stem,
        "description": (
            f"{len(plan.jobs)} trainings of {len(plan.params)} architectures of the space {settings.space} on "
            f"{data} by the recipe {settings.recipe} of evonas, with accuracies on clean, attacked and corrupted "
            "test images."
        ),
        "conformsTo": CONFORMS_TO,
        "version": "1.0.0",
        "keywords": ["neural architecture search", "robustness", settings.space, data],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file,
                "name": file,
                "contentUrl": file,
                "encodingFormat": "text/csv",
                "sha256": sha256,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": RECORDS,
                "name": RECORDS,
                "description": "One training of one architecture.",
                "key": [{"@id": f"{RECORDS}/{GENOTYPE}"}, {"@id": f"{RECORDS}/{SEED}"}],
                "field": [_field(name, file) for name in columns],
            }
        ],
    }


def _field(column: str, file: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{column}",
        "name": column,
        "description": MEANINGS.get(column) or _latency(column) or _accuracy(column),
        "dataType": TYPES.get(column, "sc:Float"),
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }


def _latency(column: str) -> str:
    """What is under ``latency_ms.onnx.p95``; empty for another column."""
    if not column.startswith(f"{UNIT}."):
        return ""
    statistic = "95th percentile" if column.endswith(P95) else "Median"
    return f"{statistic} of the milliseconds of one inference, see the JSON file of the table."


def _accuracy(column: str) -> str:
    """What is under ``pgd@Linf.eps8`` or ``snow.s1``."""
    corruption, _, severity = column.rpartition(".s")
    if corruption and "@" not in column:
        return f"Accuracy under the corruption {corruption} at severity {severity}, from 0 to 1."
    return f"Accuracy under {label_of(column)} in the L-infinity norm, from 0 to 1."
