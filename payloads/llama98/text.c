/* text.c - the few words the engine says. Lines end with CR LF, whatever the system. */
#include "llama98.h"

#include <stdarg.h>

usize text_length(const char *text)
{
    usize n = 0;

    while (text[n])
        n++;
    return n;
}

int text_equal(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return *a == *b;
}

int text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The digits of `number`, at least `least` of them, from `room` on; returns their end. */
static char *digits(char *room, u32 number, int least)
{
    char reversed[12];
    int n = 0;

    for (; number || n < least; number /= 10)
        reversed[n++] = (char)('0' + number % 10);
    while (n)
        *room++ = reversed[--n];
    *room = '\0';
    return room;
}

char *text_number(char *room, i32 number)
{
    char *to = room;
    u32 size = (u32)number;

    if (number < 0) {
        *to++ = '-';
        size = 0u - size;
    }
    digits(to, size, 1);
    return room;
}

char *text_megabytes(char *room, u64 bytes)
{
    u64 kilobytes = (bytes >> 10) + 51; /* to the nearest tenth of a megabyte */
    u32 whole = (u32)(kilobytes >> 10);
    u32 tenth = ((u32)(kilobytes & 1023) * 10) >> 10;
    char *end = digits(room, whole, 1);

    *end++ = '.';
    digits(end, tenth, 1);
    return room;
}

char *text_fixed(char *room, u32 number, int after)
{
    u32 unit = 1;
    char *end;
    int i;

    for (i = 0; i < after; i++)
        unit *= 10;
    end = digits(room, number / unit, 1);
    *end++ = '.';
    digits(end, number % unit, after);
    return room;
}

u32 text_rate(i32 tokens, u32 milliseconds)
{
    double result = 0.0;

    fpu_double();
    if (milliseconds)
        result = (double)tokens * 100000.0 / (double)milliseconds + 0.5;
    if (result > 2e9)
        result = 2e9;
    fpu_single();
    return (u32)(i32)result;
}

/* Adds `text` to the line of `used` bytes while there is room; control characters show as '?'. */
static usize add(char *line, usize used, usize most, const char *text)
{
    for (; *text && used < most; text++)
        line[used++] = (char)((u8)*text < ' ' ? '?' : *text);
    return used;
}

int complain(int code, const char *first, ...)
{
    char line[400];
    usize most = sizeof line - 2;
    usize used = add(line, 0, most, "LLAMA98: ");
    const char *part;
    va_list more;

    va_start(more, first);
    for (part = first; part; part = va_arg(more, const char *))
        used = add(line, used, most, part);
    va_end(more);
    line[used++] = '\r';
    line[used++] = '\n';
    sys_err(line, used);
    return code;
}
