"""Published cells of the DARTS space and its relatives, each with the repository it was read from.

Baselines from the literature. Those outside the searched space (other concat lists, more nodes, 7x7 kernels) parse,
build, train and score like the rest.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A genotype of the literature."""

    method: str
    source: str  # repository, commit, file, name
    normal: str
    normal_concat: tuple[int, ...]
    reduce: str
    reduce_concat: tuple[int, ...]
    note: str = ""

    @property
    def genotype(self) -> str:
        """The genotype in the literature's syntax; cells here are written ``operation state`` per edge."""
        cells = [
            [(edge.split()[0], int(edge.split()[1])) for edge in cell.split(",")]
            for cell in (self.normal, self.reduce)
        ]
        return (
            f"Genotype(normal={cells[0]}, normal_concat={list(self.normal_concat)}, "
            f"reduce={cells[1]}, reduce_concat={list(self.reduce_concat)})"
        )


# fmt: off
PUBLISHED: dict[str, Row] = {
    "DARTS_V1": Row(
        "DARTS 1st order (Liu 2019)",
        "quark0/darts f276dd346a cnn/genotypes.py DARTS_V1",
        "sep_conv_3x3 1, sep_conv_3x3 0, skip_connect 0, sep_conv_3x3 1, "
        "skip_connect 0, sep_conv_3x3 1, sep_conv_3x3 0, skip_connect 2",
        (2, 3, 4, 5),
        "max_pool_3x3 0, max_pool_3x3 1, skip_connect 2, max_pool_3x3 0, "
        "max_pool_3x3 0, skip_connect 2, skip_connect 2, avg_pool_3x3 0",
        (2, 3, 4, 5),
    ),
    "DARTS_V2": Row(
        "DARTS 2nd order (Liu 2019)",
        "quark0/darts f276dd346a cnn/genotypes.py DARTS_V2",
        "sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, "
        "sep_conv_3x3 1, skip_connect 0, skip_connect 0, dil_conv_3x3 2",
        (2, 3, 4, 5),
        "max_pool_3x3 0, max_pool_3x3 1, skip_connect 2, max_pool_3x3 1, "
        "max_pool_3x3 0, skip_connect 2, skip_connect 2, max_pool_3x3 1",
        (2, 3, 4, 5),
    ),
    "NASNet_A": Row(
        "NASNet-A",
        "quark0/darts f276dd346a cnn/genotypes.py NASNet",
        "sep_conv_5x5 1, sep_conv_3x3 0, sep_conv_5x5 0, sep_conv_3x3 0, "
        "avg_pool_3x3 1, skip_connect 0, avg_pool_3x3 0, avg_pool_3x3 0, sep_conv_3x3 1, skip_connect 1",
        (2, 3, 4, 5, 6),
        "sep_conv_5x5 1, sep_conv_7x7 0, max_pool_3x3 1, sep_conv_7x7 0, "
        "avg_pool_3x3 1, sep_conv_5x5 0, skip_connect 3, avg_pool_3x3 2, sep_conv_3x3 2, max_pool_3x3 1",
        (4, 5, 6),
        "5 nodes, sep_conv_7x7",
    ),
    "AmoebaNet_A": Row(
        "AmoebaNet-A",
        "quark0/darts f276dd346a cnn/genotypes.py AmoebaNet",
        "avg_pool_3x3 0, max_pool_3x3 1, sep_conv_3x3 0, sep_conv_5x5 2, "
        "sep_conv_3x3 0, avg_pool_3x3 3, sep_conv_3x3 1, skip_connect 1, skip_connect 0, avg_pool_3x3 1",
        (4, 5, 6),
        "avg_pool_3x3 0, sep_conv_3x3 1, max_pool_3x3 0, sep_conv_7x7 2, "
        "sep_conv_7x7 0, avg_pool_3x3 1, max_pool_3x3 0, max_pool_3x3 1, conv_7x1_1x7 0, sep_conv_3x3 5",
        (3, 4, 6),
        "5 nodes, conv_7x1_1x7",
    ),
    "PDARTS": Row(
        "P-DARTS",
        "nutellamok/advrush a15b26a4ef eval/genotypes.py PDARTS",
        "skip_connect 0, dil_conv_3x3 1, skip_connect 0, sep_conv_3x3 1, "
        "sep_conv_3x3 1, sep_conv_3x3 3, sep_conv_3x3 0, dil_conv_5x5 4",
        (2, 3, 4, 5),
        "avg_pool_3x3 0, sep_conv_5x5 1, sep_conv_3x3 0, dil_conv_5x5 2, "
        "max_pool_3x3 0, dil_conv_3x3 1, dil_conv_3x3 1, dil_conv_5x5 3",
        (2, 3, 4, 5),
    ),
    "PC_DARTS_cifar": Row(
        "PC-DARTS",
        "yuhuixu1993/PC-DARTS b74702f86c genotypes.py PC_DARTS_cifar",
        "sep_conv_3x3 1, skip_connect 0, sep_conv_3x3 0, dil_conv_3x3 1, "
        "sep_conv_5x5 0, sep_conv_3x3 1, avg_pool_3x3 0, dil_conv_3x3 1",
        (2, 3, 4, 5),
        "sep_conv_5x5 1, max_pool_3x3 0, sep_conv_5x5 1, sep_conv_5x5 2, "
        "sep_conv_3x3 0, sep_conv_3x3 3, sep_conv_3x3 1, sep_conv_3x3 2",
        (2, 3, 4, 5),
    ),
    "PC_DARTS_imagenet": Row(
        "PC-DARTS searched on ImageNet",
        "yuhuixu1993/PC-DARTS b74702f86c genotypes.py PC_DARTS_image",
        "skip_connect 1, sep_conv_3x3 0, sep_conv_3x3 0, skip_connect 1, "
        "sep_conv_3x3 1, sep_conv_3x3 3, sep_conv_3x3 1, dil_conv_5x5 4",
        (2, 3, 4, 5),
        "sep_conv_3x3 0, skip_connect 1, dil_conv_5x5 2, max_pool_3x3 1, "
        "sep_conv_3x3 2, sep_conv_3x3 1, sep_conv_5x5 0, sep_conv_3x3 3",
        (2, 3, 4, 5),
    ),
    "DrNAS_cifar10": Row(
        "DrNAS",
        "xiangning-chen/DrNAS f2caa4dbdd DARTS-space/genotypes.py DrNAS_cifar10",
        "sep_conv_3x3 0, sep_conv_5x5 1, sep_conv_3x3 1, sep_conv_3x3 2, "
        "skip_connect 0, sep_conv_3x3 1, sep_conv_3x3 2, dil_conv_5x5 3",
        (2, 3, 4, 5),
        "max_pool_3x3 0, sep_conv_5x5 1, dil_conv_5x5 2, sep_conv_5x5 1, "
        "sep_conv_5x5 1, dil_conv_5x5 3, skip_connect 4, sep_conv_5x5 1",
        (2, 3, 4, 5),
    ),
    "DrNAS_imagenet": Row(
        "DrNAS searched on ImageNet",
        "xiangning-chen/DrNAS f2caa4dbdd DARTS-space/genotypes.py DrNAS_imagenet",
        "sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 0, sep_conv_3x3 1, "
        "sep_conv_3x3 0, dil_conv_3x3 3, skip_connect 0, sep_conv_3x3 1",
        (2, 3, 4, 5),
        "max_pool_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, skip_connect 2, "
        "sep_conv_3x3 0, sep_conv_3x3 2, sep_conv_3x3 3, sep_conv_3x3 1",
        (2, 3, 4, 5),
    ),
    "ADVRUSH": Row(
        "AdvRush",
        "nutellamok/advrush a15b26a4ef eval/genotypes.py ADVRUSH",
        "sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_5x5 0, sep_conv_3x3 1, "
        "sep_conv_3x3 1, sep_conv_3x3 0, skip_connect 0, sep_conv_3x3 1",
        (2, 3, 4, 5),
        "sep_conv_3x3 0, sep_conv_3x3 1, skip_connect 0, dil_conv_3x3 2, "
        "skip_connect 0, avg_pool_3x3 1, skip_connect 0, skip_connect 2",
        (2, 3, 4, 5),
    ),
    "RACL": Row(
        "RACL",
        "nutellamok/advrush a15b26a4ef eval/genotypes.py RACL",
        "sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_5x5 0, skip_connect 1, "
        "sep_conv_3x3 0, skip_connect 3, sep_conv_3x3 3, skip_connect 4",
        (2, 3, 4, 5),
        "sep_conv_3x3 0, sep_conv_5x5 1, avg_pool_3x3 0, dil_conv_3x3 1, "
        "sep_conv_3x3 0, sep_conv_5x5 1, sep_conv_3x3 2, dil_conv_3x3 3",
        (2, 3, 4, 5),
    ),
    "CROZE_CIFAR10": Row(
        "CRoZe CIFAR-10",
        "HyeonjeongHa/CRoZe 3e89e3d113 train.py CROZE_CIFAR10",
        "avg_pool_3x3 0, dil_conv_3x3 1, dil_conv_5x5 0, dil_conv_3x3 1, max_pool_3x3 2, sep_conv_3x3 0, "
        "avg_pool_3x3 1, skip_connect 2, dil_conv_3x3 3, sep_conv_5x5 0, dil_conv_5x5 1, sep_conv_3x3 2, skip_connect 3, sep_conv_7x7 4",
        (4, 5, 3, 4),
        "avg_pool_3x3 0, sep_conv_5x5 1, conv_7x1_1x7 0, sep_conv_5x5 1, sep_conv_5x5 2, conv_7x1_1x7 0, "
        "sep_conv_7x7 1, dil_conv_3x3 2, dil_conv_3x3 3, dil_conv_3x3 0, sep_conv_7x7 1, conv_7x1_1x7 2, dil_conv_3x3 3, sep_conv_3x3 4",
        (3, 2, 5, 5),
        "14 edges read as 7 nodes, of which the last three never reach the output; concat repeats nodes",
    ),
    "CROZE_CIFAR100": Row(
        "CRoZe CIFAR-100",
        "HyeonjeongHa/CRoZe 3e89e3d113 train.py CROZE_CIFAR100",
        "max_pool_3x3 0, sep_conv_7x7 1, avg_pool_3x3 0, sep_conv_7x7 1, max_pool_3x3 2, avg_pool_3x3 0, "
        "dil_conv_3x3 1, dil_conv_3x3 2, sep_conv_5x5 3, sep_conv_7x7 0, sep_conv_3x3 1, skip_connect 2, sep_conv_3x3 3, skip_connect 4",
        (2, 2, 4, 5),
        "sep_conv_3x3 0, dil_conv_5x5 1, sep_conv_3x3 0, avg_pool_3x3 1, avg_pool_3x3 2, sep_conv_7x7 0, "
        "dil_conv_3x3 1, sep_conv_5x5 2, avg_pool_3x3 3, dil_conv_3x3 0, max_pool_3x3 1, avg_pool_3x3 2, dil_conv_5x5 3, avg_pool_3x3 4",
        (3, 4, 5, 5),
        "as CROZE_CIFAR10",
    ),
    "CROZE_IMAGENET": Row(
        "CRoZe (ImageNet16-120)",
        "HyeonjeongHa/CRoZe 3e89e3d113 train.py CROZE_IMAGENET",
        "dil_conv_5x5 0, avg_pool_3x3 1, skip_connect 0, sep_conv_3x3 1, avg_pool_3x3 2, dil_conv_3x3 0, "
        "skip_connect 1, sep_conv_3x3 2, avg_pool_3x3 3, sep_conv_3x3 0, dil_conv_3x3 1, sep_conv_3x3 2, skip_connect 3, sep_conv_7x7 4",
        (2, 5, 3, 4),
        "sep_conv_7x7 0, avg_pool_3x3 1, sep_conv_5x5 0, dil_conv_3x3 1, skip_connect 2, dil_conv_3x3 0, "
        "max_pool_3x3 1, sep_conv_5x5 2, sep_conv_7x7 3, skip_connect 0, conv_7x1_1x7 1, max_pool_3x3 2, dil_conv_3x3 3, avg_pool_3x3 4",
        (3, 3, 4, 5),
        "as CROZE_CIFAR10",
    ),
    "LRNAS_cifar10": Row(
        "LRNAS (TNNLS 2024)",
        "fyqsama/LRNAS aa13ec2404 genotypes.py search_cifar10",
        "max_pool_3x3 1, avg_pool_3x3 0, sep_conv_3x3 1, skip_connect 0, "
        "sep_conv_3x3 2, avg_pool_3x3 1, max_pool_3x3 3, max_pool_3x3 0",
        (2, 3, 4, 5),
        "none 0, none 1, sep_conv_5x5 2, max_pool_3x3 0, "
        "avg_pool_3x3 2, skip_connect 1, max_pool_3x3 3, skip_connect 4",
        (2, 3, 4, 5),
        "uses 'none' edges",
    ),
    "LRNAS_cifar100": Row(
        "LRNAS CIFAR-100",
        "fyqsama/LRNAS aa13ec2404 genotypes.py search_cifar100",
        "avg_pool_3x3 0, none 1, skip_connect 0, skip_connect 2, "
        "sep_conv_5x5 3, skip_connect 2, max_pool_3x3 4, sep_conv_5x5 1",
        (2, 3, 4, 5),
        "none 0, skip_connect 1, none 0, none 1, "
        "max_pool_3x3 1, none 0, skip_connect 4, sep_conv_3x3 0",
        (2, 3, 4, 5),
    ),
    "E2RNAS": Row(
        "E2RNAS",
        "fyqsama/LRNAS aa13ec2404 genotypes.py E2RNAS",
        "avg_pool_3x3 0, skip_connect 1, avg_pool_3x3 0, sep_conv_3x3 2, "
        "sep_conv_5x5 3, avg_pool_3x3 0, avg_pool_3x3 0, sep_conv_5x5 2",
        (2, 3, 4, 5),
        "avg_pool_3x3 0, avg_pool_3x3 1, avg_pool_3x3 0, avg_pool_3x3 1, "
        "avg_pool_3x3 0, skip_connect 3, avg_pool_3x3 0, skip_connect 3",
        (2, 3, 4, 5),
        "as listed by the LRNAS authors",
    ),
    "RNAS": Row(
        "RNAS",
        "fyqsama/LRNAS aa13ec2404 genotypes.py RNAS",
        "dil_conv_5x5 0, dil_conv_5x5 1, dil_conv_5x5 0, dil_conv_3x3 1, "
        "dil_conv_5x5 3, sep_conv_5x5 0, dil_conv_5x5 0, dil_conv_3x3 2",
        (2, 3, 4, 5),
        "avg_pool_3x3 1, dil_conv_5x5 0, dil_conv_5x5 2, sep_conv_5x5 0, "
        "sep_conv_3x3 3, skip_connect 0, sep_conv_5x5 0, sep_conv_5x5 4",
        (2, 3, 4, 5),
        "as listed by the LRNAS authors",
    ),
    "REP_PGD": Row(
        "REP plugin, PGD (TKDE 2025)",
        "fly2tortoise/TRNAS 66b668f3d1 2_Darts_space/eval/genotypes.py REP_PGD",
        "skip_connect 1, dil_conv_3x3 0, dil_conv_3x3 1, sep_conv_3x3 0, "
        "sep_conv_3x3 3, dil_conv_5x5 1, dil_conv_3x3 3, sep_conv_3x3 4",
        (2, 3, 4, 5),
        "sep_conv_3x3 1, sep_conv_5x5 0, sep_conv_5x5 1, sep_conv_3x3 2, "
        "sep_conv_3x3 2, sep_conv_5x5 1, max_pool_3x3 4, max_pool_3x3 3",
        (2, 3, 4, 5),
        "as listed by the TRNAS authors",
    ),
    "RNTK": Row(
        "ZCPRob robust-NTK proxy (ICLR 2025)",
        "fly2tortoise/TRNAS 66b668f3d1 2_Darts_space/eval/genotypes.py RNTK",
        "sep_conv_3x3 0, sep_conv_5x5 1, sep_conv_3x3 0, dil_conv_5x5 1, "
        "skip_connect 2, sep_conv_3x3 3, dil_conv_3x3 2, skip_connect 4",
        (2, 3, 4, 5),
        "avg_pool_3x3 0, sep_conv_3x3 1, dil_conv_5x5 2, sep_conv_3x3 1, "
        "avg_pool_3x3 0, skip_connect 3, max_pool_3x3 4, skip_connect 1",
        (2, 3, 4, 5),
        "as listed by the TRNAS authors",
    ),
    "TRNAS_c10": Row(
        "TRNAS (ICCV 2025) CIFAR-10",
        "fly2tortoise/TRNAS 66b668f3d1 2_Darts_space/eval/genotypes.py TRNAS_c10",
        "sep_conv_5x5 0, sep_conv_5x5 1, sep_conv_5x5 1, skip_connect 0, "
        "avg_pool_3x3 1, sep_conv_5x5 3, skip_connect 1, sep_conv_5x5 4",
        (2, 3, 4, 5),
        "sep_conv_5x5 0, sep_conv_5x5 1, sep_conv_5x5 0, sep_conv_5x5 1, "
        "sep_conv_5x5 0, sep_conv_5x5 1, sep_conv_5x5 1, sep_conv_5x5 3",
        (2, 3, 4, 5),
    ),
    "TRNAS_imagenet": Row(
        "TRNAS (ICCV 2025) ImageNet",
        "fly2tortoise/TRNAS 66b668f3d1 2_Darts_space/eval/genotypes.py TRNAS_imagenet",
        "sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, "
        "skip_connect 0, sep_conv_5x5 1, dil_conv_5x5 3, sep_conv_3x3 1",
        (2, 3, 4, 5),
        "sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 2, sep_conv_3x3 0, "
        "sep_conv_5x5 0, sep_conv_5x5 2, sep_conv_5x5 4, sep_conv_5x5 0",
        (2, 3, 4, 5),
    ),
    "RoBoT_cifar10": Row(
        "RoBoT (ICLR 2024) CIFAR-10",
        "hzf1174/RoBoT ead6c2f4e9 darts_space/genotypes.py CIFAR_10_arch",
        "dil_conv_3x3 1, skip_connect 0, dil_conv_3x3 2, max_pool_3x3 1, "
        "avg_pool_3x3 0, sep_conv_5x5 1, sep_conv_5x5 2, sep_conv_5x5 3",
        (2, 3, 4, 5),
        "max_pool_3x3 0, avg_pool_3x3 1, avg_pool_3x3 2, skip_connect 0, "
        "max_pool_3x3 2, max_pool_3x3 0, sep_conv_5x5 4, skip_connect 3",
        (2, 3, 4, 5),
    ),
    "RoBoT_cifar100": Row(
        "RoBoT CIFAR-100",
        "hzf1174/RoBoT ead6c2f4e9 darts_space/genotypes.py CIFAR_100_arch",
        "sep_conv_3x3 1, skip_connect 0, avg_pool_3x3 2, max_pool_3x3 0, "
        "sep_conv_3x3 1, sep_conv_3x3 3, skip_connect 1, sep_conv_3x3 4",
        (2, 3, 4, 5),
        "sep_conv_5x5 1, avg_pool_3x3 0, dil_conv_3x3 2, avg_pool_3x3 1, "
        "max_pool_3x3 1, dil_conv_3x3 3, avg_pool_3x3 1, avg_pool_3x3 4",
        (2, 3, 4, 5),
    ),
    "RoBoT_imagenet": Row(
        "RoBoT ImageNet",
        "hzf1174/RoBoT ead6c2f4e9 darts_space/genotypes.py ImageNet_arch",
        "avg_pool_3x3 1, sep_conv_5x5 0, dil_conv_3x3 2, sep_conv_3x3 0, "
        "sep_conv_5x5 3, avg_pool_3x3 0, skip_connect 1, sep_conv_3x3 0",
        (2, 3, 4, 5),
        "sep_conv_5x5 1, max_pool_3x3 0, sep_conv_5x5 0, dil_conv_3x3 2, "
        "max_pool_3x3 2, skip_connect 3, sep_conv_3x3 3, sep_conv_3x3 0",
        (2, 3, 4, 5),
    ),
    "TENAS_cifar10": Row(
        "TE-NAS",
        "jovitalukasik/AG-Net b828b72e5d genotypes.py TENAS_cifar10",
        "dil_conv_3x3 0, sep_conv_5x5 1, sep_conv_3x3 0, sep_conv_3x3 2, "
        "skip_connect 0, dil_conv_5x5 1, sep_conv_3x3 1, sep_conv_5x5 3",
        (2, 3, 4, 5),
        "sep_conv_5x5 0, sep_conv_5x5 1, sep_conv_5x5 1, sep_conv_5x5 2, "
        "sep_conv_3x3 1, sep_conv_3x3 3, sep_conv_5x5 2, sep_conv_3x3 4",
        (2, 3, 4, 5),
        "as listed by the AG-Net authors",
    ),
}
# fmt: on
