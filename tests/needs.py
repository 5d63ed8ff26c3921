"""What some tests need that Python does not bring: how it is tried, and what brings it.

`require(*names)` skips a test, by name, unless all of it is there. The marker `needs(*names)` does
the same before the test's fixtures are made. tests/conftest.py sums up what was skipped for want of
what. A compiler is asked for by compiling, linking and running, once a session: a name on the PATH
says nothing about the libraries.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REFERENCE_MODELS = ROOT.parent / "shared" / "models"
"""stories260K.bin, tok512.bin and what they generate: not part of the project."""

GOLDENS = REFERENCE_MODELS / "gold"
"""All that llama.cpp said of small models; a part of it is in tests/data/gold."""
SMOLLM2 = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
"""A model that people use, 98 MB, under Apache-2.0: `make smollm2` fetches it."""

MINGW = "i686-w64-mingw32-gcc"
HTML_3_2 = Path("/usr/share/xml/w3c-sgml-lib/schema/dtd/sgml.soc")
NETWORKD = Path("/lib/systemd/systemd-networkd")

PACKAGES = {
    "NetworkManager": "network-manager",
    "Xvfb": "xvfb",
    "dbus-daemon": "dbus",
    "dhclient": "isc-dhcp-client",
    "dnsmasq": "dnsmasq-base",
    "fsck.fat": "dosfstools",
    "ip": "iproute2",
    "iptables-legacy": "iptables",
    "iptables-nft": "iptables",
    "isoinfo": "genisoimage",
    "mdir": "mtools",
    "ncftpget": "ncftp",
    "ncftpput": "ncftp",
    "nft": "nftables",
    "nmcli": "network-manager",
    "rz": "lrzsz",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "sshd": "openssh-server",
    "systemd-analyze": "systemd",
    "sz": "lrzsz",
    "unshare": "util-linux",
}
"""Debian's package of a program, where it has another name."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing. `missing` says why it is not there, "" when it is.

    `packages` are Debian's. Where none brings it, `remedy` says what does; where that is empty as
    well, nothing does: such tests may be skipped even where no skip is allowed.
    """

    name: str
    missing: Callable[[], str]
    packages: tuple[str, ...] = ()
    remedy: str = ""


class Skipped(pytest.skip.Exception):
    """Skips a test, and keeps the names of what it lacks."""

    __module__ = "builtins"  # pytest then shows the reason alone, as it does for its own

    def __init__(self, reasons: Mapping[str, str]) -> None:
        said = "; ".join(f"{name} ({why})" if why else name for name, why in reasons.items())
        super().__init__(f"needs {said}")
        self.names = list(reasons)


def require(*names: str) -> None:
    """Skip the test unless everything of these names is there."""
    reasons = {name: why for name in names if (why := _missing(name))}
    if reasons:
        raise Skipped(reasons)


def here(name: str) -> bool:
    """Whether it is there."""
    return not _missing(name)


def is_outside(name: str) -> bool:
    """Whether nothing that can be installed brings it."""
    need = need_of(name)
    return not need.packages and not need.remedy


def summary(lacked: Iterable[Iterable[str]]) -> str:
    """One line: how many tests were skipped for want of what, and what brings it; "" for none."""
    counts = Counter(name for names in lacked for name in names)
    if not counts:
        return ""
    wanted = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
    needs = [need_of(name) for name in counts]
    packages = sorted({package for need in needs for package in need.packages})
    remedies = [f"apt install {' '.join(packages)}"] if packages else []
    remedies += sorted({need.remedy for need in needs if need.remedy})
    brings = f"; what brings it: {'; '.join(remedies)}" if remedies else ""
    return f"Tests skipped for want of {wanted}{brings}"


def need_of(name: str) -> Need:
    """The need of that name; a name that is not in the table is a program of that name."""
    return NEEDS.get(name) or Need(name, lambda: _no_program(name), (PACKAGES.get(name, name),))


@cache
def _missing(name: str) -> str:
    return need_of(name).missing()


def _no_program(name: str) -> str:
    return "" if shutil.which(name) else "it is not installed"


def _no_module(name: str) -> str:
    return "" if importlib.util.find_spec(name) else "it is not installed"


def _fails(*commands: list[str], source: str = "") -> str:
    """Why one of these commands, run in an empty folder with `source` as try.c, fails."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "try.c").write_text(source)
        for command in commands:
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, errors="replace",
                    timeout=60, check=False,
                )  # fmt: skip
            except OSError as error:
                return f"{command[0]}: {error.strerror}"
            if done.returncode:
                said = (done.stderr or done.stdout).strip().splitlines()
                return said[-1] if said else f"{command[0]} ended with {done.returncode}"
    return ""


