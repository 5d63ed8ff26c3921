"""COPY with all that it does and should not do (MSDOS4 COPY.ASM, COPYPR1, COPYPR2; facts B15-B21).

The flow is the original's: what is read lies in a buffer; the target is worked out and opened only
when the buffer is first written, and that is when COPY finds out that it is joining. Hence the
oddities: a 0-byte source deletes the target, a missing part is passed over, a join to a target that
is a later source loses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from deployer.sim.commandcom import fcb, messages
from deployer.sim.commandcom.copyparse import CopyLine, Token, survey, take_out_overwrite
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.dos import is_pattern, split_path
from deployer.sim.commandcom.streams import FileStream, Stream
from deployer.sim.commandcom.text import CTRL_Z, encode
from deployer.sim.disk import Code, DiskError, device_name

if TYPE_CHECKING:
    from deployer.sim.commandcom.shell import CommandCom

_BUFFER = 0xFE00
_EOF = encode(CTRL_Z)


class _Over(Exception):  # noqa: N818 - COPY ends; what is left to do is counting
    """`close` says whether the target is still to be closed."""

    def __init__(self, *, close: bool) -> None:
        super().__init__()
        self.close = close


class _Skip(Exception):  # noqa: N818 - the user does not want this file overwritten
    """One file is passed over."""


class _Name:
    """A found source: its 8.3 name as 11 characters, and the name as it is shown and handed on."""

    def __init__(self, short: str, shown: str) -> None:
        self.packed = fcb.pack(short)
        self.shown = shown


class _Place:
    """A directory part and a name or pattern."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder = folder
        self.name = name
        self.wild = is_pattern(name)


def copy(shell: CommandCom, tail: str) -> None:
    """COPY [/A|/B] source[+source...] [target] [/A|/B] [/V] [/Y|/-Y]."""
    overwrite = None
    if shell.dialect.copy_overwrite:
        tail, overwrite = take_out_overwrite(tail)
        preset = take_out_overwrite(shell.environment.get("COPYCMD") or "")[1]
        overwrite = preset if overwrite is None else overwrite
        overwrite = shell.batch is not None if overwrite is None else overwrite
    _Copy(shell, tail, overwrite=overwrite is not False).run()


