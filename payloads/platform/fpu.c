/* fpu.c - see sys.h */
#include "sys.h"

void sys_fpu_reset(void)
{
    __asm__ __volatile__("fninit");
}
