/* free_win32.c - sys_free for Windows; apart, for a program that gives nothing back. */
#include "kernel32.h"

void sys_free(void *block, usize bytes)
{
    (void)bytes;
    if (block)
        VirtualFree(block, 0, MEM_RELEASE);
}
