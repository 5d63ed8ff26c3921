/* text.c - see text.h */
#include "text.h"

/* The digits of `number`, at least `least` of them, put before `end`. The conversion is
 * %u, %X or %x. */
static char *digits(char *end, u32 number, u32 least, char conversion)
{
    u32 base = conversion == 'u' ? 10 : 16;
    u32 count;

    *--end = '\0';
    for (count = 0; number || count < least; count++) {
        u32 digit = number % base;
        *--end = (char)(digit < 10 ? digit + '0' : digit - 10 + (u32)conversion - 'X' + 'A');
        number /= base;
    }
    return end;
}

u32 text_format(char *buffer, u32 size, const char *format, va_list list)
{
    char *at = buffer;
    const char *end = buffer + size - 1;
    const char *string;
    char number[12];
    u32 least;

    for (; *format && at < end; format++) {
        if (*format != '%') {
            *at++ = *format;
            continue;
        }
        for (least = 1; *++format < 'A';)
            least = (u32)(*format - '0');
        if (*format == 's')
            string = va_arg(list, const char *);
        else
            string = digits(number + sizeof number, va_arg(list, u32), least, *format);
        while (*string && at < end)
            *at++ = *string++;
    }
    *at = '\0';
    return (u32)(at - buffer);
}

void say(const char *format, ...)
{
    char line[250];
    va_list list;

    va_start(list, format);
    sys_out(line, text_format(line, sizeof line, format, list));
    va_end(list);
}

u32 text_length(const char *text)
{
    u32 length = 0;

    while (text[length])
        length++;
    return length;
}

u32 fold(char c)
{
    u32 b = (u8)c;

    if (b - 'a' < 26 || (b - 0xE0 < 31 && b != 0xF7))
        b -= 32;
    return b;
}

int text_same(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) == fold(*b);
}

int text_number(const char *text, u32 *number)
{
    u32 value = 0;

    if (*text == '0' || !*text) {
        *number = 0;
        return *text && !text[1];
    }
    for (; *text; text++) {
        u32 digit = (u32)*text - '0';
        if (digit > 9 || value > 214748364u || (value *= 10) + digit > 0x7FFFFFFFu)
            return 0;
        value += digit;
    }
    *number = value;
    return 1;
}

int text_hex(const char *text, char a, u8 *bytes, u32 count)
{
    u32 i;

    for (i = 0; i < 2 * count; i++, text++) {
        u32 digit = (u32)*text - '0';
        if (digit > 9)
            digit = (u32)*text - (u8)a < 6 ? (u32)*text - (u8)a + 10 : 16;
        if (digit > 15)
            return 0;
        bytes[i / 2] = (u8)(bytes[i / 2] << 4 | digit);
    }
    return !*text;
}
