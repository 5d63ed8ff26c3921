/* mem.c - the functions a compiler may call, for the back ends without a C library; memmove, the
 * fourth, is in move.c.
 *
 * String instructions rather than loops: a Pentium II moves aligned dwords with `rep movsd` at
 * full bus speed, and GCC cannot turn the body of memcpy back into a call of memcpy. */
#include "sys.h"

void *memcpy(void *to, const void *from, usize count)
{
    void *out = to;
    usize words = count >> 2;
    usize rest = count & 3;

    __asm__ __volatile__("cld\n\trep movsl\n\tmovl %3, %%ecx\n\trep movsb"
                         : "+&D"(out), "+&S"(from), "+&c"(words)
                         : "r"(rest)
                         : "memory", "cc");
    return to;
}

void *memset(void *to, int byte, usize count)
{
    void *out = to;
    usize words = count >> 2;
    usize rest = count & 3;
    u32 four = (u32)(byte & 0xFF) * 0x01010101u;

    __asm__ __volatile__("cld\n\trep stosl\n\tmovl %3, %%ecx\n\trep stosb"
                         : "+&D"(out), "+&c"(words)
                         : "a"(four), "r"(rest)
                         : "memory", "cc");
    return to;
}

int memcmp(const void *a, const void *b, usize count)
{
    const u8 *x = (const u8 *)a;
    const u8 *y = (const u8 *)b;

    for (; count; count--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}
