"""From what the user names to files with their roles: directories walked, models recognised."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from deployer.core.model import container
from deployer.core.payload import modelfile, recipe
from deployer.edge import files, folders, resources
from deployer.edge.folders import Item
from deployer.errors import (
    ModelDamaged,
    ModelOfOtherVersion,
    TokenizerMissing,
    TokenizerUnfit,
    WrongUse,
)

LLAMA2C, CONTAINER = "llama2.c", "l98"
"""Kinds of models, as recipes name them."""
_MOST_TOKENIZER = 16 << 20


@dataclass(frozen=True, slots=True)
class Choice:
    """The files in order, the recipe's roles of some of them, and how the payload is launched.

    `programs` are programs of ours that the recipe adds, `empty` directories that hold no file.
    """

    items: tuple[Item, ...]
    roles: dict[str, Item] = field(default_factory=dict)
    recipe: recipe.Recipe | None = None
    programs: frozenset[Path] = frozenset()
    empty: tuple[str, ...] = ()


def choose(paths: Sequence[Path], recipe_name: str, *, bare: bool) -> Choice:
    """What goes, and how it is launched; `bare` when that is not a recipe's business.

    A directory's contents go, as a tree. Without a recipe only a model that was named by itself is
    recognised. Raises the errors of wrong input.
    """
    items, empty = _gather(paths)
    if bare:
        return Choice(items, empty=empty)
    if recipe_name:
        chosen = resources.recipe(recipe_name)
        return _with_recipe(items, empty, chosen, _model_for(chosen, recipe_name, items))
    named = [item for item in items if not item.place]
    for kind, among in ((LLAMA2C, model_among), (CONTAINER, container_among)):
        model = among(named)
        found = resources.recipe_for(kind) if model else None
        if model is not None and found is not None:
            return _with_recipe(items, empty, found, model)
    return Choice(items, empty=empty)


def _gather(paths: Sequence[Path]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    items: list[Item] = []
    empty: list[str] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - Path's own raises for names that are too long
            folder = folders.walk(path)
            items += folder.items
            empty += folder.empty
        else:
            files.length_of(path)
            items.append(Item(path))
    return tuple(dict.fromkeys(items)), tuple(empty)


def length_of(item: Item) -> int:
    """Bytes of an item's file; only in a tree may it be empty. Raises as `files.length_of` does."""
    return files.length_of(item.path, empty_allowed=bool(item.place))


def _model_for(chosen: recipe.Recipe, name: str, items: Sequence[Item]) -> Item:
    among = {LLAMA2C: model_among, CONTAINER: container_among}.get(chosen.kind)
    if among is None:
        return items[0]
    model = among(items)
    if model is None:
        kind = "llama2.c" if chosen.kind == LLAMA2C else "converted"
        raise WrongUse(
            what=f"--recipe {name} needs a {kind} model; {items[0].path} is none.",
            remedy="Name the model file, or use --no-run to send the files only.",
        )
    return model


def container_among(items: Sequence[Item]) -> Item | None:
    """The first volume of a converted model, or None.

    Raises ModelDamaged for a later volume without the first, and where another one is missing.
    """
    known = {item.path.name.lower() for item in items}
    later = None
    for item in items:
        head = files.read_bounded(item.path, container.LONGEST_HEAD)
        if container.is_container(head):
            for volume in range(2, container.read(head, str(item.path)).volumes + 1):
                name = f"{item.path.name[:-2]}{volume:02d}"
                if name.lower() not in known:
                    raise ModelDamaged(path=item.path, why=f"its volume {name} is not named too")
            return item
        later = later or (item if container.is_later_volume(head) else None)
    if later is not None:
        raise ModelDamaged(path=later.path, why="it is a later volume; name the first one too")
    return None


