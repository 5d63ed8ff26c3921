"""The packages of the extra `models`, which turning a model needs and nothing else does."""

from __future__ import annotations

import importlib.util

from deployer.errors import ExtraMissing


def need(what: str) -> None:
    """Raises ExtraMissing, with what needs them, unless the packages are installed."""
    for module in ("numpy", "gguf", "jinja2"):
        if importlib.util.find_spec(module) is None:
            raise ExtraMissing(what=what, package=module, extra="models")
