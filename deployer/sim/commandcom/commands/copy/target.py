"""The target's half of COPY: what lies in the buffer goes into a file (MSDOS4 COPY.ASM).

The target is worked out and opened only when the buffer is first written, and that is when COPY
finds out that it is joining.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.commands.copy.line import CopyLine, Token
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.dos import is_pattern, split_path
from deployer.sim.commandcom.line import fcb
from deployer.sim.commandcom.line.text import CTRL_Z, encode
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import FileStream, Stream
from deployer.sim.disk import Code, DiskError, device_name

BUFFER = 0xFE00
EOF = encode(CTRL_Z)


class Over(Exception):  # noqa: N818 - COPY ends; what is left to do is counting
    """`close` says whether the target is still to be closed."""

    def __init__(self, *, close: bool) -> None:
        super().__init__()
        self.close = close


class Skip(Exception):  # noqa: N818 - the user does not want this file overwritten
    """One file is passed over."""


class SourceName:
    """A found source: its 8.3 name as 11 characters, and the name as it is shown and handed on."""

    def __init__(self, short: str, shown: str) -> None:
        self.packed = fcb.pack(short)
        self.shown = shown


class TargetPlace:
    """A directory part and a name or pattern."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder = folder
        self.name = name
        self.wild = is_pattern(name)


class CopyTarget:
    """The state of one COPY, and everything about its target."""

    def __init__(self, shell: Shell, tail: str, *, overwrite: bool) -> None:
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
        self.source = TargetPlace("", "")
        self.source_path = ""
        self.source_pos = 0
        self.mtime = 0
        self.found: Iterator[SourceName] = iter(())
        self.name: SourceName | None = None
        self.first_name: SourceName | None = None
        self.target_token = Token()
        self.target_switches = ""
        self.target: TargetPlace | None = None
        self.target_known = False
        self.target_path = ""

    def start_target(self) -> None:
        """Begin a target of its own with an empty buffer."""
        self.created = False
        self.buffer.clear()
        self.closed = False

    def set_mode(self, switches: str) -> bool:
        """Let /A or /B hold from now on, unless both or neither are given; is it text mode now?"""
        a, b = "A" in switches, "B" in switches
        if a != b:
            self.binary, self.ascii = b, a
            self.inexact = self.inexact or a
        return self.ascii

    def place(self, text: str) -> TargetPlace:
        """Where a name lies; a directory means all files in it. Raises Complaint for a bad path."""
        folder, name = split_path(text)
        if not is_pattern(name):
            if self.dos.device(text):
                return TargetPlace(folder, name)
            if self.dos.is_dir(text) and text:
                return TargetPlace(text if text.endswith("\\") else text + "\\", "*.*")
        if "\\" not in folder:
            return TargetPlace(folder, name)
        bare = folder if folder.rstrip("\\")[-1:] in ("", ":") else folder.rstrip("\\")
        if not name or name.startswith(".") or folder.endswith("\\\\") or not self.dos.is_dir(bare):
            raise Complaint(messages.of_code(Code.PATH_NOT_FOUND))
        return TargetPlace(folder, name)

    # -- the target ----------------------------------------------------------------------------

    def _build_target(self) -> None:
        """Work out the target's name; the first time also whether files are being joined."""
        if self.target is None:
            self.target = self.place(self.target_token.text)
        if not self.target_known:
            self.target_known = True
            name = self.target.name
            long_name = self.shell.dialect.long_names and not fcb.fits(name)
            if not long_name and fcb.parse(name).end < len(name):
                self.fail(messages.FILE_CREATION)
            self._decide_joining()
        name_from = self.first_name if self.concat else self.name
        self.target_path = self.target.folder + build_name(self.target.name, name_from)

    def _decide_joining(self) -> None:
        assert self.target is not None
        was_ascii = self.ascii
        self.mel = self.target.wild and self.source.wild and self.plus
        self.concat = self.plus or (self.source.wild and not self.target.wild)
        self.inexact = self.concat
        if self.binary:
            return
        self.ascii = self.concat
        if not was_ascii and self.ascii and EOF in self.buffer:
            del self.buffer[self.buffer.index(EOF) :]

    def _same(self) -> bool:
        try:
            return self.dos.truename(self.source_path) == self.dos.truename(self.target_path)
        except DiskError:
            return False

    @property
    def _from_device(self) -> bool:
        return self.source_stream is not None and self.source_stream.device

    def flush(self) -> None:
        """Write the buffer, opening the target first when it is not open yet."""
        self.give_up = False
        if not self.created:
            self._build_target()
            if self._same() and not self._from_device:
                if not self.concat:
                    self.fail(messages.ONTO_ITSELF)
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
            self.fail(f"{messages.of_code(error.code)} - {self.target_path}")
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
        for answer in self.shell.answers(f"Overwrite {self.target_path} (Yes/No/All)?"):
            self.shell.end_answer()
            if answer == "N":
                raise Skip
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
            stream.write(data.partition(EOF)[0] if self.ascii else data)
        elif stream.write(data) < len(data):
            self.fail(messages.NO_SPACE)

    def close_target(self) -> bool:
        """Finish the target; False when writing the rest showed that files are being joined."""
        if self.closed:
            return True
        if self.set_mode(self.target_switches):
            if len(self.buffer) >= BUFFER and not self._flushed():
                return False
            self.buffer += EOF
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
        self.flush()
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

    def fail(self, text: str) -> None:
        """Complain, remove the target, and end."""
        self.shell.error(text)
        self.closed = True
        if self.created:
            if self.target_stream is not None:
                self.target_stream.close()
            self._delete_target()
            self.created = False
        raise Over(close=True)


def build_name(pattern: str, name: SourceName | None) -> str:
    """A name from a pattern: `*` and `?` take the source's characters."""
    if not is_pattern(pattern):
        return pattern
    if name is None:
        raise NotModelled("COPY to a pattern when none of the sources is there")
    if not fcb.fits(pattern):
        return pattern
    packed = fcb.parse(pattern).name
    return name.shown if packed == fcb.ALL else fcb.unpack(fcb.fill(packed, name.packed))
