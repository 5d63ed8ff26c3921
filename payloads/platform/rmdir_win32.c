/* rmdir_win32.c - sys_rmdir for Windows; apart, for a program that removes none. */
#include "kernel32.h"

int sys_rmdir(const char *path)
{
    return RemoveDirectoryA(path) ? SYS_OK : SYS_ERROR;
}
