"""Small DOS programs that a survey brings along, played by the sum of their bytes."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.sim.programs.call import Call, ExternalProgram


def rc(call: Call) -> int:
    """RC N ends with code N."""
    return int("".join(c for c in call.tail if c in "0123456789") or "0") & 0xFF


def show_tail(call: Call) -> int:
    """TAIL shows what it was given."""
    call.say(f"[{call.tail}]")
    return 0


def _saying(text: str, code: int) -> ExternalProgram:
    def program(call: Call) -> int:
        call.say(text)
        return code

    return program


SMALL: Mapping[str, ExternalProgram] = {
    "a616b91972cb13d6c3144ab4ff944c02bedabe1e9a060ad118153623142bc2e0": rc,
    "44bbc3d691ba011e48d1fb8240aae5e2f77f7544974ce91dad11c9f9ed4fd996": show_tail,
    "774c3ba79bcf0a127a2ea1289bea01692adef0667238010e60f091190cb08999": _saying("program COM", 21),
    "7418f453cf75a414fb202c3ff10ddd2bf84e83d50384e4f385c6bcc5ca33090b": _saying("program EXE", 22),
}
"""By the SHA-256 of the file: RC.COM, TAIL.COM, SAYCOM.COM, SAYEXE.EXE."""
