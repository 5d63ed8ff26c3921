"""COMMAND.COM and DEBUG as the typing of BOOT98.COM meets them (facts E7, E9)."""

from __future__ import annotations

from deployer.core.serial import boot98


class Dos:
    """COMMAND.COM and DEBUG with their console on a line, as far as the typing needs them."""

    def __init__(self, *, wrong_at: int | None = None, deaf_at: int | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self._memory = bytearray(65_536)
        self._line = ""
        self._debug = False
        self._asks_cx = False
        self._cx = 0
        self._name = ""
        self._wrong_at = wrong_at
        self._deaf_at = deaf_at
        self._typed = 0

    def type(self, data: bytes) -> bytes:
        out = b""
        for byte in data:
            self._typed += 1
            if self._deaf_at is not None and self._typed >= self._deaf_at:
                continue
            if byte == 13:
                line, self._line = self._line, ""
                out += b"\r\n" + self._run(line) + self._prompt()
            else:
                self._line += chr(byte)
                out += bytes((byte,))
        return out

    def _prompt(self) -> bytes:
        if self._asks_cx:
            return b":"
        return b"-" if self._debug else b"\r\nC:\\DEPLOY>"

    def _run(self, line: str) -> bytes:
        if self._asks_cx:
            self._asks_cx = False
            self._cx = int(line, 16)
            return b""
        if not self._debug:
            self._debug = line == "DEBUG"
            return b"File not found\r\n" if line.startswith("DEL ") else b""
        word, _, rest = line.partition(" ")
        match word:
            case "E":
                address, *row = rest.split()
                data = bytes(int(cell, 16) for cell in row)
                at = int(address, 16)
                self._memory[at : at + len(data)] = data
                if self._wrong_at is not None and at <= self._wrong_at < at + len(data):
                    self._memory[self._wrong_at] ^= 0x10
            case "D":
                return self._dump(rest)
            case "N":
                self._name = rest
            case "R":
                self._asks_cx = True
                return b"CX 0000\r\n"
            case "W":
                self.files[self._name] = bytes(self._memory[0x100 : 0x100 + self._cx])
                return f"Writing {self._cx:05X} bytes\r\n".encode()
            case "Q":
                self._debug = False
        return b""

    def _dump(self, rest: str) -> bytes:
        start, _, length = rest.partition(" L ")
        first, end = int(start, 16), int(start, 16) + int(length, 16)
        rows = []
        for at in range(first, end, 16):
            cells = [f"{self._memory[n]:02X}" for n in range(at, min(at + 16, end))]
            text = "".join(f"{c}{'-' if n == 7 else ' '}" for n, c in enumerate(cells))
            rows.append(f"0C3F:{at:04X}  {text:<48}  ....>-:....\r\n")
        return "".join(rows).encode()


def type_into(dos: Dos, code: bytes) -> list[object]:
    now = 0.0
    typist = boot98.Typist(code, now=now)
    events = []
    for _ in range(100_000):
        out = typist.data_to_send()
        typist.receive_data(dos.type(out) if out else b"")
        while (event := typist.next_event()) is not None:
            events.append(event)
        if typist.done:
            return events
        if not out:
            now = typist.deadline
            typist.tick(now)
    raise AssertionError("it never ends")
