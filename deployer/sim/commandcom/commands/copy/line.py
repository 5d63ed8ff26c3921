"""COPY's command line: sources joined by +, a target, switches for what precedes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.dialect import Complaint
from deployer.sim.commandcom.dos import is_pattern
from deployer.sim.commandcom.line.text import CR, DELIMITERS, at, shield, unquote, upper

_SWITCHES = frozenset("VBA")


@dataclass(slots=True)
class Token:
    """A name or a switch. `plus` says that a + stands in front, `comma` that it is `+,,`."""

    text: str = ""
    switch: str = ""
    plus: bool = False
    comma: bool = False
    end: int = 0
    last: bool = False  # the line ended instead

    @property
    def wild(self) -> bool:
        """Whether it has * or ?."""
        return is_pattern(self.text)

    @property
    def path(self) -> bool:
        """Whether it has a directory part."""
        return "\\" in self.text


class CopyLine:
    """Gives the tokens of a command tail, as CPARSE does for COPY."""

    def __init__(self, tail: str, drive: str, *, quoted: bool) -> None:
        self.text = shield(tail) if quoted else tail
        self._quoted = quoted
        self._drive = drive

    def token(self, pos: int) -> Token:
        """The token at or after `pos`."""
        found = Token()
        skipped = False
        while True:
            char = at(self.text, pos)
            if char in DELIMITERS and char != CR:
                if char not in " \t":
                    if skipped:  # a second separator: an empty name
                        found.comma = found.plus
                        found.end = pos
                        return found
                    skipped = True
                pos += 1
            elif char == "+":
                found.plus = True
                pos += 1
            else:
                break
        if char == CR:
            found.last, found.end = True, pos
            return found
        if char == "/":
            return self._switch(found, pos + 1)
        return self._name(found, pos)

    def _switch(self, found: Token, pos: int) -> Token:
        while at(self.text, pos) in DELIMITERS:
            pos += 1
        char = at(self.text, pos)
        found.switch = upper(char) if char != CR else "?"
        found.last = char == CR
        found.end = min(pos + 1, len(self.text))
        return found

    def _name(self, found: Token, pos: int) -> Token:
        start = pos
        if at(self.text, pos + 1) == ":":
            pos += 2
        while (char := at(self.text, pos)) != CR and char not in DELIMITERS and char not in "/+":
            if char == ":" and pos > start:
                break
            pos += 1
        text = self.text[start:pos]
        found.text = unquote(text) if self._quoted else upper(text)
        if found.text.startswith("\\"):
            found.text = f"{self._drive}:{found.text}"
        found.end = pos + 1 if at(self.text, pos) == ":" else pos
        return found

    def switches_after(self, pos: int) -> tuple[str, int]:
        """The switches that follow a name at once, and the position after them."""
        found = ""
        while True:
            look = pos
            while at(self.text, look) in DELIMITERS:
                look += 1
            if at(self.text, look) != "/":
                return found, look
            token = self._switch(Token(), look + 1)
            if token.last:
                return found, token.end
            if token.switch in _SWITCHES:
                found += token.switch
            pos = token.end


def take_out_overwrite(tail: str) -> tuple[str, bool | None]:
    """Windows 98's /Y and /-Y, which the rest of COPY does not know."""
    answer: bool | None = None
    for match in re.finditer(r"/(-?)Y(?![^\s/,;=+])", tail, re.IGNORECASE):
        answer = not match.group(1)
    return re.sub(r"/-?Y(?![^\s/,;=+])", " ", tail, flags=re.IGNORECASE), answer


def survey(line: CopyLine) -> tuple[Token, str, bool, int]:
    """First pass: the last name, the switches after it, is there a +, how many names."""
    target, switches = Token(), ""
    plus, names, objects, pos = False, 0, 0, 0
    while True:
        token = line.token(pos)
        pos = token.end
        objects += 1
        plus = plus or token.plus
        if token.switch:
            if token.switch not in _SWITCHES:
                raise Complaint(f"{messages.INVALID_SWITCH} - /{token.switch}")
            switches += token.switch
        if token.last:
            break
        if not token.switch:
            names += not token.plus
            target, switches = token, ""
    if plus and names == 1 and objects == 2:
        raise Complaint(messages.ONTO_ITSELF)
    return target, switches, plus, names
