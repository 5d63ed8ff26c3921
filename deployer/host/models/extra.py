"""What can be said of models without the extra `models`: whether it is there, and what needs it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from deployer.core.payload import modelfile
from deployer.edge import files
from deployer.errors import ExtraMissing, ModelUnsupported


def need(what: str) -> None:
    """Raises ExtraMissing, with what needs them, unless the packages are installed.

    Multiplications are then done by one thread, unless the environment says otherwise: they are
    many and short, and on a busy computer the threads of OpenBLAS take five times as long to wait
    for each other as to multiply. It reads that when numpy is imported.
    """
    for module in ("numpy", "gguf", "jinja2"):
        if importlib.util.find_spec(module) is None:
            raise ExtraMissing(what=what, package=module, extra="models")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def refuse_safetensors(path: Path) -> None:
    """Raises ModelUnsupported for a model as Hugging Face's libraries keep it: a file or a folder.

    Such a folder has config.json, the tokenizer and one file or several with the weights.
    """
    folder = path.is_dir() and (path / "config.json").is_file()
    if path.suffix.lower() == ".safetensors" or (folder and any(path.glob("*.safetensors"))):
        raise ModelUnsupported(
            path=path, why="it is a model as safetensors, which is not converted",
            remedy="Use its .gguf file, which many models have, or make one with llama.cpp's "
            "convert_hf_to_gguf.py.",
        )  # fmt: skip


def is_convertible(path: Path) -> bool:
    """Whether the engine runs this file only after a conversion.

    It is a GGUF file, is named as one, or a later export of llama2.c. What is not there is refused
    where files are staged. Raises FileUnreadable.
    """
    if not path.is_file():
        return False
    head = files.read_bounded(path, 8)
    named = path.suffix.lower() == ".gguf"
    return named or head[:4] == b"GGUF" or modelfile.export_version(head) in (1, 2)
