"""One `Settings` value, built at the top and handed down: flag > environment > file > default.

Flags and environment variables (`DEPLOYER_*`) are Typer's work; this module reads the files:
`deployer.toml` in the current directory, then the one in the user's configuration directory.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from deployer.errors import HomeMissing, WrongUse
from deployer.model import (
    ANY,
    DEFAULT_HOST_ADDRESS,
    DEFAULT_TARGET_DIRECTORY,
    LINE,
    SIM,
    SIM_NAME,
    is_simulated,
)

FILE_NAME = "deployer.toml"
SYSTEM_STATE_DIR = "/var/lib/deployer"
"""Where root and the system's service keep what happened."""


def default_state_dir() -> str:
    """The user's own place; for root the system's, where a user that root becomes can get to."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return SYSTEM_STATE_DIR
    try:
        return platformdirs.user_state_dir("deployer")
    except RuntimeError:  # a user that the system does not know has no home
        return "~/.local/state/deployer"


def expanded(path: str | Path) -> Path:
    """The path with its `~` replaced. Raises HomeMissing when nobody knows by what."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise HomeMissing(path=path) from error


@dataclass(frozen=True, slots=True)
class WireSettings:
    """The table `[wire]`: whether PCs that ask for an address get one."""

    dhcp: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set in `deployer.toml`. Seconds, ports, addresses, directories."""

    address: str = DEFAULT_HOST_ADDRESS
    ftp_port: int = 21
    state_dir: str = field(default_factory=default_state_dir)
    directory: str = DEFAULT_TARGET_DIRECTORY
    profile: str = "win98-fat32"
    timeout: float = 900.0
    targets: Mapping[str, str] = field(default_factory=dict)
    wire: WireSettings = field(default_factory=WireSettings)


def files() -> tuple[Path, ...]:
    """The files that are read, the first wins."""
    here = Path(FILE_NAME)
    try:
        return (here, Path(platformdirs.user_config_dir("deployer")) / FILE_NAME)
    except RuntimeError:
        return (here,)


def load(paths: tuple[Path, ...] | None = None) -> Settings:
    """The settings of the files. Raises WrongUse that names the file and the key."""
    merged: dict[str, Any] = {}
    for path in reversed(files() if paths is None else paths):
        merged |= _read(path)
    return msgspec.convert(merged, Settings)


def _read(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise WrongUse(what=f"{path}: {error}.", remedy="Correct the file.") from error
    known = Settings.__dataclass_fields__
    if unknown := [key for key in table if key not in known]:
        raise WrongUse(
            what=f"{path}: there is no setting '{unknown[0]}'.",
            remedy=f"There are: {', '.join(known)}.",
        )
    if isinstance(wire := table.get("wire"), dict) and (other := set(wire) - {"dhcp"}):
        raise WrongUse(
            what=f"{path}: there is no setting '{other.pop()}' in [wire].", remedy="There is: dhcp."
        )
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise WrongUse(what=f"{path}: {error}.", remedy="Correct the file.") from error
    try:
        ipaddress.IPv4Address(settings.address)
    except ValueError as error:
        raise WrongUse(
            what=f"{path}: address = {settings.address!r} is no IPv4 address.",
            remedy="Correct the file; such as 192.168.1.1.",
        ) from error
    if not settings.timeout >= 0:  # nan is not
        raise WrongUse(
            what=f"{path}: timeout = {settings.timeout} are no seconds.",
            remedy="Correct the file; 0 is for ever.",
        )
    return table


def _simulated(text: str, word: str) -> str:
    if not re.fullmatch(SIM_NAME, word):
        raise WrongUse(
            what=f"--target {text}: not a name for a simulated PC.",
            remedy=f"Write {SIM}: and letters, digits and hyphens, up to 31, such as {SIM}:pc01.",
        )
    return word


def resolve_target(text: str, settings: Settings) -> str:
    """What a user's word for a target means: `sim`, `sim:NAME`, `any`, an address, a port, a name.

    Raises WrongUse for anything else.
    """
    word = settings.targets.get(text, text)
    if word in (SIM, ANY):
        return word
    if is_simulated(word):
        return _simulated(text, word)
    if word.startswith(LINE):
        port = word.removeprefix(LINE)
        # A daemon stands in another directory; a link in /dev/serial/by-id stays the link.
        return f"{LINE}{Path(port).absolute()}" if port.startswith((".", "/")) else word
    if word.startswith("/dev/") or "://" in word or re.fullmatch("(?i)com[0-9]+", word):
        raise WrongUse(
            what=f"--target {text}: this looks like a serial port.",
            remedy=f"Write it as --target {LINE}{word}",
        )
    try:
        return str(ipaddress.IPv4Address(word))
    except ValueError:
        names = ", ".join(settings.targets) or "none yet"
        raise WrongUse(
            what=f"--target {text}: neither an address such as 192.168.1.2, nor a port such as "
            "serial:/dev/ttyUSB0, nor sim, nor any, nor a name in "
            f"[targets] of {FILE_NAME} (there: {names}).",
            remedy="Look up the old PC's address with WINIPCFG there, or rehearse with sim.",
        ) from None