def model_among(items: Sequence[Item]) -> Item | None:
    """The first llama2.c model.

    Raises ModelDamaged for a file that looks like a cut one, and ModelOfOtherVersion.
    """
    for item in items:
        head, length = files.read_bounded(item.path, modelfile.HEADER.size), length_of(item)
        if modelfile.recognise(head, length):
            return item
        if (version := modelfile.export_version(head)) is not None:
            raise ModelOfOtherVersion(path=item.path, version=version)
        is_bin = item.path.suffix.lower() == ".bin"
        cut = modelfile.looks_cut(head, length) if is_bin else None
        if cut:
            raise ModelDamaged(
                path=item.path,
                why=f"its header says {cut.file_length} bytes, but the file has {length}: "
                "it was cut off",
            )
    return None


def _with_recipe(
    items: tuple[Item, ...], empty: tuple[str, ...], chosen: recipe.Recipe, model: Item
) -> Choice:
    roles = {"model": model} if recipe.needs_model(chosen) else {}
    if "tokenizer" in chosen.companions:
        roles["tokenizer"] = _tokenizer(model, items)
    if chosen.program:
        shown = [item.place or item.path.name for item in items]
        roles["program"] = items[recipe.pick_program(chosen, shown)]
    programs = tuple(resources.program_path(name) for name in chosen.programs)
    everything = dict.fromkeys([*map(Item, programs), *items, *roles.values()])
    return Choice(tuple(everything), roles, chosen, frozenset(programs), empty)


def _tokenizer(model: Item, given: Sequence[Item]) -> Item:
    """The tokenizer among the given files, else the one beside the model."""
    shape = modelfile.read_header(files.read_bounded(model.path, modelfile.HEADER.size))
    assert shape is not None
    wanted = modelfile.tokenizer_names(model.path.name, shape.vocabulary)
    # The one whose name goes with the model is looked at first: in a tree there may be several.
    for item in sorted(given, key=_by_name(wanted)):
        if item != model and (found := _tokens(item.path)) is not None:
            if why := _unfit(found, shape):
                raise TokenizerUnfit(path=item.path, model=model.path.name, why=why)
            return item
    beside = [(path, found) for path in _beside(model.path, wanted) if (found := _tokens(path))]
    for path, found in beside:
        if not _unfit(found, shape):
            return Item(path)
    for path, found in beside:
        raise TokenizerUnfit(path=path, model=model.path.name, why=_unfit(found, shape))
    raise TokenizerMissing(path=model.path, tried=", ".join(wanted))


def _unfit(found: modelfile.TokenizerFile, shape: modelfile.Checkpoint) -> str:
    """Why a tokenizer does not go with a model; "" when it does."""
    match found.form:
        case modelfile.TokenizerForm.WITHOUT_SCORES:
            return "it is of an older form of llama2.c (July 2023), which has no scores"
        case modelfile.TokenizerForm.WITHOUT_LONGEST:
            return "it is of an older form of llama2.c, without the length of its longest token"
        case modelfile.TokenizerForm.PRESENT:
            fits = found.tokens == shape.vocabulary
            return "" if fits else f"it has {found.tokens} tokens, the model {shape.vocabulary}"
        case _ as never:
            assert_never(never)


def _beside(model: Path, wanted: Sequence[str]) -> Iterator[Path]:
    """The files beside the model that have a wanted name, in any case, best first."""
    names = {path.name.lower(): path for path in sorted(model.absolute().parent.iterdir())}
    for name in wanted:
        if (path := names.get(name.lower())) is not None:
            yield model.parent / path.name


def _by_name(wanted: Sequence[str]) -> Callable[[Item], bool]:
    names = {name.lower() for name in wanted}
    return lambda item: item.path.name.lower() not in names


def _tokens(path: Path) -> modelfile.TokenizerFile | None:
    if not path.is_file() or path.stat().st_size > _MOST_TOKENIZER:
        return None
    return modelfile.read_tokenizer(files.read_bounded(path, _MOST_TOKENIZER))
