"""What the shell says, in Windows 98's words where they are known."""

from __future__ import annotations

from deployer.sim.disk import Code

BAD_COMMAND = "Bad command or file name"
SYNTAX = "Syntax error"
LABEL = "Label not found"
BATCH_MISSING = "Batch file missing"
OUT_OF_ENVIRONMENT = "Out of environment space"
FILE_CREATION = "File creation error"
TOO_MANY = "Too many parameters"
MISSING = "Required parameter missing"
INVALID_SWITCH = "Invalid switch"
KEYWORD = "Invalid keyword"
PARAMETER_FORMAT = "Parameter format not correct"
INVALID_PARAMETER = "Invalid parameter"
INVALID_PATH = "Invalid path or file name"
INVALID_FILENAME = "Invalid filename or file not found"
DUPLICATE = "Duplicate file name or file not found"
INVALID_DIRECTORY = "Invalid directory"
DIRECTORY_EXISTS = "Directory already exists"
CANNOT_CREATE_DIRECTORY = "Unable to create directory"
CANNOT_REMOVE_DIRECTORY = "Invalid path, not directory,\r\nor directory not empty"
IS_CURRENT_DIRECTORY = "Attempt to remove current directory"
DESTINATION_LOST = "Content of destination lost before copy"
ONTO_ITSELF = "File cannot be copied onto itself"
BINARY_DEVICE = "Cannot do binary reads from a device"
FOR_NESTED = "FOR cannot be nested"
ON_OR_OFF = "Must specify ON or OFF"
INVALID_DRIVE = "Invalid drive specification"
PRESS_A_KEY = "Press any key to continue . . ."
ALL_FILES = "All files in directory will be deleted!"
SURE = "Are you sure (Y/N)?"
NO_PATH = "No Path"
NO_SPACE = "Insufficient disk space"
PIPE_ERROR = "Intermediate file error during pipe"

FAILED = "Fail on INT 24"

_CODES = {
    Code.FILE_NOT_FOUND: "File not found",
    Code.PATH_NOT_FOUND: "Path not found",
    Code.TOO_MANY_OPEN_FILES: "Too many open files",
    Code.ACCESS_DENIED: "Access denied",
    Code.INVALID_DRIVE: INVALID_DRIVE,
    Code.WRITE_PROTECT: FAILED,
    Code.NOT_READY: FAILED,
    Code.CRC: FAILED,
    Code.SHARING_VIOLATION: "Sharing violation",
    Code.DISK_FULL: NO_SPACE,
    Code.INVALID_NAME: "File not found",
}

#: What `setup_parse_error_msg` says for each result of the shared parser.
PARSE = {
    1: TOO_MANY,
    2: MISSING,
    3: INVALID_SWITCH,
    4: KEYWORD,
    8: INVALID_PARAMETER,
    9: PARAMETER_FORMAT,
    10: INVALID_PARAMETER,
}


def of_code(code: Code) -> str:
    """The message for an error number of the disk."""
    return _CODES.get(code, f"Extended Error {int(code)}")


def copied(count: int) -> str:
    """COPY's last line."""
    return f"{count:9} file(s) copied"
