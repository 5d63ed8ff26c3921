"""Idioms of INSTALL.BAT, AUTOEXEC.BAT and menus of the 1980s and 90s, written anew.

Each stands for a way of writing that was common; none is taken from a file. `runs` says whether
the simulated COMMAND.COM does what the author meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Idiom:
    """A batch file, how it is called, what is there before, and what comes of it.

    `files` are put into its directory beforehand: an .EXE or .COM is a program that shows its
    command tail in brackets. `typed` answers questions. `shows` are texts on the screen, `leaves`
    what files of the directory begin with afterwards (None: the file is not there).
    """

    name: str
    lines: list[str]
    args: str = ""
    files: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    shows: list[str] = field(default_factory=list)
    leaves: dict[str, str | None] = field(default_factory=dict)
    runs: bool = True


OFF = "@ECHO OFF"
A = {"A.TXT": "a\r\n"}

IDIOMS = [
    # -- is there a parameter? -------------------------------------------------------------------
    Idiom(
        "quotes around a parameter",
        [
            OFF,
            'IF "%1"=="" GOTO USAGE',
            "ECHO to %1",
            "GOTO END",
            ":USAGE",
            "ECHO Usage: INSTALL drive",
            ":END",
        ],
        shows=["Usage: INSTALL"],
    ),
    Idiom(
        "a letter in front of a parameter",
        [OFF, "IF x%1 == x GOTO HELP", "ECHO to %1", "GOTO END", ":HELP", "ECHO help", ":END"],
        args="C:",
        shows=["to C:"],
    ),
    Idiom(
        "a letter after a parameter",
        [OFF, "IF %1A == A GOTO NONE", "ECHO to %1", "GOTO END", ":NONE", "ECHO none", ":END"],
        shows=["none"],
    ),
    Idiom("a dot in front of a parameter", [OFF, "IF .%1==. ECHO none"], shows=["none"]),
    Idiom("brackets around a parameter", [OFF, "IF [%1]==[] ECHO none"], shows=["none"]),
    Idiom("parentheses around a parameter", [OFF, "IF (%1)==() ECHO none"], shows=["none"]),
    Idiom("braces around a parameter", [OFF, "IF {%1}=={} ECHO none"], shows=["none"]),
    Idiom("exclamation marks around a parameter", [OFF, "IF !%1==! ECHO none"], shows=["none"]),
    Idiom(
        "single quotes and a switch",
        [OFF, "IF '%1' == '/?' GOTO HELP", "GOTO END", ":HELP", "ECHO help", ":END"],
        args="/?",
        shows=["help"],
    ),
    Idiom(
        "a guarded bare comparison",
        [OFF, 'IF "%1"=="" GOTO END', "IF %1==/S ECHO silent", ":END"],
        args="/S",
        shows=["silent"],
    ),
    Idiom(
        "a guarded bare comparison without a parameter",
        [OFF, 'IF "%1"=="" GOTO END', "IF %1==/S ECHO silent", ":END"],
    ),
    Idiom(
        "a default for a variable that is empty",
        [OFF, "SET D=%1", 'IF "%D%"=="" SET D=C:', "IF %D%==C: ECHO to C:", "SET D="],
        shows=["to C:"],
    ),
    Idiom(
        "a default that may itself be empty",
        [OFF, "SET D=%1", 'IF "%D%"=="" SET D=%2', "IF %D%==C: ECHO to C:", "SET D="],
        shows=["Syntax error"],
        runs=False,
    ),
    Idiom("a comparison guarded on its own line", [OFF, 'IF NOT "%1"=="" IF %1==/Q ECHO quiet']),
    Idiom(
        "several drives after a guard",
        [
            OFF,
            "IF %1a == a GOTO NODRIVE",
            "IF %1 == c: GOTO OK",
            "IF %1 == C: GOTO OK",
            "IF %1 == d: GOTO OK",
            "IF %1 == D: GOTO OK",
            "ECHO which drive?",
            "GOTO END",
            ":OK",
            "ECHO to %1",
            "GOTO END",
            ":NODRIVE",
            "ECHO no drive",
            ":END",
        ],
        args="C:",
        shows=["to C:"],
    ),
    Idiom(
        "a bare comparison of what may be empty",
        [OFF, "IF %1==/S ECHO silent"],
        shows=["Syntax error"],
        runs=False,
    ),
    Idiom(
        "a bare comparison guarded one parameter too low",
        [OFF, 'IF "%1"=="" GOTO END', "IF %2==/S ECHO silent", ":END"],
        args="one",
        shows=["Syntax error"],
        runs=False,
    ),
    Idiom(
        "a guard that SHIFT has made void",
        [OFF, 'IF "%1"=="" GOTO END', "SHIFT", "IF %1==/S ECHO silent", ":END"],
        args="one",
        shows=["Syntax error"],
        runs=False,
    ),
    Idiom(
        "a variable with a value is compared bare",
        [OFF, "SET MODE=fast", "IF %MODE%==fast ECHO fast", "SET MODE="],
        shows=["fast"],
    ),
    Idiom(
        "a variable that was emptied is compared bare",
        [OFF, "SET MODE=", "IF %MODE%==fast ECHO fast"],
        shows=["Syntax error"],
        runs=False,
    ),
    # -- parameters one after the other ----------------------------------------------------------
    Idiom(
        "a loop over all parameters",
        [OFF, ":NEXT", 'IF "%1"=="" GOTO DONE', "ECHO [%1]", "SHIFT", "GOTO NEXT", ":DONE"],
        args="a b c",
        shows=["[a]", "[b]", "[c]"],
    ),
    Idiom(
        "a default for a parameter",
        [OFF, "SET DIR=%1", 'IF "%1"=="" SET DIR=GAME', "ECHO into %DIR%", "SET DIR="],
        shows=["into GAME"],
    ),
    Idiom(
        "the parameter is the label",
        [OFF, "GOTO %1", ":A", "ECHO is a", "GOTO END", ":B", "ECHO is b", ":END"],
        args="B",
        shows=["is b"],
    ),
    Idiom(
        "switch letters in a FOR",
        [
            OFF,
            'FOR %%S IN (/q /Q -q) DO IF "%1"=="%%S" GOTO QUIET',
            "GOTO END",
            ":QUIET",
            "ECHO quiet",
            ":END",
        ],
        args="-q",
        shows=["quiet"],
        runs=False,
    ),
    Idiom(
        "the second step of the same file",
        [OFF, "IF .%2 == .~ GOTO STEP2", "INSTALL %1 ~", ":STEP2", "ECHO second step for %1"],
        args="C:",
        shows=["second step for C:"],
    ),
    Idiom(
        "a subroutine of the same file",
        [
            OFF,
            "IF '%1'=='SUB' GOTO SUB",
            "CALL INSTALL SUB one",
            "CALL INSTALL SUB two",
            "GOTO END",
            ":SUB",
            "ECHO called with %2",
            ":END",
        ],
        shows=["called with one", "called with two"],
    ),
    # -- labels ----------------------------------------------------------------------------------
    Idiom(
        "a colon in GOTO", [OFF, "GOTO :END", "ECHO wrong", ":END", "ECHO right"], shows=["right"]
    ),
    Idiom(
        "GOTO and a colon without a blank",
        [OFF, "GOTO:END", "ECHO wrong", ":END", "ECHO right"],
        shows=["right"],
    ),
    Idiom(
        "a comment with two colons",
        [OFF, ":: all of this > is | skipped %1 <", "ECHO next"],
        shows=["next"],
    ),
    Idiom(
        "ornaments with colons",
        [OFF, ":==========", ":  part one", ":==========", "ECHO next"],
        shows=["next"],
    ),
    Idiom(
        "text after a label", [OFF, "GOTO END", ":END -- that is all", "ECHO next"], shows=["next"]
    ),
    Idiom(
        "labels in small letters",
        [OFF, "GOTO TheEnd", "ECHO wrong", ":theend", "ECHO next"],
        shows=["next"],
    ),
    Idiom(
        "indented labels and lines",
        [OFF, "  GOTO END", "  ECHO wrong", "  :END", "  ECHO next"],
        shows=["next"],
    ),
    Idiom("digits as labels", [OFF, "GOTO 2", ":1", "ECHO one", ":2", "ECHO two"], shows=["two"]),
    Idiom(
        "long labels that are the same",
        [
            OFF,
            "GOTO INSTALL_TWO",
            ":INSTALL_ONE",
            "ECHO one",
            "GOTO END",
            ":INSTALL_TWO",
            "ECHO two",
            ":END",
        ],
        shows=["one"],
        runs=False,
    ),
    Idiom(
        "a label with a dot",
        [OFF, "GOTO STEP.2", ":STEP", "ECHO first", "GOTO END", ":STEP.2", "ECHO second", ":END"],
        shows=["first"],
        runs=False,
    ),
    Idiom(
        "a label that nobody wrote",
        [OFF, "GOTO NOWHERE", "ECHO next"],
        shows=["Label not found"],
        runs=False,
    ),
    # -- exit codes and menus --------------------------------------------------------------------
    Idiom(
        "exit codes in falling order",
        [
            OFF,
            "RC 2",
            "IF ERRORLEVEL 3 GOTO C",
            "IF ERRORLEVEL 2 GOTO B",
            "IF ERRORLEVEL 1 GOTO A",
            ":A",
            "ECHO a",
            ":B",
            "ECHO b",
            ":C",
        ],
        shows=["b"],
    ),
    Idiom(
        "exit codes with an equals sign",
        [OFF, "RC 2", "IF ERRORLEVEL = 2 GOTO B", "ECHO wrong", ":B", "ECHO b"],
        shows=["b"],
    ),
    Idiom(
        "exit codes with two equals signs",
        [OFF, "RC 2", "IF ERRORLEVEL==2 GOTO B", "ECHO wrong", ":B", "ECHO b"],
        shows=["b"],
    ),
    Idiom(
        "one exit code exactly",
        [OFF, "RC 2", "IF ERRORLEVEL 2 IF NOT ERRORLEVEL 3 ECHO just two"],
        shows=["just two"],
    ),
    Idiom(
        "exit codes in a FOR",
        [
            OFF,
            "RC 2",
            "FOR %%E IN (1 2 3) DO IF ERRORLEVEL %%E SET LAST=%%E",
            "ECHO code %LAST%",
            "SET LAST=",
        ],
        shows=["code 2"],
    ),
    Idiom(
        "exit codes rising with SET",
        [
            OFF,
            "RC 2",
            "IF ERRORLEVEL 1 SET K=one",
            "IF ERRORLEVEL 2 SET K=two",
            "ECHO %K%",
            "SET K=",
        ],
        shows=["two"],
    ),
    Idiom(
        "exit codes rising with GOTO",
        [
            OFF,
            "RC 2",
            "IF ERRORLEVEL 1 GOTO ONE",
            "IF ERRORLEVEL 2 GOTO TWO",
            ":ONE",
            "ECHO one",
            "GOTO END",
            ":TWO",
            "ECHO two",
            ":END",
        ],
        shows=["one"],
        runs=False,
    ),
    Idiom(
        "a menu with CHOICE",
        [
            OFF,
            "CHOICE /C:123 /N Please choose:",
            "IF ERRORLEVEL 3 GOTO END",
            "IF ERRORLEVEL 2 GOTO TWO",
            "ECHO first",
            "GOTO END",
            ":TWO",
            "ECHO second",
            ":END",
        ],
        typed=["2", "\x1a"],
        shows=["second"],
    ),
    Idiom(
        "keys of CHOICE after a blank",
        [OFF, "CHOICE /C 12 Which"],
        shows=["Invalid choice switch"],
        runs=False,
    ),
    Idiom(
        "a menu of batch files",
        [OFF, "ECHO 1  Play", "ECHO 2  Quit", "PROMPT Your choice: $g"],
        files={"1.BAT": "@ECHO play\r\n"},
        shows=["1  Play"],
    ),
    Idiom(
        "a label with a variable in it",
        [OFF, "SET N=2", "GOTO MENU%N%", ":MENU1", "ECHO one", ":MENU2", "ECHO two", "SET N="],
        shows=["two"],
    ),
    # -- what is on the screen -------------------------------------------------------------------
    Idiom(
        "a box",
        [
            OFF,
            "ECHO \u2554\u2550\u2550\u2550\u2557",
            "ECHO \u2551 A \u2551",
            "ECHO \u255a\u2550\u2550\u2550\u255d",
        ],
        shows=["\u2551 A \u2551"],
    ),
    Idiom(
        "a block letter in a REM",
        [OFF, "REM \u2588\u2588 setup \u2588\u2588", "ECHO next"],
        shows=["next"],
    ),
    Idiom("a bell", [OFF, "ECHO \x07Disk full!\x07"], shows=["Disk full!"]),
    Idiom("colours of ANSI.SYS", [OFF, "ECHO \x1b[2J\x1b[1;37;44m Menu \x1b[0m"], shows=[" Menu "]),
    Idiom("a form feed for the printer", [OFF, "ECHO \x0c>NUL", "ECHO next"], shows=["next"]),
    Idiom("letters with accents", [OFF, "ECHO Gr\u00fc\u00dfe aus K\u00f6ln"], shows=["K\u00f6ln"]),
    Idiom("an empty line with a dot", [OFF, "ECHO.", "ECHO next"], shows=["next"]),
    Idiom("an empty line with a colon", [OFF, "ECHO:", "ECHO next"], shows=["next"]),
    Idiom(
        "an empty line with a parenthesis",
        [OFF, "ECHO(", "ECHO next"],
        shows=["Bad command"],
        runs=False,
    ),
    Idiom(
        "a line of dashes glued to ECHO",
        [OFF, "ECHO--------", "ECHO next"],
        shows=["Bad command"],
        runs=False,
    ),
    Idiom(
        "text with an apostrophe and an ampersand",
        [OFF, "ECHO Salt & Pepper's end (c) 1992"],
        shows=["Salt & Pepper's end (c) 1992"],
    ),
    Idiom(
        "or else in a text",
        [OFF, "IF NOT EXIST NO.TXT ECHO Insert disk 2 OR ELSE press Ctrl-C"],
        shows=["OR ELSE press"],
    ),
    Idiom("angle brackets in quotes", [OFF, 'ECHO Press "<Enter>" now'], shows=['"<Enter>"']),
    Idiom(
        "angle brackets in a text",
        [OFF, "ECHO Usage: INSTALL <drive>"],
        shows=["File not found"],
        runs=False,
    ),
    Idiom(
        "an arrow in a text", [OFF, "ECHO Press Enter --> go"], leaves={"go": "Press"}, runs=False
    ),
    Idiom("an arrow in a REM", [OFF, "REM copies A --> B"], leaves={"B": ""}, runs=False),
    Idiom("a percent sign twice", [OFF, "ECHO 100%% done"], shows=["100% done"]),
    Idiom(
        "percent signs in a text",
        [OFF, "ECHO 50% of it, then 100% of it"],
        shows=["50 of it"],
        runs=False,
    ),
    Idiom(
        "a percent sign in a REM", [OFF, "REM 50% of the disk is free", "ECHO next"], shows=["next"]
    ),
    Idiom(
        "PAUSE without its own text",
        [OFF, "ECHO Put in disk 2, then press a key", "PAUSE >NUL", "ECHO next"],
        typed=[""],
        shows=["next"],
    ),
    Idiom("a text after PAUSE", ["PAUSE Put disk 2 into drive A:"], typed=[""]),
    Idiom(
        "hidden output in front",
        [OFF, ">NUL COPY A.TXT B.TXT", "ECHO next"],
        files=A,
        leaves={"B.TXT": "a"},
        shows=["next"],
    ),
    # -- files and directories -------------------------------------------------------------------
    Idiom(
        "a directory that may be there",
        [OFF, "IF NOT EXIST GAME\\*.* MD GAME", "CD GAME", "CD", "CD .."],
        shows=["C:\\T\\GAME"],
    ),
    Idiom(
        "MD without looking",
        [OFF, "MD GAME >NUL", "COPY A.TXT GAME >NUL"],
        files=A,
        leaves={"GAME\\A.TXT": "a"},
    ),
    Idiom(
        "is there a directory, by NUL",
        [OFF, "IF NOT EXIST GAME\\NUL MD GAME", "COPY A.TXT GAME >NUL"],
        files=A,
        leaves={"GAME\\A.TXT": "a"},
    ),
    Idiom(
        "a drive letter as a command", [OFF, "%1", "CD \\T", "ECHO next"], args="C:", shows=["next"]
    ),
    Idiom("CD glued to its path", [OFF, "MD SUB", "CD\\T\\SUB", "CD..", "CD"], shows=["C:\\T"]),
    Idiom(
        "copying from where the batch file is",
        [OFF, "MD GAME", "COPY .\\*.TXT GAME\\*.* >NUL"],
        files=A,
        leaves={"GAME\\A.TXT": "a"},
    ),
    Idiom(
        "old files get another ending",
        [OFF, "IF EXIST *.BAK DEL *.BAK", "REN *.TXT *.BAK"],
        files={**A, "A.BAK": "old"},
        leaves={"A.BAK": "a", "A.TXT": None},
    ),
    Idiom(
        "a copy of a system file",
        [OFF, "IF EXIST C:\\T\\A.TXT COPY C:\\T\\A.TXT C:\\T\\A.OLD >NUL"],
        files=A,
        leaves={"A.OLD": "a"},
    ),
    Idiom(
        "a text is joined to another",
        [OFF, "COPY A.TXT+B.TXT C.TXT >NUL"],
        files={**A, "B.TXT": "b\r\n"},
        leaves={"C.TXT": "a\r\nb\r\n"},
    ),
    Idiom(
        "programs are joined as text",
        [OFF, "COPY A.BIN+B.BIN C.BIN >NUL"],
        files={"A.BIN": "a\x1ax", "B.BIN": "b"},
        leaves={"C.BIN": "ab\x1a"},
        runs=False,
    ),
    Idiom(
        "programs are joined as they are",
        [OFF, "COPY /B A.BIN+B.BIN C.BIN >NUL"],
        files={"A.BIN": "a\x1ax", "B.BIN": "b"},
        leaves={"C.BIN": "a\x1axb"},
    ),
    Idiom(
        "a long name is deleted",
        [OFF, 'DEL "old save file.dat"', "ERASE A.TXT"],
        files={**A, "old save file.dat": "x"},
        leaves={"old save file.dat": None},
    ),
    Idiom(
        "two names are deleted at once",
        [OFF, "DEL A.TXT B.TXT"],
        files={**A, "B.TXT": "b"},
        leaves={"A.TXT": "a"},
        runs=False,
    ),
    Idiom(
        "several names in a FOR",
        [OFF, "FOR %%F IN (A.TXT B.TXT) DO IF EXIST %%F DEL %%F"],
        files={**A, "B.TXT": "b"},
        leaves={"A.TXT": None, "B.TXT": None},
    ),
    Idiom(
        "DEL is answered by a pipe",
        [OFF, "MD TEMP", "COPY A.TXT TEMP >NUL", "ECHO Y|DEL TEMP\\*.* >NUL"],
        files=A,
        leaves={"TEMP\\A.TXT": None},
    ),
    Idiom(
        "DEL is answered by a file",
        [OFF, "MD TEMP", "COPY A.TXT TEMP >NUL", "DEL TEMP\\*.* <YES.TXT >NUL"],
        files={**A, "YES.TXT": "Y\r\n"},
        leaves={"TEMP\\A.TXT": None},
    ),
    Idiom(
        "a quiet DEL after an IF",
        [OFF, "IF EXIST A.TXT DEL A.TXT >NUL"],
        files=A,
        leaves={"A.TXT": None},
    ),
    Idiom(
        "an IF that writes a file",
        [OFF, "IF EXIST NO.TXT ECHO x>A.TXT"],
        files=A,
        leaves={"A.TXT": ""},
        runs=False,
    ),
    Idiom(
        "a pipe after an IF",
        [OFF, "IF EXIST A.TXT ECHO Y|DEL *.TXT"],
        files=A,
        leaves={"A.TXT": "a"},
        runs=False,
    ),
    Idiom(
        "an empty file", [OFF, "TYPE NUL>FLAG.TXT", "IF EXIST FLAG.TXT ECHO flag"], shows=["flag"]
    ),
    Idiom(
        "a file of another system's shell",
        [OFF, "COPY NUL FLAG.TXT >NUL", "IF NOT EXIST FLAG.TXT ECHO none"],
        shows=["none"],
        runs=False,
    ),
    Idiom(
        "slashes in a path",
        [OFF, "MD SUB", "COPY A.TXT SUB/A.TXT"],
        files=A,
        leaves={"SUB\\A.TXT": None},
        runs=False,
    ),
    Idiom(
        "ampersands in names", [OFF, "TYPE R&D.TXT"], files={"R&D.TXT": "ours\r\n"}, shows=["ours"]
    ),
    # -- other programs --------------------------------------------------------------------------
    Idiom(
        "an archive is unpacked",
        [OFF, "PKUNZIP -d -o GAME.ZIP"],
        files={"PKUNZIP.EXE": "", "GAME.ZIP": "zip"},
        shows=["[ -d -o GAME.ZIP]"],
    ),
    Idiom(
        "a program in upper memory",
        [OFF, "LH MOUSE.COM /Q"],
        files={"MOUSE.COM": ""},
        shows=["[ /Q]"],
    ),
    Idiom("a program hidden by @", ["@GAME /s"], files={"GAME.EXE": ""}, shows=["[ /s]"]),
    Idiom(
        "another batch file is called",
        [OFF, "CALL OTHER one", "ECHO back"],
        files={"OTHER.BAT": "@ECHO other %1\r\n"},
        shows=["other one", "back"],
    ),
    Idiom(
        "another batch file without CALL",
        [OFF, "OTHER.BAT", "ECHO back"],
        files={"OTHER.BAT": "@ECHO other\r\n"},
        shows=["other"],
    ),
    Idiom(
        "a batch file is called quietly",
        [OFF, "CALL OTHER >NUL", "ECHO back"],
        files={"OTHER.BAT": "@ECHO other\r\n"},
        shows=["back"],
    ),
    Idiom(
        "a batch file that writes a batch file",
        [
            OFF,
            "ECHO @ECHO OFF>RUN.BAT",
            "ECHO ECHO got %%1>>RUN.BAT",
            "CALL RUN two",
            "DEL RUN.BAT",
        ],
        shows=["got two"],
    ),
    Idiom(
        "a text is looked for",
        [OFF, 'FIND "a" A.TXT >NUL', "IF ERRORLEVEL 1 GOTO NO", "ECHO found", ":NO"],
        files=A,
        shows=["found"],
    ),
    Idiom(
        "a text is looked for in a pipe",
        [OFF, 'TYPE A.TXT | FIND "a" >NUL', "IF NOT ERRORLEVEL 1 ECHO found"],
        files=A,
        shows=["found"],
    ),
    Idiom("the date without a question", [OFF, "ECHO.|DATE >NUL", "ECHO next"], shows=["next"]),
    Idiom(
        "screen off for a while",
        [OFF, "CTTY NUL", "COPY A.TXT B.TXT", "CTTY CON", "ECHO next"],
        files=A,
        leaves={"B.TXT": "a"},
        shows=["next"],
    ),
    Idiom(
        "UNZIP beside the batch file",
        [OFF, "UNZIP GAME.ZIP"],
        files={"UNZIP.EXE": ""},
        shows=["[ GAME.ZIP]"],
    ),
    Idiom(
        "a shell inside the shell",
        [OFF, "COMMAND /C ECHO inner", "ECHO outer"],
        shows=["inner", "outer"],
    ),
    Idiom(
        "an exit code of COPY",
        [OFF, "COPY NO.TXT B.TXT >NUL", "IF ERRORLEVEL 1 ECHO failed", "ECHO next"],
        shows=["next"],
    ),
    # -- AUTOEXEC.BAT ----------------------------------------------------------------------------
    Idiom(
        "the usual start",
        [
            OFF,
            "PROMPT $P$G",
            "SET TEMP=C:\\TMP",
            "SET BLASTER=A220 I5 D1 T4",
            "ECHO %BLASTER%",
            "SET BLASTER=",
        ],
        shows=["A220 I5 D1 T4"],
    ),
    Idiom(
        "a directory more in the path",
        [OFF, "SET OLD=%PATH%", "PATH %PATH%;C:\\GAME", "ECHO %PATH%", "PATH %OLD%", "SET OLD="],
        shows=["C:\\DOS;C:\\GAME"],
    ),
    Idiom(
        "PATH with an equals sign",
        [OFF, "PATH=C:\\TOOLS;C:\\DOS", "ECHO %PATH%"],
        shows=["C:\\TOOLS;C:\\DOS"],
    ),
    Idiom(
        "the menu of CONFIG.SYS",
        [
            OFF,
            "SET CONFIG=CDROM",
            "GOTO %CONFIG%",
            ":PLAIN",
            "ECHO plain",
            "GOTO END",
            ":CDROM",
            "ECHO with CD",
            ":END",
            "SET CONFIG=",
        ],
        shows=["with CD"],
    ),
    Idiom(
        "the menu of CONFIG.SYS with a dot",
        [OFF, "IF %CONFIG%.==CDROM. ECHO CD", "ECHO next"],
        shows=["next"],
    ),
    Idiom(
        "a prompt with escape codes", [OFF, "PROMPT $e[1;33m$p$g$e[0m", "ECHO next"], shows=["next"]
    ),
    Idiom(
        "a value with an equals sign",
        [OFF, "SET OPT=/T=5", "ECHO [%OPT%]"],
        shows=["Syntax"],
        runs=False,
    ),
    Idiom(
        "a blank in front of the equals sign",
        [OFF, "SET NAME =x", "ECHO [%NAME%]"],
        shows=["[]"],
        runs=False,
    ),
    # -- both systems ----------------------------------------------------------------------------
    Idiom(
        "a part for NT",
        [
            OFF,
            'IF "%OS%"=="Windows_NT" GOTO NT',
            "ECHO old",
            "GOTO END",
            ":NT",
            "SETLOCAL",
            "CD /D C:\\",
            "IF DEFINED X (",
            "ECHO new",
            ")",
            ":END",
        ],
        shows=["old"],
    ),
    Idiom(
        "a part for NT by NOT",
        [OFF, 'IF NOT "%OS%"=="Windows_NT" GOTO OLD', "PUSHD C:\\", ":OLD", "ECHO old"],
        shows=["old"],
    ),
    Idiom(
        "a part for NT that is reached",
        [OFF, 'IF "%OS%"=="Windows_NT" ECHO NT', "PUSHD C:\\"],
        shows=["Bad command"],
        runs=False,
    ),
    Idiom(
        "blocks",
        [OFF, "IF EXIST A.TXT (", "ECHO there", ") ELSE (", "ECHO gone", ")"],
        files=A,
        shows=["Bad command"],
        runs=False,
    ),
    Idiom(
        "ELSE on the same line",
        [OFF, "IF EXIST A.TXT ECHO there ELSE ECHO gone"],
        files=A,
        shows=["there ELSE ECHO gone"],
        runs=False,
    ),
    Idiom(
        "two commands on a line",
        [OFF, "MD SUB & CD SUB"],
        shows=["Too many parameters"],
        runs=False,
    ),
    Idiom("errors to NUL", [OFF, "DEL A.TXT 2>NUL"], files=A, leaves={"A.TXT": "a"}, runs=False),
    Idiom("IF without regard to case", [OFF, 'IF /I "%1"=="a" ECHO yes'], args="A", runs=False),
    Idiom(
        "a label as a subroutine",
        [OFF, "CALL :SUB", "GOTO END", ":SUB", "ECHO sub", ":END"],
        shows=["Bad command"],
        runs=False,
    ),
    Idiom(
        "a typing mistake in IF",
        [OFF, "IF NOT EXITS A.TXT ECHO gone"],
        files=A,
        shows=["Syntax error"],
        runs=False,
    ),
]
