/* move.c - memmove; see mem.c */
#include "sys.h"

void *memmove(void *to, const void *from, usize count)
{
    u8 *out = (u8 *)to + count;
    const u8 *in = (const u8 *)from + count;

    if ((usize)to - (usize)from >= count) /* also true when `to` lies before `from` */
        return memcpy(to, from, count);
    while (count--) {
        *--out = *--in;
        __asm__ __volatile__("" : : : "memory"); /* keeps this loop from becoming a memmove call */
    }
    return to;
}
