import numpy as np
import pytest

from fitness import Score, Task
from fitness.composite import Composite, Member, is_composite, parse, standardise
from spaces import NetworkSize, UsageError, spaces


def test_members_and_weights_are_read():
    assert parse("croze+naswot") == (Member("croze", 1.0), Member("naswot", 1.0))
    assert parse(" croze * 2 + synflow*-0.5+grad-norm ") == (
        Member("croze", 2.0),
        Member("synflow", -0.5),
        Member("grad-norm", 1.0),
    )
    assert parse("croze-paper[none]+croze:Z*3") == (Member("croze-paper[none]", 1.0), Member("croze:Z", 3.0))


def test_one_name_is_no_composite():
    assert not is_composite("grad-norm")
    assert is_composite("grad-norm+params") and is_composite("grad-norm*2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("croze+", "missing"),
        ("croze+crose", "croze"),
        ("params*x", "no weight"),
        ("params*0", "no weight"),
        ("params*nan", "no weight"),
        ("params*", "no weight"),
        ("params+params", "twice"),
    ],
)
def test_what_is_wrong_with_a_composite_is_said(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_composite_is_the_weighted_sum_of_standard_scores():
    members = parse("params*2+flops")
    population = {"params": [1.0, 2.0, 3.0, None], "flops": [10.0, 10.0, 40.0, 20.0]}
    composite = standardise(members, population)
    expected = 2 * (5 - 2) / np.std([1, 2, 3]) + (0 - 20) / np.std([10, 10, 40, 20])
    score = composite.combine({"params": Score(5.0), "flops": Score(0.0)})
    assert score.value == pytest.approx(expected, rel=1e-12)


def test_composite_of_a_genotype_does_not_depend_on_what_is_scored_beside_it():
    space = spaces["darts"]
    task = Task(space, NetworkSize(4, 3))
    genotype = space.random(np.random.default_rng(0))
    composite = Composite(parse("params+flops"), (1e4, 1e6), (1e3, 1e5))
    first = composite.score(genotype, task).value
    composite.score(space.random(np.random.default_rng(1)), task)
    assert composite.score(genotype, task).value == first


def test_a_member_without_a_value_is_named():
    composite = Composite(parse("params+flops"), (0.0, 0.0), (1.0, 1.0))
    score = composite.combine({"params": Score(1.0), "flops": Score(None, "no reason at all")})
    assert score.value is None
    assert score.reason == "flops: no reason at all"


def test_equal_scores_do_not_divide_by_zero():
    assert standardise(parse("params"), {"params": [3.0, 3.0]}).combine({"params": Score(4.0)}).value == 1.0


def test_a_member_that_never_has_a_value_is_an_error():
    with pytest.raises(UsageError, match="params"):
        standardise(parse("params"), {"params": [None]})
