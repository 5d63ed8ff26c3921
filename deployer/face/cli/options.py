"""Numbers and addresses on the command line."""

from __future__ import annotations

import ipaddress
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


class Address(click.types.StringParamType):
    """This computer's IPv4 address on the wire; a prefix, as `serve` takes one, may only be /24."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address alone. Fails in click's way for what is none."""
        try:
            interface = ipaddress.IPv4Interface(value)
        except ValueError:
            self.fail(f"{value} is no address such as 192.168.1.1.", param, ctx)
        if "/" in str(value) and interface.network.prefixlen != 24:
            self.fail(f"{value}: the wire of a push is a /24.", param, ctx)
        return str(interface.ip)


def as_given(value: object) -> str:
    """A number as a program reads it, with no digit lost: `0`, not `0.0`."""
    return str(value).removesuffix(".0")
