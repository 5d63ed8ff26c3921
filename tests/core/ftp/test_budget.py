"""What may happen only so often, and with only so many bytes, in a period."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployer.core.ftp.budget import Allowance, Budget, Budgets


def test_beyond_the_number_everything_is_counted_until_the_period_is_over() -> None:
    budget = Budget(Allowance(2, period=10))
    for _ in range(2):
        assert budget.allows(0)
        budget.spend()
    assert not budget.allows(9)
    assert budget.beyond == 1
    assert budget.allows(10)


def test_bytes_count_as_well() -> None:
    budget = Budget(Allowance(100, size=1000, period=10))
    budget.spend(999)
    assert budget.allows(0)
    budget.spend(1)
    assert not Budget(Allowance(0)).allows(0)


STEPS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 50), st.floats(0, 4)), max_size=60
)


@given(STEPS, st.integers(1, 3))
def test_no_key_and_not_all_together_get_more_than_their_allowance(
    steps: list[tuple[str, int, float]], keys: int
) -> None:
    """Whatever is forgotten: the total still bounds it."""
    each, total = Allowance(5, size=100, period=1e9), Allowance(9, size=150, period=1e9)
    budgets, now = Budgets(each, total, keys), 0.0
    taken: list[tuple[str, int]] = []
    refused = 0
    for key, size, passed in steps:
        now += passed
        if budgets.allows(key, now):
            taken.append((key, size))
            budgets.spend(key, size)
        else:
            refused += 1
    assert len(taken) <= 9
    assert sum(size for _, size in taken[:-1]) < 150
    assert budgets.beyond >= refused
    if keys == 3:
        for key in "ABC":
            sizes = [size for other, size in taken if other == key]
            assert len(sizes) <= 5
            assert sum(sizes[:-1]) < 100
