"""COPY with all that it does and should not do (MSDOS4 COPY.ASM, COPYPR1, COPYPR2; facts B15-B21).

The flow is the original's: what is read lies in a buffer; the target is worked out and opened only
when the buffer is first written, and that is when COPY finds out that it is joining. Hence the
oddities: a 0-byte source deletes the target, a missing part is passed over, a join to a target that
is a later source loses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.commands.copy.line import Token, survey, take_out_overwrite
from deployer.sim.commandcom.commands.copy.target import (
    BUFFER,
    EOF,
    CopyTarget,
    Over,
    Skip,
    SourceName,
    TargetPlace,
    build_name,
)
from deployer.sim.commandcom.dialect import Complaint
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import FileStream, Stream
from deployer.sim.disk import Code, DiskError


def copy(shell: Shell, tail: str) -> None:
    """COPY [/A|/B] source[+source...] [target] [/A|/B] [/V] [/Y|/-Y]."""
    overwrite = None
    if shell.dialect.copy_overwrite:
        tail, overwrite = take_out_overwrite(tail)
        preset = take_out_overwrite(shell.environment.get("COPYCMD") or "")[1]
        overwrite = preset if overwrite is None else overwrite
        overwrite = shell.batch is not None if overwrite is None else overwrite
    _Copy(shell, tail, overwrite=overwrite is not False).run()


class _Copy(CopyTarget):
    """One COPY command: going through its sources."""

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
            self.close_target()
        except Over as over:
            if over.close:
                self.close_target()
        self.shell.write_line(messages.copied(self.count))

    def _short_targets(self, names: int) -> None:
        """A missing target is the current directory; `D:` and `D:\\` are known directories."""
        text = self.target_token.text
        if names == 1:
            self.target, self.target_switches = TargetPlace(f"{self.dos.drive}:", "*.*"), ""
        elif len(text) == 2 and text[1] == ":":
            self.target = TargetPlace(text, "*.*")
        elif text.endswith("\\"):
            if text[-2:-1] != ":":
                raise Complaint(messages.INVALID_DIRECTORY)
            self.target = TargetPlace(text, "*.*")
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
        self.start_target()
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
                self.start_target()

    def _set_source(self, token: Token, switches: str) -> None:
        """Make a token the present source, with the switches before and after it."""
        self.set_mode(switches)
        after, self.source_pos = self.line.switches_after(token.end)
        self.set_mode(after)
        self.source = self.place(token.text)

    # -- one source ----------------------------------------------------------------------------

    def _work_off_source(self) -> None:
        """All files of the present source; in text joins of patterns also their counterparts."""
        self.found = self._search()
        if not self._next_file():
            if not self.concat:
                shown = self.source.folder + self.source.name
                self.fail(f"{messages.of_code(Code.FILE_NOT_FOUND)} - {shown}")
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

    def _search(self) -> Iterator[SourceName]:
        """The files of the present source, found while they are copied."""
        if self.plus_comma:
            return
        path = self.source.folder + self.source.name
        if device := self.dos.device(path):
            yield SourceName(device, self.source.name)
            return
        with suppress(DiskError):
            for entry in self.dos.search(path):
                shown = entry.long if self.shell.dialect.long_names else entry.short
                yield SourceName(entry.short, shown)

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
            if not self.concat and self.close_target():
                self.created = False
            if self.concat:
                self.flush()
        except Skip:
            self.buffer.clear()
            self.closed = True
            if self.concat:
                raise Over(close=False) from None

    def _counterparts(self) -> None:
        """`COPY *.A+*.B *.C`: the files that go with the present one, then its next fellow."""
        start, wild = self.source_pos, self.source.wild
        while True:
            token = self.line.token(self.source_pos)
            if not token.plus or token.last:
                break
            self._set_source(token, "")
            assert self.first_name is not None
            built = build_name(self.source.name, self.first_name)
            self.source_path, self.no_write = self.source.folder + built, False
            self._one_file()
        self.close_target()
        self.start_target()
        self.source_pos = start
        if not (wild and self._next_file()):
            raise Over(close=False)
        self.first_name = self.name

    def _read(self) -> None:
        """Read the present file into the buffer, writing whenever that is full."""
        self.saw_end = False
        try:
            self.source_stream = self.dos.open(self.source_path)
        except DiskError as error:
            self.shell.error(f"{messages.of_code(error.code)} - {self.source_path}")
            raise Over(close=self.created) from error
        try:
            if isinstance(self.source_stream, FileStream):
                self.mtime = self._mtime_of(self.source_path)
            elif self.binary:
                self.fail(messages.BINARY_DEVICE)
            self._fill(self.source_stream)
        finally:
            self.source_stream.close()

    def _fill(self, stream: Stream) -> None:
        while True:
            if len(self.buffer) >= BUFFER:
                self.flush()
                if self.give_up:
                    return
            data = stream.read(BUFFER - len(self.buffer))
            if not data:
                return
            if (stream.device or self.ascii) and EOF in data:
                data = data.partition(EOF)[0]
                self.saw_end = True
            self.buffer += data
            if len(self.buffer) < BUFFER and (not stream.device or self.saw_end):
                return

    def _mtime_of(self, path: str) -> int:
        entry = next(self.dos.search(path, concealed=True), None)
        return entry.mtime if entry else 0
