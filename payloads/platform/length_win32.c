/* length_win32.c - sys_length for Windows; apart, for a program that asks the directory instead. */
#include "kernel32.h"

int sys_length(sys_file file, u32 *length)
{
    u32 high = 0;

    *length = GetFileSize((handle)file, &high);
    if (*length == NO_ERROR_SET)
        return SYS_ERROR;
    return high ? SYS_BIG : SYS_OK;
}
