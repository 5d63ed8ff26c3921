/* settings.c - see settings.h */
#include "settings.h"

#define offsetof98(field) __builtin_offsetof(struct settings, field)

static int is_address(const char *text)
{
    u32 part[MOST_NUMBERS];

    return small_numbers(&text, '.', part) == 4 && !*text;
}

static void keep(struct settings *settings, const char *key, const char *value)
{
    static const struct {
        char key[6];
        u8 at, size;
    } texts[] = {{"host", offsetof98(host), sizeof settings->host},
                 {"also", offsetof98(also), sizeof settings->also},
                 {"id", offsetof98(id), sizeof settings->id},
                 {"token", offsetof98(token), sizeof settings->token},
                 {"name", offsetof98(name), sizeof settings->name}};
    u32 i, port;

    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        if (text_same(key, texts[i].key))
            put((char *)settings + texts[i].at, texts[i].size, "%s", value);
    if (text_same(key, "port") && number(value, &port) && port && port < 65536)
        settings->port = port;
    if (text_same(key, "stay"))
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
    return put(text, SETTINGS_MOST, "[AGENT98]\r\nhost=%s\r\nalso=%s\r\nport=%u\r\nid=%s\r\ntoken=%s\r\nname=%s\r\nstay=%u\r\n",
               settings->host, settings->also, settings->port, settings->id, settings->token, settings->name, settings->stay);
}

void settings_turn(struct settings *settings)
{
    u32 i;

    for (i = 0; *settings->also && i < sizeof settings->also; i++) {
        char c = settings->host[i];
        settings->host[i] = settings->also[i];
        settings->also[i] = c;
    }
}
