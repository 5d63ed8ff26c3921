/* settings.c - see settings.h */
#include "settings.h"

static int is_address(const char *text)
{
    u32 dots = 0;
    u32 value = 0;
    int digits = 0;

    for (;; text++) {
        u32 digit = (u32)*text - '0';
        if (digit <= 9) {
            value = value * 10 + digit;
            digits = 1;
            if (value > 255)
                return 0;
        } else if (digits && (*text == '.' || !*text)) {
            if (!*text)
                return dots == 3;
            dots++;
            value = 0;
            digits = 0;
        } else {
            return 0;
        }
    }
}

static void keep(struct settings *settings, const char *key, const char *value)
{
    u32 port;

    if (text_same(key, "host"))
        put(settings->host, sizeof settings->host, "%s", value);
    else if (text_same(key, "port") && number(value, &port) && port && port < 65536)
        settings->port = port;
    else if (text_same(key, "id"))
        put(settings->id, sizeof settings->id, "%s", value);
    else if (text_same(key, "token"))
        put(settings->token, sizeof settings->token, "%s", value);
    else if (text_same(key, "name"))
        put(settings->name, sizeof settings->name, "%s", value);
    else if (text_same(key, "stay"))
        settings->stay = text_same(value, "1");
}

int settings_read(struct settings *settings, const char *text, u32 length)
{
    char line[80];
    u32 used = 0;
    u32 equals = 0;
    u32 i;

    memset(settings, 0, sizeof *settings);
    settings->port = 21;
    for (i = 0; i <= length && i < SETTINGS_MOST; i++) {
        char c = i < length ? text[i] : '\n';
        if ((u8)c >= ' ') {
            if (used < sizeof line - 1)
                line[used++] = c;
            if (c == '=' && !equals)
                equals = used;
            continue;
        }
        line[used] = '\0';
        if (equals) {
            line[equals - 1] = '\0';
            keep(settings, line, line + equals);
        }
        used = equals = 0;
    }
    return is_address(settings->host) && begins(settings->id, "A-") && text_length(settings->id) == 10 &&
           text_length(settings->token) == 32;
}

u32 settings_write(const struct settings *settings, char *text)
{
    return put(text, SETTINGS_MOST, "[AGENT98]\r\nhost=%s\r\nport=%u\r\nid=%s\r\ntoken=%s\r\nname=%s\r\nstay=%u\r\n",
               settings->host, settings->port, settings->id, settings->token, settings->name, settings->stay);
}

static u32 word_at(const u8 *bytes, u32 at, u32 size)
{
    u32 value = 0;

    while (size--)
        value = value << 8 | bytes[at + size];
    return value;
}

u32 settings_image_end(const u8 *head, u32 length)
{
    u32 header, sections, table, end, i;

    if (length < 64 || head[0] != 'M' || head[1] != 'Z')
        return 0;
    header = word_at(head, 60, 4);
    if (header > length || length - header < 24 || memcmp(head + header, "PE\0", 4) != 0)
        return 0;
    sections = word_at(head, header + 6, 2);
    table = header + 24 + word_at(head, header + 20, 2);
    end = 0;
    for (i = 0; i < sections; i++, table += 40) {
        u32 last;
        if (table > length || length - table < 40)
            return 0;
        last = word_at(head, table + 20, 4) + word_at(head, table + 16, 4);
        if (last > end)
            end = last;
    }
    return end;
}