class _Copy:
    """One COPY command."""

    def __init__(self, shell: CommandCom, tail: str, *, overwrite: bool) -> None:
        self.shell = shell
        self.dos = shell.dos
        self.line = CopyLine(tail, shell.dos.drive, quoted=shell.quoted)
        self.overwrite = overwrite
        self.ascii = self.binary = self.inexact = False
        self.concat = self.plus = self.mel = False
        self.plus_comma = False
        self.no_write = False  # the target is the first source: only go forward in it
        self.saw_end = self.give_up = False
        self.written = self.count = 0
        self.created = self.closed = False
        self.buffer = bytearray()
        self.source_stream: Stream | None = None
        self.target_stream: Stream | None = None
        self.source = _Place("", "")
        self.source_path = ""
        self.source_pos = 0
        self.mtime = 0
        self.found: Iterator[_Name] = iter(())
        self.name: _Name | None = None
        self.first_name: _Name | None = None
        self.target_token = Token()
        self.target_switches = ""
        self.target: _Place | None = None
        self.target_known = False
        self.target_path = ""

    # -- the whole -----------------------------------------------------------------------------

    def run(self) -> None:
        """Carry the command out, and say how many files were made."""
        self.target_token, self.target_switches, self.plus, names = survey(self.line)
        self.concat = self.inexact = self.plus
        if not names:
            raise Complaint(messages.MISSING)
        if names > 2:
            raise Complaint(messages.TOO_MANY)
        self._short_targets(names)
        try:
            self._sources()
            self._close_target()
        except _Over as over:
            if over.close:
                self._close_target()
        self.shell.write_line(messages.copied(self.count))

    def _short_targets(self, names: int) -> None:
        """A missing target is the current directory; `D:` and `D:\\` are known directories."""
        text = self.target_token.text
        if names == 1:
            self.target, self.target_switches = _Place(f"{self.dos.drive}:", "*.*"), ""
        elif len(text) == 2 and text[1] == ":":
            self.target = _Place(text, "*.*")
        elif text.endswith("\\"):
            if text[-2:-1] != ":":
                raise Complaint(messages.INVALID_DIRECTORY)
            self.target = _Place(text, "*.*")
        self.target_path = text

    def _sources(self) -> None:
        """Go through the sources of the line."""
        pos, leading = 0, ""
        while (token := self.line.token(pos)).switch:
            pos, leading = token.end, leading + token.switch
        self.target_switches += leading
        if "B" not in leading and self.concat:
            self.ascii = True
        self._set_source(token, leading)
        self._start_target()
        while True:
            self._work_off_source()
            if not self.plus:
                return
            token = self.line.token(self.source_pos)
            switches = ""
            while token.plus and token.switch and not token.last:
                switches += token.switch
                token = self.line.token(token.end)
            if token.last or not token.plus:
                return
            self._set_source(token, switches)
            self.plus_comma = token.comma
            if not self.concat:
                self._start_target()

    def _start_target(self) -> None:
        self.created = False
        self.buffer.clear()
        self.closed = False

    def _set_source(self, token: Token, switches: str) -> None:
        """Make a token the present source, with the switches before and behind it."""
        self._set_mode(switches)
        behind, self.source_pos = self.line.switches_behind(token.end)
        self._set_mode(behind)
        self.source = self._place(token.text)

    def _set_mode(self, switches: str) -> bool:
        """Let /A or /B hold from now on, unless both or neither are given; is it text mode now?"""
        a, b = "A" in switches, "B" in switches
        if a != b:
            self.binary, self.ascii = b, a
            self.inexact = self.inexact or a
        return self.ascii

    def _place(self, text: str) -> _Place:
        """Where a name lies; a directory means all files in it. Raises Complaint for a bad path."""
        folder, name = split_path(text)
        if not is_pattern(name):
            if self.dos.device(text):
                return _Place(folder, name)
            if self.dos.is_dir(text) and text:
                return _Place(text if text.endswith("\\") else text + "\\", "*.*")
        if "\\" not in folder:
            return _Place(folder, name)
        bare = folder if folder.rstrip("\\")[-1:] in ("", ":") else folder.rstrip("\\")
        if not name or name.startswith(".") or folder.endswith("\\\\") or not self.dos.is_dir(bare):
            raise Complaint(messages.of_code(Code.PATH_NOT_FOUND))
        return _Place(folder, name)

    # -- one source ----------------------------------------------------------------------------

    def _work_off_source(self) -> None:
        """All files of the present source; in text joins of patterns also their counterparts."""
        self.found = self._search()
        if not self._next_file():
            if not self.concat:
                shown = self.source.folder + self.source.name
                self._fail(f"{messages.of_code(Code.FILE_NOT_FOUND)} - {shown}")
            return
        while True:
            self.no_write = False
            assert self.name is not None
            self.source_path = self.source.folder + self.name.shown
            self._one_file()
            if self.mel:
                self._counterparts()
            elif not (self.source.wild and self._next_file()):
                return
            else:
                self.closed = False

    def _search(self) -> Iterator[_Name]:
        """The files of the present source, found while they are copied."""
        if self.plus_comma:
            return
        path = self.source.folder + self.source.name
        if device := self.dos.device(path):
            yield _Name(device, self.source.name)
            return
        with suppress(DiskError):
            for entry in self.dos.search(path):
                shown = entry.long if self.shell.dialect.long_names else entry.short
                yield _Name(entry.short, shown)

    def _next_file(self) -> bool:
        name = next(self.found, None)
        if name is None:
            return False
        self.name = name
        if self.first_name is None:
            self.first_name = name
        return True

    def _one_file(self) -> None:
        if self.concat or self.source.wild:
            self.shell.write_line(self.source_path)
        try:
            self._read()
            if not self.concat and self._close_target():
                self.created = False
            if self.concat:
                self._flush()
        except _Skip:
            self.buffer.clear()
            self.closed = True
            if self.concat:
                raise _Over(close=False) from None

    def _counterparts(self) -> None:
        """`COPY *.A+*.B *.C`: the files that go with the present one, then its next fellow."""
        start, wild = self.source_pos, self.source.wild
        while True:
            token = self.line.token(self.source_pos)
            if not token.plus or token.last:
                break
            self._set_source(token, "")
            assert self.first_name is not None
            built = _build(self.source.name, self.first_name)
            self.source_path, self.no_write = self.source.folder + built, False
            self._one_file()
        self._close_target()
        self._start_target()
        self.source_pos = start
        if not (wild and self._next_file()):
            raise _Over(close=False)
        self.first_name = self.name

    def _read(self) -> None:
        """Read the present file into the buffer, writing whenever that is full."""
        self.saw_end = False
        try:
            self.source_stream = self.dos.open(self.source_path)
        except DiskError as error:
            self.shell.error(f"{messages.of_code(error.code)} - {self.source_path}")
            raise _Over(close=self.created) from error
        try:
            if isinstance(self.source_stream, FileStream):
                self.mtime = self._mtime_of(self.source_path)
            elif self.binary:
                self._fail(messages.BINARY_DEVICE)
            self._fill(self.source_stream)
        finally:
            self.source_stream.close()

    def _fill(self, stream: Stream) -> None:
        while True:
            if len(self.buffer) >= _BUFFER:
                self._flush()
                if self.give_up:
                    return
            data = stream.read(_BUFFER - len(self.buffer))
            if not data:
                return
            if (stream.device or self.ascii) and _EOF in data:
                data = data.partition(_EOF)[0]
                self.saw_end = True
            self.buffer += data
            if len(self.buffer) < _BUFFER and (not stream.device or self.saw_end):
                return

    def _mtime_of(self, path: str) -> int:
        entry = next(self.dos.search(path, concealed=True), None)
        return entry.mtime if entry else 0

    # -- the target ----------------------------------------------------------------------------

    def _build_target(self) -> None:
        """Work out the target's name; the first time also whether files are being joined."""
        if self.target is None:
            self.target = self._place(self.target_token.text)
        if not self.target_known:
            self.target_known = True
            name = self.target.name
            long_name = self.shell.dialect.long_names and not fcb.fits(name)
            if not long_name and fcb.parse(name).end < len(name):
                self._fail(messages.FILE_CREATION)
            self._decide_joining()
        name_from = self.first_name if self.concat else self.name
        self.target_path = self.target.folder + _build(self.target.name, name_from)

    def _decide_joining(self) -> None:
        assert self.target is not None
        was_ascii = self.ascii
        self.mel = self.target.wild and self.source.wild and self.plus
        self.concat = self.plus or (self.source.wild and not self.target.wild)
        self.inexact = self.concat
        if self.binary:
            return
        self.ascii = self.concat
        if not was_ascii and self.ascii and _EOF in self.buffer:
            del self.buffer[self.buffer.index(_EOF) :]

    def _same(self) -> bool:
        try:
            return self.dos.truename(self.source_path) == self.dos.truename(self.target_path)
        except DiskError:
            return False

    @property
    def _from_device(self) -> bool:
        return self.source_stream is not None and self.source_stream.device

    def _flush(self) -> None:
        """Write the buffer, opening the target first when it is not open yet."""
        self.give_up = False
        if not self.created:
            self._build_target()
            if self._same() and not self._from_device:
                if not self.concat:
                    self._fail(messages.ONTO_ITSELF)
                self.no_write = True
            self._open_target()
        if not self.no_write and not self.plus_comma and self._same() and not self._from_device:
            self.shell.error(messages.DESTINATION_LOST)
            self.buffer.clear()
            self.give_up = True
            return
        data = bytes(self.buffer)
        self.buffer.clear()
        if not data:
            return
        self.written += 1
        self._put(data)

    def _open_target(self) -> None:
        try:
            if self.no_write:
                stream = self.dos.update(self.target_path)
            else:
                self._ask()
                stream = self.dos.create(self.target_path)
        except DiskError as error:
            self._fail(f"{messages.of_code(error.code)} - {self.target_path}")
        self.target_stream = self.shell.keep(stream)
        self.created = True
        if (
            stream.device
            and not {"A", "B"} & set(self.target_switches)
            and not (self.ascii or self.binary)
        ):
            self.ascii = self.inexact = True

    def _ask(self) -> None:
        """Windows 98 asks before it overwrites, except in a batch file (facts B21)."""
        if self.overwrite or device_name(self.target_path):
            return
        if next(self.dos.search(self.target_path, concealed=True), None) is None:
            return
        while True:
            self.shell.write(f"Overwrite {self.target_path} (Yes/No/All)?")
            answer = self.shell.read_line().strip()[:1].upper()
            self.shell.end_answer()
            if answer == "N":
                raise _Skip
            if answer in ("Y", "A"):
                self.overwrite = answer == "A"
                return

    def _put(self, data: bytes) -> None:
        stream = self.target_stream
        assert stream is not None
        if self.no_write:
            assert isinstance(stream, FileStream)
            stream.file.seek(stream.file.position + len(data))
            if self.saw_end:
                stream.file.truncate()
            return
        if stream.device:
            stream.write(data.partition(_EOF)[0] if self.ascii else data)
        elif stream.write(data) < len(data):
            self._fail(messages.NO_SPACE)

    def _close_target(self) -> bool:
        """Finish the target; False when writing the rest showed that files are being joined."""
        if self.closed:
            return True
        if self._set_mode(self.target_switches):
            if len(self.buffer) >= _BUFFER and not self._flushed():
                return False
            self.buffer += _EOF
            self.no_write = False
            if self.written + len(self.buffer) == 1:
                self._forget()
                return True
        if not self._flushed():
            return False
        if self.written:
            self._finish()
        else:
            self._forget()
        return True

    def _flushed(self) -> bool:
        """Write the buffer; whether it is still the same kind of copy as before."""
        before = self.concat
        self._flush()
        return self.concat == before

    def _finish(self) -> None:
        """Close the target; an empty one is deleted."""
        stream, self.target_stream = self.target_stream, None
        self.closed = True
        if isinstance(stream, FileStream):
            size = stream.file.size
            if not self.inexact and self.mtime:
                stream.file.set_mtime(self.mtime)
            stream.close()
            if size == 0:
                self._delete_target()
                return
        self.count += 1

    def _forget(self) -> None:
        """Nothing was ever written: the target goes, and nothing counts."""
        self._finish()
        self._delete_target()
        self.count = 0

    def _delete_target(self) -> None:
        if self.target_path and not device_name(self.target_path):
            with suppress(DiskError):
                self.dos.delete(self.target_path)

    def _fail(self, text: str) -> None:
        """Complain, remove the target, and end."""
        self.shell.error(text)
        self.closed = True
        if self.created:
            if self.target_stream is not None:
                self.target_stream.close()
            self._delete_target()
            self.created = False
        raise _Over(close=True)


def _build(pattern: str, name: _Name | None) -> str:
    """A name from a pattern: `*` and `?` take the source's characters."""
    if not is_pattern(pattern):
        return pattern
    if name is None:
        raise NotModelled("COPY to a pattern when none of the sources is there")
    if not fcb.fits(pattern):
        return pattern
    packed = fcb.parse(pattern).name
    return name.shown if packed == fcb.ALL else fcb.unpack(fcb.fill(packed, name.packed))
