/* divide.c - see sys.h */
#include "sys.h"

u32 sys_divide(u64 dividend, u32 divisor, u32 *rest)
{
#ifdef __i386__
    u32 quotient;

    __asm__("divl %4" : "=a"(quotient), "=d"(*rest) : "0"((u32)dividend), "1"((u32)(dividend >> 32)), "r"(divisor));
    return quotient;
#else
    *rest = (u32)(dividend % divisor);
    return (u32)(dividend / divisor);
#endif
}
