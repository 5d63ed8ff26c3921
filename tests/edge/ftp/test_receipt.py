"""A batch file cannot see whether its `put` went well: the receipt tells it."""

from __future__ import annotations

import ftplib
import io
import resource
from typing import Any

import pytest

from deployer.events import TransferCut, UploadReceived
from deployer.model import Blob, Entry

RECEIPT = Entry("GOTIT.TXT", Blob(b"D7F3A21C\r\n"), text=True, after="RESULT.TXT")


def test_the_receipt_exists_only_after_the_report(serve: Any) -> None:
    served = serve(RECEIPT)
    with served.client(passive=False) as ftp:
        with pytest.raises(ftplib.error_perm, match="550 There is no file"):
            ftp.retrbinary("RETR GOTIT.TXT", bytes)
        assert "GOTIT.TXT" not in ftp.nlst()
        ftp.storbinary("STOR OUTPUT.TXT", io.BytesIO(b"text"))
        with pytest.raises(ftplib.error_perm, match="550 There is no file"):
            ftp.retrbinary("RETR GOTIT.TXT", bytes)
        ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"whole"))
        got = io.BytesIO()
        ftp.retrbinary("RETR GOTIT.TXT", got.write)
        assert got.getvalue() == b"D7F3A21C\r\n"
        assert "GOTIT.TXT" in ftp.nlst()
    with served.client() as another, pytest.raises(ftplib.error_perm):
        another.retrbinary("RETR GOTIT.TXT", bytes)


def test_a_mangled_report_is_sent_back_and_the_old_one_stays(serve: Any) -> None:
    served = serve(RECEIPT)
    with served.client(passive=False) as ftp:
        ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"whole"))
        served.wait(UploadReceived)
    with served.client(passive=False) as ftp:
        with pytest.raises(ftplib.error_temp, match="451 The report did not arrive whole"):
            ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"mangled on the way"))
        with pytest.raises(ftplib.error_perm):
            ftp.retrbinary("RETR GOTIT.TXT", bytes)
    cut = served.wait(TransferCut)
    assert (cut.name, cut.upload) == ("RESULT.TXT", True)
    assert (served.inbox / "D7F3A21C" / "RESULT.TXT").read_bytes() == b"whole"
    assert len(served.told(UploadReceived)) == 1


def test_what_cannot_be_written_here_is_told_to_whom_it_is_for(serve: Any) -> None:
    """First no folder can be made, then the system lets no file grow beyond 100 bytes."""
    served = serve(RECEIPT)
    served.inbox.mkdir(exist_ok=True)
    closed = served.inbox / "D7F3A21C"
    closed.write_bytes(b"a file where a folder has to be")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with served.client(passive=False) as ftp:
        with pytest.raises(ftplib.Error):
            ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"whole"))
        closed.unlink()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(ftplib.Error):
                ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"whole" * 100))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b"whole"))
    told = served.authorizer.not_written
    assert [(deployment, name) for deployment, name, _why in told] == 2 * [
        ("D7F3A21C", "RESULT.TXT")
    ]
    assert told[1][2] == "File too large"
