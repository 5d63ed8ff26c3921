"""DEL, REN, TYPE, MD, CD, RD, TRUENAME (MSDOS4 TCMD1B, TENV2, TUCODE)."""

from __future__ import annotations

from contextlib import suppress

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.commands.sysparse import END, OK, Grammar, Operand, Parser
from deployer.sim.commandcom.dialect import Complaint
from deployer.sim.commandcom.dos import is_pattern, split_path
from deployer.sim.commandcom.line import fcb
from deployer.sim.commandcom.line.text import CRLF, CTRL_Z, encode, upper
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import Code, DirectoryEntry, DiskError, device_name

_ONE_FILE = Grammar(1, 1)
_TWO_FILES = Grammar(2, 2)
_MAYBE_FILE = Grammar(0, 1, "file-or-drive")
_ERASE = Grammar(1, 1, switches=frozenset("P"))
_CHUNK = 0xFE00


def _complain(found: Operand) -> Complaint:
    suffix = f" - {found.text}" if found.text else ""
    return Complaint(messages.PARSE.get(found.code, messages.TOO_MANY) + suffix)


def _operand(parser: Parser) -> Operand:
    """The next operand, which must be there and right."""
    found = parser.next()
    if found.code != OK:
        raise _complain(found)
    return found


def _end(parser: Parser) -> None:
    """Nothing may follow."""
    found = parser.next()
    if found.code != END:
        raise _complain(found)


def _only_file(shell: Shell, tail: str) -> str:
    """The one operand of TYPE, MD and RD."""
    parser = Parser(tail, _ONE_FILE, quoted=shell.quoted)
    found = _operand(parser)
    _end(parser)
    return found.text


def _optional_path(shell: Shell, tail: str) -> Operand:
    """The operand of CD and TRUENAME; code END for none."""
    parser = Parser(tail, _MAYBE_FILE, quoted=shell.quoted)
    found = parser.next()
    if found.code == END:
        return found
    if found.code != OK:
        raise _complain(found)
    _end(parser)
    return found


def type_(shell: Shell, tail: str) -> None:
    """TYPE name: up to the first Ctrl-Z."""
    name = _only_file(shell, tail)
    if is_pattern(name):
        raise Complaint(messages.INVALID_FILENAME)
    try:
        stream = shell.dos.open(name)
    except DiskError as error:
        raise Complaint(f"{messages.of_code(error.code)} - {name}") from error
    try:
        while data := stream.read(_CHUNK):
            before, end, _ = data.partition(encode(CTRL_Z))
            if shell.stdout.write(before) < len(before) and not shell.stdout.device:
                raise Complaint(messages.NO_SPACE)
            if end:
                break
    finally:
        stream.close()


# The commands of one path have one shape; what they say about an error is their own.


def mkdir(shell: Shell, tail: str) -> None:
    """MD path."""
    name = _only_file(shell, tail)
    try:
        shell.dos.mkdir(name)
    except DiskError as error:
        if error.code is Code.INVALID_DRIVE:
            text = messages.INVALID_DRIVE
        elif shell.dos.is_dir(name):
            text = messages.DIRECTORY_EXISTS
        else:
            text = messages.CANNOT_CREATE_DIRECTORY
        raise Complaint(text) from error


def rmdir(shell: Shell, tail: str) -> None:
    """RD path."""
    name = _only_file(shell, tail)
    try:
        shell.dos.rmdir(name)
    except DiskError as error:
        if error.code is Code.CURRENT_DIRECTORY:
            raise Complaint(f"{messages.IS_CURRENT_DIRECTORY} - {name}") from error
        raise Complaint(messages.CANNOT_REMOVE_DIRECTORY) from error


def chdir(shell: Shell, tail: str) -> None:
    """CD, CD drive:, CD path."""
    found = _optional_path(shell, tail)
    if not found.text:
        letter = found.drive or shell.dos.drive
        if letter not in shell.dos.drives:
            raise Complaint(messages.INVALID_DRIVE)
        shell.write_line(shell.dos.directories[letter])
        return
    try:
        if is_pattern(found.text):
            raise DiskError(Code.PATH_NOT_FOUND, found.text)
        shell.dos.chdir(found.text)
    except DiskError as error:
        raise Complaint(messages.INVALID_DIRECTORY) from error