def _no_compiler() -> str:
    """Why programs for this machine cannot be made and run."""
    source = '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n'
    return _fails(
        ["gcc", "-o", "try", "try.c"], ["./try"], ["ar", "--version"], ["make", "--version"],
        source=source,
    )  # fmt: skip


def _no_compiler_32() -> str:
    """Why the 32-bit programs cannot be made and run: they bring no C library, but use libgcc."""
    source = """
        unsigned long long big = 1ULL << 40; unsigned by = 3;
        void _start(void) { int code = (int)(big / by % 1); __asm__ volatile ("int $0x80" :
            : "a" (1), "b" (code)); for (;;) { } }
    """
    flags = ["-m32", "-ffreestanding", "-nostdlib", "-nostartfiles", "-static", "-no-pie"]
    return _no_compiler() or _fails(
        ["gcc", *flags, "-fno-pie", "-o", "try", "try.c", "-lgcc"], ["./try"], source=source
    )


def _no_compiler_for_windows() -> str:
    """Why programs for Windows cannot be made."""
    source = "__declspec(dllimport) void __stdcall ExitProcess(unsigned);\n"
    source += "void start(void) { ExitProcess(0); }\n"
    flags = ["-nostdlib", "-nostartfiles", "-Wl,-e,_start"]
    return _fails(
        [MINGW, *flags, "-o", "try.exe", "try.c", "-lkernel32", "-lgcc"],
        ["make", "--version"],
        source=source,
    )


def _no_valgrind() -> str:
    return _fails(["valgrind", "-q", "true"])


def _not_root() -> str:
    return (
        "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "these tests run as somebody else"
    )


def _not_linux() -> str:
    return "" if sys.platform == "linux" else f"this is {sys.platform}"


def _no_dtd() -> str:
    return _no_program("onsgmls") or ("" if HTML_3_2.exists() else "the DTD is not installed")


def _no_networkd() -> str:
    return "" if NETWORKD.exists() else "it is not installed"


def _no_reference_models() -> str:
    found = (REFERENCE_MODELS / "stories260K.bin").is_file()
    return "" if found else "../shared/models is not on this machine"


def _no_goldens() -> str:
    return "" if GOLDENS.is_dir() else "../shared/models/gold is not on this machine"


def _no_smollm2() -> str:
    return "" if SMOLLM2.is_file() else "make smollm2 fetches it"


NEEDS = {
    need.name: need
    for need in (
        Need("gcc", _no_compiler, ("gcc", "libc6-dev", "make")),
        Need("gcc -m32", _no_compiler_32, ("gcc-multilib", "make")),
        Need(MINGW, _no_compiler_for_windows, ("gcc-mingw-w64-i686-win32", "make")),
        Need("valgrind", _no_valgrind, ("valgrind", "libc6-dbg")),
        Need("root", _not_root, remedy="run the tests as root"),
        Need("Linux", _not_linux, remedy="run the tests on Linux"),
        Need("the DTD of HTML 3.2", _no_dtd, ("opensp", "w3c-sgml-lib")),
        Need("systemd-networkd", _no_networkd, ("systemd",)),
        Need("unicorn", lambda: _no_module("unicorn"), remedy="pip install retro-deployer"),
        Need("labgrid", lambda: _no_module("labgrid"), remedy="pip install labgrid"),
        Need("pillow", lambda: _no_module("PIL"), remedy="pip install 'retro-deployer[plot]'"),
        Need("the reference models", _no_reference_models),
        Need("all goldens", _no_goldens),
        Need("SmolLM2-135M", _no_smollm2),
    )
}
