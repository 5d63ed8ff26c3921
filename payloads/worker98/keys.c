/* keys.c - see keys.h */
#include "keys.h"

#define MOST_HELD 4u

static const struct {
    char name[10];
    u8 key;
} names[] = {
    {"BACKSPACE", 0x08}, {"TAB", 0x09}, {"ENTER", 0x0D}, {"SHIFT", 0x10}, {"CTRL", 0x11}, {"ALT", 0x12},
    {"ESC", 0x1B},       {"SPACE", 0x20}, {"PGUP", 0x21}, {"PGDN", 0x22}, {"END", 0x23}, {"HOME", 0x24},
    {"LEFT", 0x25},      {"UP", 0x26},  {"RIGHT", 0x27}, {"DOWN", 0x28}, {"INS", 0x2D}, {"DEL", 0x2E},
    {"WIN", 0x5B},
};

/* The virtual key of a word: a name, F1 to F12, one letter or one digit; 0 when it is none. */
static u32 key_of(const char *word)
{
    u32 i, f;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (text_same(word, names[i].name))
            return names[i].key;
    if (fold(*word) == 'F' && number(word + 1, &f) && f - 1 < 12)
        return 0x6F + f;
    i = fold(*word);
    return !word[1] && (i - '0' < 10 || i - 'A' < 26) ? i : 0;
}

/* Goes through the text once, with `each` perhaps NULL. */
static int walk(const char *text, keys_each *each)
{
    char word[12];
    u32 held[MOST_HELD];
    u32 count, used;

    while (*text) {
        if (*text == ' ') {
            text++;
            continue;
        }
        if (*text == '"') {
            for (text++; *text && *text != '"'; text++)
                if (each) {
                    each(0, *text, 1);
                    each(0, *text, 0);
                }
            if (!*text++)
                return 0;
            continue;
        }
        count = 0;
        do { /* keys that are held together */
            text += count && *text == '+';
            for (used = 0; *text && *text != ' ' && *text != '+' && *text != '"'; text++)
                if (used < sizeof word - 1)
                    word[used++] = *text;
            word[used] = '\0';
            held[count] = key_of(word);
            if (!held[count++])
                return 0;
        } while (*text == '+' && count < MOST_HELD);
        if (*text == '+')
            return 0;
        for (used = 0; each && used < count; used++)
            each(held[used], 0, 1);
        while (each && count)
            each(held[--count], 0, 0);
    }
    return 1;
}

int keys_type(const char *text, keys_each *each)
{
    return walk(text, 0) && walk(text, each);
}
