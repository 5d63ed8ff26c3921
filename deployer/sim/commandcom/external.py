"""Programs and batch files: found along %PATH%, and run (MSDOS4 PATH1, PATH2, TMISC1)."""

from __future__ import annotations

from deployer.sim.commandcom import batching, messages, redirecting
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.dos import split_path
from deployer.sim.commandcom.line.text import DELIMITERS, shield, skip_delimiters, unquote, upper
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import DiskError

_RANK = {"COM": 8, "EXE": 4, "BAT": 2}


def name_end(line: str, *, quoted: bool) -> int:
    """Where the name of a program ends and its tail begins."""
    text = shield(line) if quoted else line
    pos = skip_delimiters(text)
    while pos < len(text) and text[pos] not in DELIMITERS and text[pos] != "/":
        pos += 1
    return pos


def run(shell: Shell) -> None:
    """Run the program or batch file that the line names; `Bad command or file name` without one."""
    path = locate(shell)
    if path is None:
        raise Complaint(messages.BAD_COMMAND)
    if path.endswith(".BAT"):
        batching.start(shell, path)
        return
    redirecting.set_up(shell)
    bare = path.rpartition("\\")[2]
    program = shell.programs.get(path) or shell.programs.get(bare)
    program = program or shell.own_programs.get(bare)
    if program is not None:
        code = program(shell.tail, shell)
    elif shell.run_file is not None:
        code = shell.run_file(path, shell.tail, shell)
    else:
        raise NotModelled(f"the program {path}")
    shell.errorlevel = code & 0xFF


def locate(shell: Shell) -> str | None:
    """The full path, in capitals, of what the first word names: .COM before .EXE before .BAT."""
    first = shell.words.words[0]
    if first.switch or first.wild:
        return None
    word = unquote(shell.words.text(0))
    prefix, name = split_path(word)
    if not name:
        return None
    found = _best(shell, prefix, name, messages.INVALID_DRIVE)
    if found or "\\" in prefix:
        return found
    for directory in (shell.environment.get("PATH") or "").split(";"):
        if directory:
            folder = directory.rstrip("\\") + "\\"
            if found := _best(shell, folder, name, "Invalid drive in search path"):
                return found
    return None


def _best(shell: Shell, folder: str, name: str, complaint: str) -> str | None:
    """The best file of that name in a directory, None without one."""
    if folder[1:2] == ":" and upper(folder[0]) not in shell.dos.drives:
        shell.write_line(complaint)
        return None
    explicit = "." in name
    best, rank = "", 0
    try:
        for entry in shell.dos.search(
            folder + (name if explicit else name + ".???"), concealed=True
        ):
            worth = _RANK.get(entry.short.rpartition(".")[2], 0)
            if worth > rank:
                best, rank = entry.short, worth
        return upper(shell.dos.truename(folder + best)) if best else None
    except DiskError:
        return None
