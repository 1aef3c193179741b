"""Contracts: what every proxy, space, attack and algorithm promises, as functions for the tests of any package.

Each raises `AssertionError` that names the property and what does not have it.
"""

from evonas.testing.algorithm import check_algorithm
from evonas.testing.assessment import check_assessment
from evonas.testing.attack import check_attack
from evonas.testing.proxy import check_proxy
from evonas.testing.space import check_space

__all__ = ["check_algorithm", "check_assessment", "check_attack", "check_proxy", "check_space"]
