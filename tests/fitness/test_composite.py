import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fitness import Score, Task, proxies, score_all
from fitness.composite import Composite, Member, is_composite, names, normal, parse, standardise
from spaces import NetworkSize, UsageError, spaces


def scores(values):
    return [Score(value, "" if value is not None else "no reason at all") for value in values]


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
    assert names("croze:Z") == ("croze:Z",) and names("croze:Z*2+params") == ("croze:Z", "params")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("croze", "croze"),
        (" croze * 2.0+ params", "croze*2+params"),
        ("params*1+flops*-0.50", "params+flops*-0.5"),
        ("params*1", "params*1"),
        ("params*1e300", "params*1e300"),
    ],
)
def test_a_composite_has_one_way_of_being_written(text, expected):
    assert normal(text) == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).filter(bool), min_size=1, max_size=5))
def test_writing_a_composite_and_reading_it_changes_nothing(weights):
    members = tuple(Member(name, weight) for name, weight in zip(proxies, weights, strict=False))
    text = "+".join(f"{name}*{format(weight, '.17g').replace('e+', 'e')}" for name, weight in members)
    assert parse(normal(text)) == parse(text) == members
    assert normal(normal(text)) == normal(text) and is_composite(normal(text))


@given(st.data())
def test_statistics_and_scores_do_not_depend_on_the_order_of_the_population(data):
    values = data.draw(st.lists(st.floats(-1e300, 1e300) | st.none(), min_size=1, max_size=20))
    assume(any(value is not None for value in values))
    shuffled = data.draw(st.permutations(values))
    first, second = (standardise(parse("params"), {"params": scores(given)}) for given in (values, shuffled))
    assert first == second
    for value in values:
        assert first.combine({"params": Score(value)}) == second.combine({"params": Score(value)})


def test_a_sum_that_overflows_is_no_score():
    composite = Composite(parse("params*1e300+flops"), (0.0, 0.0), (1.0, 1.0))
    assert composite.combine({"params": Score(1e300), "flops": Score(1.0)}) == Score(
        None, "the weighted sum is inf"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("croze+", "missing"),
        ("croze+crose", "croze"),
        ("params*x", "invalid weight"),
        ("params*0", "invalid weight"),
        ("params*nan", "invalid weight"),
        ("params*", "invalid weight"),
        ("params+params", "twice"),
    ],
)
def test_what_is_wrong_with_a_composite_is_said(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_composite_is_the_weighted_sum_of_standard_scores():
    members = parse("params*2+flops")
    population = {"params": scores([1.0, 2.0, 3.0, None]), "flops": scores([10.0, 10.0, 40.0, 20.0])}
    composite = standardise(members, population)
    expected = 2 * (5 - 2) / np.std([1, 2, 3]) + (0 - 20) / np.std([10, 10, 40, 20])
    score = composite.combine({"params": Score(5.0), "flops": Score(0.0)})
    assert score.value == pytest.approx(expected, rel=1e-12)


def test_composite_of_a_genotype_does_not_depend_on_what_is_scored_beside_it():
    space = spaces["darts"]
    task = Task(space, NetworkSize(4, 3))
    genotype = space.random(np.random.default_rng(0))
    composite = Composite(parse("params+flops"), (1e4, 1e6), (1e3, 1e5))
    others = [space.random(np.random.default_rng(seed)) for seed in (1, 2)]
    (alone,) = score_all([genotype], ["params", "flops"], task)
    _, among, _ = score_all([others[0], genotype, others[1]], ["flops", "params"], task)
    assert composite.combine(alone).value == composite.combine(among).value


def test_a_member_without_a_value_is_named():
    composite = Composite(parse("params+flops"), (0.0, 0.0), (1.0, 1.0))
    score = composite.combine({"params": Score(1.0), "flops": Score(None, "no reason at all")})
    assert score.value is None
    assert score.reason == "flops: no reason at all"


def test_equal_scores_do_not_divide_by_zero():
    for equal in (3.0, 0.1):  # three times 0.1, summed and divided in floating point, is not 0.1
        composite = standardise(parse("params"), {"params": scores([equal] * 3)})
        assert composite.deviations == (1.0,) and composite.combine({"params": Score(equal)}).value == 0.0


def test_a_member_that_never_has_a_value_is_an_error():
    with pytest.raises(UsageError, match=r"'params'.*no reason at all"):
        standardise(parse("params"), {"params": scores([None])})
