"""CHOICE (facts B11), PING (its answers come from outside) and MEM."""

from __future__ import annotations

import re

from deployer.sim.programs.call import Call


def choice(call: Call) -> int:
    """Index of the key that was pressed; the default after /T's seconds; 255 on a mistake."""
    keys, silent, case, default, seconds = "YN", False, False, "", 0
    words: list[str] = []
    for word in call.tail.split():
        upper = word.upper()
        if upper.startswith("/C"):
            keys = word[2:].removeprefix(":")
            if not keys:
                wrong = "Invalid choice switch syntax.  Expected form: /C[:]choices"
                return _bad_choice(call, wrong)
        elif upper.startswith("/T"):
            match = re.fullmatch(r":?(.),(\d{1,2})", word[2:])
            if match is None:
                return _bad_choice(call, "Incorrect timeout syntax.  Expected form Tc,nn or T:c,nn")
            default, seconds = match[1], int(match[2])
        elif upper == "/N":
            silent = True
        elif upper == "/S":
            case = True
        elif word.startswith("/"):
            return _bad_choice(call, "Invalid switch on command line.")
        else:
            words.append(word)
    keys = keys if case else keys.upper()
    default = default if case else default.upper()
    if default and default not in keys:
        return _bad_choice(call, "Timeout default not in specified (or default) choices.")
    prompt = " ".join(words) + ("" if silent else f"[{','.join(keys)}]?")
    call.stdout(prompt.encode("cp437", "replace"))
    key = _key(call, keys, case, default, seconds)
    call.say(key)
    return keys.index(key) + 1 if key else 255


def _bad_choice(call: Call, text: str) -> int:
    call.say(f"CHOICE: {text}")
    return 255


def _key(call: Call, keys: str, case: bool, default: str, seconds: int) -> str:
    """The first allowed key; the default when the time is over; "" when input ends."""
    if default and call.stdin is None:
        call.wait(seconds)  # whoever types here reads cards, and this one says: wait
        return default
    for byte in call.input():
        key = chr(byte) if case else chr(byte).upper()
        if key in keys:
            return key
    return default


def ping(call: Call) -> int:
    """Asks whether a number answers: 0 yes, 1 no (facts B9)."""
    words = call.tail.split()
    count = 4
    if "-n" in words[:-1]:
        at = words.index("-n")
        count = int(words[at + 1]) if words[at + 1].isdigit() else 4
        del words[at : at + 2]
    here = len(words) == 1 and words[0].startswith("127.")
    if len(words) != 1 or (call.ping is None and not here):
        call.say("Usage: ping [-n count] destination")
        return 1
    call.say(f"\r\nPinging {words[0]} with 32 bytes of data:\r\n")
    good = 0
    for i in range(min(count, 100)):
        if i:
            call.wait(1)
        if here or (call.ping is not None and call.ping(words[0])):
            good += 1
            call.say(f"Reply from {words[0]}: bytes=32 time<10ms TTL=64")
        else:
            call.say("Request timed out.")
    call.say(f"\r\nPing statistics for {words[0]}:")
    call.say(f"    Packets: Sent = {count}, Received = {good}, Lost = {count - good}")
    return 0 if good else 1


def mem(call: Call) -> int:
    """How much memory there is."""
    call.say(f"{call.memory // 1024:>10,}K total memory")
    return 0