def truename(shell: Shell, tail: str) -> None:
    """TRUENAME path."""
    found = _optional_path(shell, tail)
    path = found.text or (f"{found.drive}:." if found.drive else ".")
    try:
        shell.write_line()
        shell.write_line(shell.dos.truename(path))
    except DiskError as error:
        raise Complaint(messages.of_code(error.code)) from error


def _find(shell: Shell, path: str) -> tuple[str, str]:
    """A directory part and a last part; a path that is a directory means all files in it."""
    if not is_pattern(path) and shell.dos.is_dir(path):
        return path.rstrip("\\") + "\\", "*.*"
    folder, name = split_path(path)
    if folder and not folder.endswith(":"):
        inner = folder if folder.rstrip("\\")[-1:] in ("", ":") else folder.rstrip("\\")
        if not name or not shell.dos.is_dir(inner):
            raise Complaint(messages.of_code(Code.PATH_NOT_FOUND))
    return folder, name


def delete(shell: Shell, tail: str) -> None:
    """DEL name: one name or pattern, or a directory whose files all go after a question."""
    parser = Parser(tail, _ERASE, quoted=shell.quoted)
    path, ask = "", False
    while (found := parser.next()).code != END:
        if found.code != OK:
            raise _complain(found)
        if found.switch and ask:
            raise Complaint(messages.TOO_MANY)
        ask = ask or bool(found.switch)
        path = path or found.text
    if len(path) == 2 and path[1] == ":":
        raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
    folder, name = _find(shell, path)
    if device_name(path):
        raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
    if fcb.parse(name).name == fcb.ALL and not ask and not _sure(shell):
        return
    count = 0
    for entry in shell.dos.search(folder + name):
        count += 1
        if ask and not _ask(shell, folder + entry.short):
            continue
        try:
            shell.dos.delete(folder + entry.short)
        except DiskError as error:
            raise Complaint(messages.of_code(error.code)) from error
    if not count:
        raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))


def _sure(shell: Shell) -> bool:
    answers = shell.answers(messages.ALL_FILES + CRLF + messages.SURE)
    while True:
        answer = next(answers)
        if answer == "N":
            return False
        if answer:
            shell.end_answer()
        if answer == "Y":
            return True


def _ask(shell: Shell, path: str) -> bool:
    answers = shell.answers(f"\r\n{shell.dos.full(path)},    Delete (Y/N)?")
    return next(answer for answer in answers if answer in ("Y", "N")) == "Y"


def rename(shell: Shell, tail: str) -> None:
    """REN old new: the new name has no drive and path; wildcards take the old name's characters."""
    parser = Parser(tail, _TWO_FILES, quoted=shell.quoted)
    first, second = _operand(parser), _operand(parser)
    if second.text[1:2] == ":":
        raise Complaint(messages.INVALID_PARAMETER)
    _end(parser)
    if not is_pattern(first.text) and shell.dos.is_dir(first.text):
        _rename_directory(shell, first.text, second.text)
        return
    folder, name = _find(shell, first.text)
    if "\\" in second.text or "/" in second.text:
        raise Complaint(messages.INVALID_FILENAME)
    count = 0
    for entry in shell.dos.search(folder + name):
        count += 1
        _rename_one(shell, folder, entry, second.text)
    if not count:
        raise Complaint(messages.DUPLICATE)


def _rename_one(shell: Shell, folder: str, entry: DirectoryEntry, new: str) -> None:
    target = new
    if fcb.fits(new):
        target = fcb.unpack(fcb.fill(fcb.parse(new).name, fcb.pack(entry.short)))
    taken = device_name(target) is not None
    with suppress(DiskError):
        same = upper(shell.dos.truename(folder + target)) == upper(
            shell.dos.truename(folder + entry.short)
        )
        exists = next(shell.dos.search(folder + target, concealed=True, directories=True), None)
        taken = taken or same or exists is not None
    if taken:
        raise Complaint(messages.DUPLICATE)
    try:
        shell.dos.rename(folder + entry.short, folder + target)
    except DiskError as error:
        raise Complaint(messages.DUPLICATE) from error


def _rename_directory(shell: Shell, old: str, new: str) -> None:
    """Without long names REN refuses directories; Windows 98 renames them."""
    if not shell.dialect.long_names:
        raise Complaint(messages.INVALID_PATH)
    folder, _ = split_path(old.rstrip("\\"))
    try:
        shell.dos.rename(old, folder + new)
    except DiskError as error:
        raise Complaint(messages.DUPLICATE) from error
