"""Numbers on the command line."""

from __future__ import annotations

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A float within a range; `nan`, which is in none and which click lets pass, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The float. Fails in click's way for what is none."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def as_given(value: object) -> str:
    """A number as a program reads it, with no digit lost: `0`, not `0.0`."""
    return str(value).removesuffix(".0")
