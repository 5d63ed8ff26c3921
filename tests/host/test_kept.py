"""What was pulled goes back with the attributes that the old PC had."""

from __future__ import annotations

import hashlib
from pathlib import Path

from deployer.core.pull import listing
from deployer.host import staging
from deployer.host.requests import Request


def pulled(where: Path, **attributes: int) -> Path:
    """A folder as a pull leaves it, with its sealed list."""
    folder = where / "logs"
    (folder / "Sub folder").mkdir(parents=True)
    lines = ["deployment=D7F3A21C", "from=C:\\LOGS\\*.*"]
    for name, bits in attributes.items():
        data = name.encode()
        (folder / "Sub folder" / name).write_bytes(data)
        sums = hashlib.sha256(data).hexdigest()
        path = f"SUBFOL~1/{name.upper()} Sub%20folder/{name}"
        lines.append(f"file={len(data)} {sums} {bits:X} 266428C4 1 {path}")
    text = "".join(f"{line}\r\n" for line in lines).encode()
    (where / "logs.lst").write_bytes(listing.sealed(text))
    return folder


def staged(folder: Path, **more: bool) -> dict[str, int]:
    manifest = staging.stage(Request((folder,), no_run=True, **more))  # type: ignore[arg-type]
    return {Path(file.source).name: file.attributes for file in manifest.payload.files}


def test_attributes_go_back_as_the_sealed_list_has_them(tmp_path: Path) -> None:
    folder = pulled(tmp_path, plain=0x20, readonly=0x21, hidden=0x22, system=0x27)
    assert staged(folder) == {"plain": 0, "readonly": 1, "hidden": 2, "system": 7}
    assert set(staged(folder, dates=False).values()) == {0}


def test_a_list_that_was_edited_says_nothing(tmp_path: Path) -> None:
    folder = pulled(tmp_path, hidden=0x22)
    beside = tmp_path / "logs.lst"
    beside.write_bytes(beside.read_bytes().replace(b" 22 ", b" 27 "))
    assert staged(folder) == {"hidden": 0}
