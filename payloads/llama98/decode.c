/* decode.c - tokens become text on the screen, characters of the PC's own code page; and what is typed becomes UTF-8. */
#include "vocabulary.h"

#define NOT_SHOWN '?'

void shower_start(struct shower *s, const struct vocabulary *v, int utf8)
{
    memset(s, 0, sizeof *s);
    s->v = v;
    s->utf8 = utf8;
    s->blank = v->scored && (v->flags & VOCABULARY_BLANK) != 0;
}

/* How a character is shown on this PC. */
static u8 byte_of(const struct vocabulary *v, u32 point)
{
    u32 low = 0, high = v->n_shown;

    if (point < 0x80)
        return (u8)point;
    while (low < high) {
        u32 middle = (low + high) / 2;
        u32 at = v->shown[middle] & 0xFFFFFFu;
        if (at == point)
            return (u8)(v->shown[middle] >> 24);
        if (at < point)
            low = middle + 1;
        else
            high = middle;
    }
    return NOT_SHOWN;
}

/* How many bytes a character has that begins so; 1 for a byte that begins none. */
static u32 size_of(u8 first)
{
    return first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
}

static void show_pending(struct shower *s)
{
    u32 used;
    u8 byte;

    if (!s->n_pending)
        return;
    byte = byte_of(s->v, character_read(s->pending, s->n_pending, &used));
    sys_out(&byte, 1);
    s->n_pending = 0;
}

static void show_byte(struct shower *s, u8 byte)
{
    if (s->n_pending && (byte & 0xC0) != 0x80)
        show_pending(s);
    s->pending[s->n_pending++] = byte;
    if (s->n_pending >= size_of(s->pending[0]))
        show_pending(s);
}

static void show_text(struct shower *s, const u8 *text, u32 count)
{
    if (s->utf8) {
        if (count > 1 || (count && *text != RECORD)) /* what begins a record is never an answer's */
            sys_out(text, count);
        return;
    }
    for (; count; count--)
        show_byte(s, *text++);
}

static u8 byte_token(const u8 *text)
{
    return (u8)(text_hex((char)text[3]) * 16 + text_hex((char)text[4]));
}

void shower_show(struct shower *s, i32 token)
{
    const struct vocabulary *v = s->v;
    const u8 *text = v->texts + v->offsets[token];
    u32 count = v->offsets[token + 1] - v->offsets[token];
    u8 byte;

    if (v->types[token] == TYPE_CONTROL || v->types[token] == TYPE_UNUSED || v->types[token] == TYPE_UNKNOWN)
        return;
    if (v->types[token] == TYPE_BYTE && count == 6) {
        byte = byte_token(text);
        text = &byte;
        count = 1;
    }
    if (s->blank && count && text[0] == ' ') {
        text++;
        count--;
    }
    s->blank = 0;
    show_text(s, text, count);
}

void shower_end(struct shower *s)
{
    show_pending(s);
}

u32 text_typed(const struct vocabulary *v, const u8 *from, u32 count, u8 *to, int utf8)
{
    u32 n = 0;

    if (utf8) {
        memcpy(to, from, count);
        return count;
    }
    for (; count; count--)
        n += character_write(to + n, v->typed[*from++]);
    return n;
}
