/* codepage_win32.c - the code pages of Windows, and its letters of two bytes. */
#include "kernel32.h"

int sys_is_lead(char c)
{
    return (c & 0x80) && IsDBCSLeadByte(c); /* plain ASCII begins no letter of any page */
}

void sys_code_pages(u32 *ansi, u32 *oem)
{
    *ansi = GetACP();
    *oem = GetOEMCP();
}
