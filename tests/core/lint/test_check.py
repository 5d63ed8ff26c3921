"""Lint: every rule fires on its bad example and passes the good one; no false alarms."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.lint import check as lint
from deployer.core.lint.check import RULES, LengthLimits, Rule, check
from docs.generate.lint import page

DOCS = Path(__file__).resolve().parents[3] / "docs" / "lint-rules.md"


def rules_of(data: bytes, name: str = "TEST.BAT") -> list[str]:
    return [finding.rule for finding in check(data, name=name)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_refuses_its_bad_example(rule: Rule) -> None:
    assert rule.id in rules_of(rule.bad)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_takes_its_good_example(rule: Rule) -> None:
    assert [str(finding) for finding in check(rule.good, name="TEST.BAT")] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_can_be_explained(rule: Rule) -> None:
    assert rule.why
    assert rule.remedy
    assert rule.sources


def test_rule_ids_are_unique() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


def test_the_committed_page_is_what_the_table_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), (
        "run: python -m docs.generate.lint > docs/lint-rules.md"
    )


MISTAKES = [
    (b"\xef\xbb\xbf@ECHO OFF\r\n", "byte-order-mark", 1),
    (b"ECHO a\tb\r\nECHO \x07\r\n", "ascii", 2),
    (b"CD A\x07\r\n", "control-character", 1),
    (b"ECHO a\r\nECHO b\rECHO c\r\n", "line-end", 2),
    (b"ECHO a\r\nECHO b", "last-line", 2),
    (b"SET L=" + b"x" * 60 + b"\r\nECHO %L%%L%\r\n", "expanded", 2),
    (b"FOR %%F IN (C:\\DEPLOY\\SUBDIR\\*.TXT) DO ECHO " + b"%%F " * 8 + b"\r\n", "expanded", 1),
    (b"GOTO\r\n", "label-missing", 1),
    (b"IF EXIST X GOTO :NO\r\n", "label-missing", 1),
    (b"FOR %%F IN (A B) DO GOTO NO\r\n", "label-missing", 1),
    (b"ECHO %PATH:;=,%\r\n", "substring", 1),
    (b"ECHO %%~nF\r\n", "tilde", 1),
    (b"IF a==a TIMEOUT 5\r\n", "missing-command", 1),
    (b"ECHO x|FINDSTR x\r\n", "missing-command", 1),
    (b"@SETLOCAL\r\n", "missing-command", 1),
    (b"IF a==a (\r\n", "block", 1),
    (b") ELSE (\r\n", "block", 1),
    (b"ECHO(\r\n", "block", 1),
    (b"DIR & CD ..\r\n", "chained", 1),
    (b"ECHO done && ECHO more\r\n", "chained", 1),
    (b"TYPE A.TXT || GOTO X\r\n:X\r\n", "chained", 1),
    (b"TOOL 2>&1\r\n", "handles", 1),
    (b"ECHO error 1>NUL\r\n", "handles", 1),
    (b"SET /A N=1+1\r\n", "set-switch", 1),
    (b"FOR /L %%N IN (1,1,9) DO ECHO %%N\r\n", "for-switch", 1),
    (b"IF /I %1x==ax ECHO x\r\n", "if-form", 1),
    (b"IF NOT DEFINED X ECHO x\r\n", "if-form", 1),
    (b'IF "%1" EQU "a" ECHO x\r\n', "if-form", 1),
    (b"IF EXIST A.TXT\r\n", "if-incomplete", 1),
    (b"IF\r\n", "if-incomplete", 1),
    (b"@@ECHO OFF\r\n", "inner-at", 1),
    (b"EXIT /B 1\r\n", "nt-switch", 1),
    (b"RD /S /Q TEMP\r\n", "nt-switch", 1),
    (b"SET X==y\r\n", "set-equals", 1),
    (b"SET X\r\n", "set-equals", 1),
    (b"COPY A.BIN+B.BIN /B C.BIN\r\n", "copy-join", 1),
    (b"COPY /B A.BIN+NUL B.BIN\r\n", "copy-nul", 1),
    (b"ERASE A.TXT B.TXT\r\n", "del-many", 1),
    (b"DEL C:\\DEPLOY\\*.*\r\n", "del-all", 1),
    (b"DEL TEST.BAT\r\n", "self-overwrite", 1),
    (b"ECHO x>>C:\\DEPLOY\\TEST.BAT\r\n", "self-overwrite", 1),
    (b"REN TEST.BAT OLD.BAT\r\n", "self-overwrite", 1),
    (b"COPY A.TXT AUX.TXT\r\n", "reserved-name", 1),
    (b"TOOL >LPT1.LOG\r\n", "reserved-name", 1),
    (b"IF a==a NEXT.BAT\r\nECHO x\r\n", "batch-without-call", 1),
    (b"REM see a|b\r\n", "text-redirect", 1),
    (b"ECHO a => b\r\n", "text-redirect", 1),
    (b"ECHO Press <Enter>\r\n", "text-redirect", 1),
    (b"FOR %%F IN (A B) DO IF EXIST %%F ECHO %%F>>L.TXT\r\n", "if-redirect", 1),
    (b"IF a==a TYPE L.TXT|MORE\r\n", "if-redirect", 1),
    (b"FOR %%F IN (A B) DO TYPE %%F|MORE\r\n", "for-redirect", 1),
    (b"FOR %%F IN (A B) DO ECHO x>>%%F.TXT\r\n", "for-redirect", 1),
    (b"NEXT.BAT >L.TXT\r\n", "call-redirect", 1),
    (b"IF NOT EXIST SUB\\NUL MD SUB\r\n", "exist-nul", 1),
    (b"ECHO x>SUB/F.TXT\r\n", "slash-path", 1),
    (b'IF %1=="x" GOTO X\r\n:X\r\n', "compare-unquoted", 1),
    (b"IF x==%V% GOTO X\r\n:X\r\n", "compare-unquoted", 1),
    (b'IF NOT "%V%"=="a, b" GOTO X\r\n:X\r\n', "compare-blank", 1),
    (b"IF NOT ERRORLEVEL 3 GOTO A\r\nIF NOT ERRORLEVEL 2 GOTO B\r\n:A\r\n:B\r\n",
     "errorlevel-order", 2),
    (b"%windir%\\FTP.EXE -n\r\nIF ERRORLEVEL 1 GOTO X\r\n:X\r\n", "errorlevel-none", 2),
    (b"FOR %%V IN (a b)DO ECHO %%V\r\n", "for-form", 1),
    (b"CD SUB/DIR\r\n", "slash-name", 1),
    (b"COPY SUB/FILE.TXT A.TXT\r\n", "slash-name", 1),
    (b"COPY A B C\r\n", "names-many", 1),
    (b"REN long name.txt B\r\n", "names-many", 1),
    (b"CD Program Files\r\n", "names-many", 1),
    (b'FOR %%V IN ("a b" c) DO ECHO %%V\r\n', "for-list", 1),
    (b"SET F=<G.TXT\r\n", "set-redirect", 1),
    (b"COPY /B *.BIN ALL.BIN\r\n", "copy-pattern", 1),
    (b"COPY A?.TXT SUB\\B\r\n", "copy-pattern", 1),
    (b"COPY /B A.BIN + B.BIN A.BIN\r\n", "copy-in-place", 1),
    (b"CHOICE /C:YN /T:X,5\r\n", "choice-form", 1),
    (b"CHOICE /T 5 /D Y\r\n", "choice-form", 1),
    (b"CHOICE /T:Y,100\r\n", "choice-form", 1),
    (b"CHOICE /C:YN /M Sure\r\n", "choice-form", 1),
    (b"TYPE A.TXT|FIND text\r\n", "find-form", 1),
    (b"FTP 192.168.1.1 -n\r\n", "ftp-switches", 1),
    (b"%windir%\\FTP.EXE -n -A -s:GET.FTP\r\n", "ftp-switches", 1),
    (b'START "Title" TOOL.EXE\r\n', "start-form", 1),
    (b"SHIFT /1\r\n", "start-form", 1),
    (b"START TOOL\r\nECHO x\r\nIF NOT ERRORLEVEL 1 GOTO X\r\n:X\r\n", "start-wait", 1),
    (b"COPY A.TXT A.TXT\r\n", "copy-refused", 1),
    (b"COPY\r\n", "names-few", 1),
    (b"DEL\r\n", "names-few", 1),
    (b"|SORT\r\n", "pipe-end", 1),
    (b"LFNFOR 1\r\n", "on-off", 1),
    (b"SET PATH=C:\\\r\nSET L=" + b"x" * 119 + b"\r\n", "environment-full", 2),
    (b"FC /B A B\r\n\r\nIF ERRORLEVEL 1 GOTO X\r\n:X\r\n", "errorlevel-none", 3),
]  # fmt: skip


@pytest.mark.parametrize(("data", "rule", "line"), MISTAKES)
def test_mistakes_are_found_where_they_are(data: bytes, rule: str, line: int) -> None:
    assert (rule, line) in [(f.rule, f.line) for f in check(data, name="TEST.BAT")]


CORRECT = [
    b'@ECHO OFF\r\nIF "%OS%"=="Windows_NT" GOTO NT\r\n:NT\r\nPAUSE\r\n',
    b"IF NOT EXIST %windir%\\FTP.EXE GOTO NOFTP\r\n:NOFTP\r\n",
    b"%windir%\\FTP.EXE -n -i -s:NEXT.FTP\r\nIF NOT EXIST A GOTO X\r\n:X\r\n",
    b"ECHO open 192.168.1.1>FIRST.FTP\r\nECHO user D7F3A21C token1>>FIRST.FTP\r\n",
    b"ECHO binary>>FIRST.FTP\r\nECHO get DEPLOY98.EXE>>FIRST.FTP\r\nECHO bye>>FIRST.FTP\r\n",
    b"FOR %%F IN (A.TXT B.TXT) DO IF EXIST %%F DEL %%F\r\n",
    b"TOOL SELF\r\nIF ERRORLEVEL 8 GOTO X\r\nIF NOT ERRORLEVEL 7 GOTO X\r\n:X\r\n",
    b"IF ERRORLEVEL 3 IF NOT ERRORLEVEL 4 GOTO X\r\n:X\r\n",
    b'FIND "D7F3A21C" GOTIT.TXT >NUL\r\nIF ERRORLEVEL 1 GOTO X\r\n:X\r\n',
    b"CHOICE /C:X /N /T:X,5 >NUL\r\n",
    b"CHOICE /C:YN Go on\r\nIF ERRORLEVEL 2 GOTO NO\r\n:NO\r\n",
    b":: a comment with > and | and 50% is a label and never read\r\n",
    b"ECHO Cable & switch: look at them. 100%% done (or not)!\r\nECHO.\r\n",
    b"ECHO ---------->>LOG.TXT\r\nECHO round 2>>LOG.TXT\r\n",
    b'TYPE LOG.TXT |MORE\r\nTYPE LOG.TXT|FIND "226 "\r\nSORT <A.TXT >B.TXT\r\n',
    b"COPY /B A.BIN+B.BIN C.BIN >NUL\r\nCOPY /Y A.TXT B.TXT\r\n",
    b"CD %0\\..\r\nC:\r\nCD \\DEPLOY\r\n",
    b'IF "%1"=="" GOTO USAGE\r\nSHIFT\r\n:USAGE\r\n',
    b"IF .%1==. GOTO USAGE\r\n:USAGE\r\n",
    b"IF NOT %1x==x GOTO L\r\n:L\r\n",
    b'SET N=%N%x\r\nIF NOT "%N%"=="xxx" GOTO L\r\n:L\r\n',
    b"GOTO %1\r\n:A\r\n",
    b"DIR /B *.TXT >LIST.TXT\r\nDEL LIST.TXT\r\n",
    b"NEXT.BAT\r\n",
    b"CALL NEXT.BAT one two\r\nCALL TOOL.EXE >NUL\r\n",
    b"MD C:\\DEPLOY\r\nIF EXIST C:\\DEPLOY\\HERE.TXT GOTO OK\r\n:OK\r\n",
    b"COPY *.TXT D:\r\nCOPY *.TXT ..\r\nCOPY *.TXT *.BAK\r\nCOPY *.TXT SUB\\*.*\r\n",
    b"COPY *.TXT NUL\r\n",
    b'COPY "A B.TXT" "C D.TXT"\r\nCOPY A.TXT/B B.TXT/B\r\nCD\r\nCD\\\r\nCD..\r\nXCOPY A B /S\r\n',
    b"CHOICE /Cynq /S /TQ,00 Go on/Quit\r\nCHOICE %1\r\nCHOICE\r\nFIND /?\r\n",
    b'FIND /N/I "x" A.TXT\r\nDIR|FIND "x"\r\nFTP -v -n -i -d -g -s:A.FTP 192.168.1.1\r\n',
    b"SET V=a\r\nSET>LIST.TXT\r\nSTART TOOL\r\nTOOL2\r\nIF ERRORLEVEL 1 GOTO X\r\n:X\r\n",
    b"START /W SETUP.EXE\r\nIF ERRORLEVEL 1 GOTO X\r\n:X\r\n",
    b"",
    b"\r\n\r\n",
]


@pytest.mark.parametrize("data", CORRECT)
def test_correct_batch_files_pass(data: bytes) -> None:
    assert [str(finding) for finding in check(data, name="TEST.BAT")] == []


def test_known_values_are_used_for_the_length() -> None:
    line = b"ECHO " + b"x" * 80 + b" %SITE%%SITE%\r\n"
    assert "expanded" in rules_of(line)
    assert check(line, name="A.BAT", environment={"Site": "short"}) == ()
    assert check(line, name="A.BAT", limits=LengthLimits(variable=5)) == ()


def test_a_finding_tells_line_column_excerpt_remedy_and_sources() -> None:
    (finding,) = check(b"@ECHO OFF\r\nIF a==b ECHO x>A.TXT\r\n", name="A.BAT")
    assert (finding.line, finding.column, finding.severity) == (2, 15, "error")
    assert finding.excerpt == "IF a==b ECHO x>A.TXT"
    assert "case redir-if" in finding.sources
    assert finding.remedy
    assert str(finding).startswith("line 2: ")


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_a_crash(data: bytes) -> None:
    check(data, name="X.BAT")
    lint.check_ftp_script(data)


WORDS = ["IF ", "FOR ", "%%A ", "IN ", "(", ")", "DO ", "ECHO ", "%", ">", "<", "|", '"', "==", "@",
         ":", "GOTO ", "SET ", "COPY ", "+", "/B ", "NOT ", "EXIST ",
         "ERRORLEVEL ", "1 ", "\r\n"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_mixture_of_words_is_judged_without_a_crash(words: list[str]) -> None:
    check("".join(words).encode(), name="X.BAT")


FTP_GOOD = b"open 192.168.1.1\r\nuser D7F3A21C abc123\r\nbinary\r\nget A.001 A.A01\r\nbye\r\n"
FTP_BAD = [
    (FTP_GOOD.replace(b"\r\n", b"\n"), "CR LF"),
    (FTP_GOOD.replace(b"binary\r\n", b""), "before binary"),
    (FTP_GOOD.replace(b"get ", b"GET "), "case-sensitive"),
    (FTP_GOOD.replace(b"get ", b"reget "), "no command"),
    (FTP_GOOD.replace(b"get A.001 A.A01", b"mget *.*"), "mget"),
    (FTP_GOOD.replace(b"binary", b"hash\r\nbinary"), "hash"),
    (FTP_GOOD.replace(b"binary", b"prompt\r\nbinary"), "prompt"),
    (FTP_GOOD.replace(b"binary", b"!dir\r\nbinary"), "!"),
    (FTP_GOOD.replace(b"bye\r\n", b""), "bye"),
    (FTP_GOOD.replace(b"192.168.1.1", b"192.168.1.1 2121"), "port"),
    (FTP_GOOD.replace(b"A.A01", b"dir/a.a01"), "8.3"),
    (FTP_GOOD.replace(b"abc123", b"x" * 100), "bytes"),
    (FTP_GOOD.replace(b"binary", b"\r\nbinary"), "empty line"),
    (FTP_GOOD.replace(b"abc123", b"\xe4bc123"), "ASCII"),
]


def test_a_good_ftp_script_passes() -> None:
    assert lint.check_ftp_script(FTP_GOOD) == ()


@pytest.mark.parametrize(("script", "word"), FTP_BAD)
def test_mistakes_in_ftp_scripts_are_found(script: bytes, word: str) -> None:
    assert any(word in finding.message for finding in lint.check_ftp_script(script))
