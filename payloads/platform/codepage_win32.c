/* codepage_win32.c - the code pages of Windows, and its letters of two bytes. */
#include "kernel32.h"

int sys_is_lead(char c)
{
    return IsDBCSLeadByte(c);
}

void sys_code_pages(u32 *ansi, u32 *oem)
{
    *ansi = GetACP();
    *oem = GetOEMCP();
}
