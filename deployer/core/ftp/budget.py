"""How often something may happen, and with how many bytes, within a period; the rest is counted."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `count` times and `size` bytes within `period` seconds."""

    count: int
    size: int = 1 << 62
    period: float = DAY


class Budget:
    """What is left of an allowance. A period begins with the first use after the last one's end."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._since: float | None = None
        self._count = self._size = 0
        self.beyond = 0

    def allows(self, now: float) -> bool:
        """Whether one more is allowed; counted in `beyond` when it is not."""
        if self._since is None or now - self._since >= self._allowance.period:
            self._since, self._count, self._size = now, 0, 0
        if self._count < self._allowance.count and self._size < self._allowance.size:
            return True
        self.beyond += 1
        return False

    def spend(self, size: int = 0) -> None:
        """It has happened once, with so many bytes."""
        self._count += 1
        self._size += size


class Budgets:
    """A budget for each of many keys, and one for all of them together.

    Only the most recent `keys` are remembered; `total` bounds what forgotten ones could add.
    """

    def __init__(self, each: Allowance, total: Allowance, keys: int = 1024) -> None:
        self._each = each
        self._keys = keys
        self._budgets: dict[str, Budget] = {}
        self._total = Budget(total)

    @property
    def beyond(self) -> int:
        """How many were not allowed so far."""
        return self._total.beyond + sum(budget.beyond for budget in self._budgets.values())

    def allows(self, key: str, now: float) -> bool:
        """Whether one more of this key is allowed."""
        budget = self._budgets.pop(key, None) or Budget(self._each)
        while len(self._budgets) >= self._keys:
            oldest = self._budgets.pop(next(iter(self._budgets)))
            self._total.beyond += oldest.beyond
        self._budgets[key] = budget
        return budget.allows(now) and self._total.allows(now)

    def spend(self, key: str, size: int = 0) -> None:
        """It has happened once for this key."""
        if key in self._budgets:
            self._budgets[key].spend(size)
        self._total.spend(size)
