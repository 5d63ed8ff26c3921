/* err_win32.c - sys_err for Windows; apart, for a program whose only output is standard output. */
#include "kernel32.h"

void sys_err(const void *bytes, usize count)
{
    u32 put;

    WriteFile(GetStdHandle(STD_ERROR_HANDLE), bytes, (u32)count, &put, 0);
}
