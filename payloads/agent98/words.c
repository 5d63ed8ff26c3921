/* words.c - see words.h */
#include "words.h"

u32 put(char *text, u32 size, const char *format, ...)
{
    va_list list;
    u32 length;

    va_start(list, format);
    length = text_format(text, size, format, list);
    va_end(list);
    return length;
}

void add(char *text, u32 size, const char *more)
{
    u32 length = text_length(text);

    put(text + length, size - length, "%s", more);
}

int number(const char *text, u32 *value)
{
    u32 sum = 0;

    if (!*text)
        return 0;
    for (; *text; text++) {
        u32 digit = (u32)*text - '0';
        if (digit > 9 || sum > 429496729u || (sum == 429496729u && digit > 5))
            return 0;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return 1;
}

u32 small_numbers(const char **text, char between, u32 part[MOST_NUMBERS])
{
    const char *at = *text;
    const char *start;
    u32 count = 0;
    u32 digit;

    do {
        if (count == MOST_NUMBERS)
            return 0;
        part[count] = 0;
        for (start = at; (digit = (u32)*at - '0') <= 9; at++)
            if ((part[count] = part[count] * 10 + digit) > 255)
                return 0;
        count++;
        if (at == start)
            return 0;
    } while (*at++ == between);
    *text = at - 1;
    return count;
}

char *next_word(char **line)
{
    char *word = *line;
    char *end;

    while (*word == ' ')
        word++;
    for (end = word; *end && *end != ' ';)
        end++;
    if (*end)
        *end++ = '\0';
    while (*end == ' ')
        end++;
    *line = end;
    return word;
}

int begins(const char *text, const char *start)
{
    while (*start && fold(*text) == fold(*start)) {
        text++;
        start++;
    }
    return !*start;
}

static int is_plain(u32 c)
{
    return c - '0' <= 10 || c - 'A' < 26 || c - 'a' < 26 || c == '.' || c == '_' || c == '-'; /* : stands after 9 */
}

void percent_encode(const char *text, char *coded, u32 size)
{
    char one[4];
    u32 used = 0;
    u32 length;

    for (; *text; text++) {
        one[0] = *text;
        length = is_plain((u8)*text) ? 1 : put(one, sizeof one, "%s%2X", "%", (u32)(u8)*text);
        if (used + length >= size)
            break;
        memcpy(coded + used, one, length);
        used += length;
    }
    coded[used] = '\0';
}

static u32 hex_digit(char c)
{
    u32 digit = (u32)c - '0';

    if (digit > 9)
        digit = (fold(c) - 'A') < 6 ? fold(c) - 'A' + 10 : 16;
    return digit;
}

int percent_decode(char *text)
{
    char *out = text;
    u32 high, low;

    for (; *text; text++) {
        if (*text != '%') {
            *out++ = *text;
            continue;
        }
        high = hex_digit(text[1]);
        low = high < 16 ? hex_digit(text[2]) : 16;
        if (low > 15 || !(high | low))
            return 0;
        *out++ = (char)(high << 4 | low);
        text += 2;
    }
    *out = '\0';
    return 1;
}

void join_path(char *path, u32 size, const char *folder, const char *name)
{
    char slash[2];

    slash[0] = SYS_SLASH;
    slash[1] = '\0';
    put(path, size, "%s%s%s", folder, slash, name);
}

const char *last_name(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '\\' || *path == '/' || *path == ':')
            name = path + 1;
    return name;
}
