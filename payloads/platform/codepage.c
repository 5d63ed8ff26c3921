/* codepage.c - elsewhere than on Windows: the code pages of a Windows in English. */
#include "sys.h"

int sys_is_lead(char c)
{
    (void)c;
    return 0;
}

void sys_code_pages(u32 *ansi, u32 *oem)
{
    *ansi = 1252;
    *oem = 437;
}
