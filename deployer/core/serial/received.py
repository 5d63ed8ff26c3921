"""Names that came over a line, made fit to be names of files here."""

from __future__ import annotations

_FORBIDDEN = set('<>:"|?*')
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in range(1, 10))}
MOST = 120


def safe_name(name: str) -> str | None:
    """The bare name of a file that may be written into a directory; None when there is none.

    Only what follows the last `/` or `\\` counts, control characters and what Windows forbids
    become `_`, device names get a `_` before them. The result never begins with a dot.
    """
    bare = name.replace("\\", "/").rpartition("/")[2].strip()
    clean = "".join(
        "_" if c in _FORBIDDEN or ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 else c
        for c in bare
    ).rstrip(". ")
    clean = clean.lstrip(".") if clean.strip(".") else ""
    if not clean or len(clean.encode("utf-8")) > MOST:
        return None
    if clean.partition(".")[0].upper() in _RESERVED:
        return f"_{clean}"
    return clean
