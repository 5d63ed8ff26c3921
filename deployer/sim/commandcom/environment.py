"""The environment: a block of fixed size with strings `NAME=value` ended by zeros (facts B22).

When the block is full, a store stops where it is: the shortened text stays (case env-overflow).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deployer.sim.commandcom.line.text import decode, encode, upper


class EnvironmentFull(Exception):  # noqa: N818 - the shell says "Out of environment space"
    """There is no room for another character."""


class Environment:
    """A block of `size` bytes, rounded up to whole paragraphs of 16."""

    def __init__(self, size: int, values: Mapping[str, str], *, any_case: bool) -> None:
        self._block = bytearray(-(-size // 16) * 16)
        self._any_case = any_case
        for name, value in values.items():
            self._append(f"{name}={value}")

    def copy(self, size: int | None = None) -> Environment:
        """What a child program gets."""
        other = Environment(max(size or 0, len(self._block)), {}, any_case=self._any_case)
        other._block[: len(self._block)] = self._block
        return other

    def strings(self) -> Iterator[str]:
        """The strings as SET lists them."""
        at = 0
        while self._block[at]:
            end = self._block.index(0, at)
            yield decode(bytes(self._block[at:end]))
            at = end + 1

    def get(self, name: str) -> str | None:
        """The value of a variable, None without one. Only the part up to the first `=` counts."""
        at = self._find(name)
        if at is None:
            return None
        end = self._block.index(0, at)
        return decode(bytes(self._block[at:end])).partition("=")[2]

    def delete(self, name: str) -> None:
        """Remove a variable if it is there."""
        at = self._find(name)
        if at is not None:
            end = self._block.index(0, at) + 1
            rest = self._block[end:]
            self._block[at : at + len(rest)] = rest

    def set(self, name: str, value: str) -> None:
        """Replace a variable; raises EnvironmentFull with what fitted stored."""
        self.delete(name)
        self._append(f"{upper(name)}={value}")

    def _find(self, name: str) -> int | None:
        wanted = upper(name).partition("=")[0] + "="
        at = 0
        while self._block[at]:
            end = self._block.index(0, at)
            text = decode(bytes(self._block[at:end]))
            head = text[: len(wanted)]
            if (upper(head) if self._any_case else head) == wanted:
                return at
            at = end + 1
        return None

    def _append(self, text: str) -> None:
        at = 0
        while self._block[at]:
            at = self._block.index(0, at) + 1
        for byte in encode(text):
            if at >= len(self._block) - 2:
                raise EnvironmentFull
            self._block[at] = byte
            self._block[at + 1 : at + 3] = b"\0\0"
            at += 1
        self._block[at + 1] = 0
