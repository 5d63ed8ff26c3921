"""ECHO, SET, PROMPT, PATH and what else moves no files (MSDOS4 TUCODE, TENV, TCMD2A, TPIPE)."""

from __future__ import annotations

from deployer.sim.commandcom import messages, prompt
from deployer.sim.commandcom.commands.sysparse import END, OK, Grammar, Parser
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.environment import EnvironmentFull
from deployer.sim.commandcom.line.text import CR, CRLF, DELIMITERS, at, skip_delimiters, upper
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import NulStream

_ON_OFF = Grammar(0, 1, "on-off")


def _on_off(tail: str) -> tuple[bool | None, bool]:
    """Whether ON or OFF stands there, None for neither; and whether the tail is empty."""
    pos = 0
    while at(tail, pos) in " \t":
        pos += 1
    if at(tail, pos) == "=":
        pos += 1
    parser = Parser(tail[pos:], _ON_OFF, quoted=False)
    found = parser.next()
    if found.code == END:
        return None, True
    if found.code != OK or not found.text or parser.next().code != END:
        return None, False
    return found.text == "ON", False


def echo(shell: Shell, tail: str) -> None:
    """ECHO ON | OFF | text: the character after the word is not shown, whatever it is."""
    state, empty = _on_off(tail)
    if state is not None:
        shell.echo = state
    elif empty:
        shell.write_line(f"ECHO is {'on' if shell.echo else 'off'}")
    else:
        shell.write_line(tail[1:])


def _switch(shell: Shell, tail: str, word: str, now: bool) -> bool:
    """What ON or OFF says; without either the present state, which is shown."""
    state, empty = _on_off(tail)
    if state is not None:
        return state
    if not empty:
        raise Complaint(messages.ON_OR_OFF)
    shell.write_line(f"{word} is {'on' if now else 'off'}")
    return now


def verify(shell: Shell, tail: str) -> None:
    """VERIFY ON | OFF."""
    shell.verify = _switch(shell, tail, "VERIFY", shell.verify)


def break_(shell: Shell, tail: str) -> None:
    """BREAK ON | OFF."""
    shell.break_check = _switch(shell, tail, "BREAK", shell.break_check)


def lfnfor(shell: Shell, tail: str) -> None:
    """LFNFOR ON | OFF: whether FOR gives long names (facts B26)."""
    shell.long_for = _switch(shell, tail, "LFNFOR", shell.long_for)


def set_(shell: Shell, tail: str) -> None:
    """SET, SET name=, SET name=value: exactly one equals sign."""
    text = tail[skip_delimiters(tail) :]
    if not text:
        for string in shell.environment.strings():
            shell.write_line(string)
        return
    if text.count("=") != 1:
        raise Complaint(messages.SYNTAX)
    name, _, value = text.partition("=")
    shell.environment.delete(name)
    if value:
        _store(shell, name, value)


def _store(shell: Shell, name: str, value: str) -> None:
    try:
        shell.environment.set(name, value)
    except EnvironmentFull as error:
        raise Complaint(messages.OUT_OF_ENVIRONMENT) from error


def prompt_(shell: Shell, tail: str) -> None:
    """PROMPT text."""
    shell.environment.delete("PROMPT")
    text = tail[skip_delimiters(tail) :]
    if text:
        _store(shell, "PROMPT", text)


def path(shell: Shell, tail: str) -> None:
    """PATH, PATH ;, PATH list: in capitals, up to the first delimiter."""
    pos = 0
    while at(tail, pos) in DELIMITERS and at(tail, pos) != ";":
        pos += 1
    if at(tail, pos) == CR:
        value = shell.environment.get("PATH")
        shell.write(f"PATH={value}{CRLF}" if value else messages.NO_PATH + CRLF + CRLF)
        return
    value = ""
    if tail[pos] != ";":
        while (char := at(tail, pos)) != CR and (char == ";" or char not in DELIMITERS):
            value += upper(char)
            pos += 1
    if tail[pos + 1 :].strip(" \t"):
        raise Complaint(messages.TOO_MANY)
    _store(shell, "PATH", value)


def rem(_shell: Shell, _tail: str) -> None:
    """REM does nothing; redirection on its line has happened already (facts B24)."""


def version(shell: Shell, _tail: str) -> None:
    """VER."""
    shell.write(CRLF + shell.dialect.version + CRLF + CRLF)


def clear(shell: Shell, _tail: str) -> None:
    """CLS."""
    shell.write("\x1b[2J")


def pause(shell: Shell, _tail: str) -> None:
    """PAUSE: any key, from wherever standard input comes."""
    shell.write(messages.PRESS_A_KEY)
    shell.key()
    shell.write_line()


def date(shell: Shell, tail: str) -> None:
    """DATE shows the date and asks for a new one; an empty answer keeps it."""
    if tail.strip():
        raise NotModelled("setting the date")
    shell.write(f"Current date is {prompt.date(shell)}{CRLF}Enter new date (mm-dd-yy): ")
    _refuse_answer(shell, "date")


def time(shell: Shell, tail: str) -> None:
    """TIME shows the time and asks for a new one; an empty answer keeps it."""
    if tail.strip():
        raise NotModelled("setting the time")
    shell.write(f"Current time is {prompt.clock(shell)}{CRLF}Enter new time: ")
    _refuse_answer(shell, "time")


def _refuse_answer(shell: Shell, what: str) -> None:
    answer = shell.read_line()
    shell.end_answer()
    if answer.strip():
        raise NotModelled(f"setting the {what}")


def volume(shell: Shell, tail: str) -> None:
    """VOL: the disks of the simulated PC have no label."""
    parser = Parser(tail, Grammar(0, 1, "file-or-drive"), quoted=False)
    found = parser.next()
    if found.code not in (OK, END) or (found.code == OK and not found.drive):
        raise Complaint(messages.PARSE.get(found.code, messages.INVALID_PARAMETER))
    if found.drive and found.drive not in shell.dos.drives:
        raise Complaint(messages.INVALID_DRIVE)
    show_volume(shell, found.drive or shell.dos.drive)


def show_volume(shell: Shell, letter: str) -> None:
    """The lines that VOL and DIR begin with."""
    shell.write(f"{CRLF} Volume in drive {letter} has no label{CRLF}")


def ctty(shell: Shell, tail: str) -> None:
    """CTTY NUL, CTTY CON: everything goes nowhere, and comes from nowhere, until CTTY CON."""
    match upper(tail.strip(" =,;\t")).rstrip(":"):
        case "NUL":
            shell.connect(NulStream())
        case "CON":
            shell.connect(shell.dos.console)
        case _:
            raise NotModelled(shell.line.strip())


def not_modelled(shell: Shell, _tail: str) -> None:
    """Commands that exist on Windows 98 and are not played."""
    raise NotModelled(shell.line.strip())
