"""The registry of spaces."""

from spaces.base import Space
from spaces.registry import Registry

spaces: Registry[Space] = Registry(
    "space",
    {
        "darts": "spaces.darts.space",
        "nasbench201": "spaces.nasbench201.space",
        "robnet": "spaces.robnet.space",
    },
    group="evonas.spaces",
)
