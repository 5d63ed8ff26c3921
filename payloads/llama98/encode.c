/* encode.c - a text becomes tokens: special tokens are cut out, words are cut (split.c), pairs are merged. */
#include "vocabulary.h"

/* A part of a text: pieces of tokens on their way to larger ones. */
struct work {
    const struct vocabulary *v;
    struct tokens *tokens;
    const u8 *text;        /* all of it, as UTF-8 or as it came */
    u32 count;
    u32 plain, plain_end;  /* here no control token is found */
    u32 *points;           /* (count) the characters of a part */
    u8 *ends;              /* (count + 1) */
    u8 *bytes;             /* (3 * count) a word of them in UTF-8 */
    i32 *pieces;           /* (3 * count) tokens, or NO_TOKEN */
    u32 *starts;           /* (3 * count + 1) where in `bytes` each piece begins */
    u32 *keys;             /* (3 * count) what a piece and the next would merge by */
    i32 *merged;           /* (3 * count) and to */
    int lead;              /* a blank stands before the next part */
};

/* ---- tokens ---------------------------------------------------------------------------------- */
int tokens_room(struct tokens *tokens, u32 bytes)
{
    struct tokens larger;

    if (tokens->room - tokens->count >= bytes)
        return EXIT_DONE;
    larger.count = tokens->count;
    larger.room = tokens->count + bytes + 1024;
    larger.at = (i32 *)sys_alloc((usize)larger.room * sizeof(i32));
    if (!larger.at)
        return complain(EXIT_MEMORY, "not enough memory for the prompt", (const char *)0);
    if (tokens->count)
        memcpy(larger.at, tokens->at, tokens->count * sizeof(i32));
    tokens_close(tokens);
    *tokens = larger;
    return EXIT_DONE;
}

void tokens_close(struct tokens *tokens)
{
    sys_free(tokens->at, (usize)tokens->room * sizeof(i32));
    tokens->at = 0;
    tokens->room = tokens->count = 0;
}

static void add(struct work *w, i32 token)
{
    if (token != NO_TOKEN && w->tokens->count < w->tokens->room)
        w->tokens->at[w->tokens->count++] = token;
}

/* ---- merging --------------------------------------------------------------------------------- */
/* Lower keys merge first. A float's bits, turned so that they order like the number; the best score is the lowest key. */
static u32 key_of_score(float score)
{
    u32 bits;

    score += 0.0f; /* there is no -0 then */
    memcpy(&bits, &score, 4);
    return bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
}

static void look_up(struct work *w, u32 i, u32 n)
{
    const struct vocabulary *v = w->v;

    if (i + 1 >= n)
        return;
    w->merged[i] = NO_TOKEN;
    if (v->scored) {
        w->merged[i] = vocabulary_find(v, w->bytes + w->starts[i], w->starts[i + 2] - w->starts[i]);
        if (w->merged[i] != NO_TOKEN)
            w->keys[i] = key_of_score(v->scores[w->merged[i]]);
    } else if (w->pieces[i] != NO_TOKEN && w->pieces[i + 1] != NO_TOKEN) {
        w->merged[i] = vocabulary_pair(v, w->pieces[i], w->pieces[i + 1], w->keys + i);
    }
}

/* Merges the best pair, the first of equals, until there is none; returns how many pieces are left. */
static u32 merge(struct work *w, u32 n)
{
    u32 i, best;

    for (i = 0; i + 1 < n; i++)
        look_up(w, i, n);
    for (;;) {
        best = n;
        for (i = 0; i + 1 < n; i++)
            if (w->merged[i] != NO_TOKEN && (best == n || w->keys[i] < w->keys[best]))
                best = i;
        if (best == n)
            return n;
        w->pieces[best] = w->merged[best];
        n--;
        for (i = best + 1; i < n; i++) {
            w->pieces[i] = w->pieces[i + 1];
            w->merged[i] = w->merged[i + 1];
            w->keys[i] = w->keys[i + 1];
        }
        for (i = best + 1; i <= n; i++)
            w->starts[i] = w->starts[i + 1];
        if (best)
            look_up(w, best - 1, n);
        look_up(w, best, n);
    }
}

/* ---- words ----------------------------------------------------------------------------------- */
static void pair_word(struct work *w, const u32 *points, u32 count)
{
    u32 n = 0, i;

    for (i = 0; i < count; i++)
        n += character_write(w->bytes + n, points[i]);
    if (w->v->flags & VOCABULARY_WHOLE) {
        i32 token = vocabulary_find(w->v, w->bytes, n);
        if (token != NO_TOKEN) {
            add(w, token);
            return;
        }
    }
    for (i = 0; i < n; i++) {
        w->pieces[i] = w->v->bytes[w->bytes[i]];
        w->starts[i] = i;
    }
    w->starts[n] = n;
    n = merge(w, n);
    for (i = 0; i < n; i++)
        add(w, w->pieces[i]);
}

static void pair_part(struct work *w, const u8 *text, u32 count)
{
    u32 n = 0, i, start = 0, used;

    for (i = 0; i < count; i += used)
        w->points[n++] = character_read(text + i, count - i, &used);
    split_words(w->v, w->points, w->ends, n);
    for (i = 1; i <= n; i++)
        if (w->ends[i]) {
            pair_word(w, w->points + start, i - start);
            start = i;
        }
}

/* ---- scores ---------------------------------------------------------------------------------- */
static u32 character_size(u8 first)
{
    return first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Such vocabularies have U+2581 for a blank, and their texts are split into characters after blanks have become U+2581.
 * In our tables it is a blank again. So U+2581 becomes one here; but where a broken character reaches into a
 * blank, the bytes of U+2581 are what it reaches into. */
static u32 blanked(u8 *to, const u8 *text, u32 count)
{
    static const u8 blank[3] = {0xE2, 0x96, 0x81};
    u32 n = 0, i, left = 0;

    for (i = 0; i < count; i++) {
        u8 byte = text[i];
        if (count - i >= 3 && memcmp(text + i, blank, 3) == 0) {
            byte = ' ';
            i += 2;
        }
        if (left && byte == ' ') {
            memcpy(to + n, blank, 3);
            n += 3;
            left = 0;
        } else {
            to[n++] = byte;
            left = left ? left - 1 : character_size(byte) - 1;
        }
    }
    return n;
}

static void score_part(struct work *w, const u8 *text, u32 count)
{
    const struct vocabulary *v = w->v;
    u32 n = 0, at, i, size, bytes = 0;

    if (w->lead && v->flags & VOCABULARY_BLANK)
        w->bytes[bytes++] = ' ';
    bytes += blanked(w->bytes + bytes, text, count);
    for (at = 0; at < bytes; at += size) {
        size = character_size(w->bytes[at]);
        if (size > bytes - at)
            size = bytes - at;
        w->starts[n] = at;
        w->pieces[n++] = vocabulary_find(v, w->bytes + at, size);
    }
    w->starts[n] = bytes;
    n = merge(w, n);
    for (i = 0; i < n; i++)
        if (w->pieces[i] != NO_TOKEN)
            add(w, w->pieces[i]);
        else
            for (at = w->starts[i]; at < w->starts[i + 1]; at++)
                add(w, v->bytes[w->bytes[at]]);
}

/* ---- special tokens -------------------------------------------------------------------------- */
static void part(struct work *w, u32 from, u32 end)
{
    if (from == end)
        return;
    if (w->v->scored)
        score_part(w, w->text + from, end - from);
    else
        pair_part(w, w->text + from, end - from);
    w->lead = 0;
}

/* May this token be found there? */
static int allowed(const struct work *w, i32 token, u32 at, u32 size)
{
    return w->v->types[token] == TYPE_USER || at + size <= w->plain || at >= w->plain_end;
}

/* The first place of a special token between two bytes, or `end`. */
static u32 place(const struct work *w, i32 token, u32 from, u32 end)
{
    const u8 *text = w->v->texts + w->v->offsets[token];
    u32 size = w->v->offsets[token + 1] - w->v->offsets[token];
    u32 at;

    if (!size)
        return end;
    for (at = from; at + size <= end; at++)
        if (w->text[at] == text[0] && memcmp(w->text + at, text, size) == 0 && allowed(w, token, at, size))
            return at;
    return end;
}

/* A special token that comes earlier in the list is cut out of all of a text before a later one is. */
static void parts(struct work *w, u32 from, u32 end, u32 special)
{
    for (; special < w->v->n_specials && from < end; special++) {
        i32 token = w->v->specials[special];
        u32 at;
        while ((at = place(w, token, from, end)) < end) {
            parts(w, from, at, special + 1);
            add(w, token);
            w->lead = 1;
            from = at + w->v->offsets[token + 1] - w->v->offsets[token];
        }
    }
    part(w, from, end);
}

int vocabulary_encode(const struct vocabulary *v, struct tokens *tokens, const u8 *text, u32 count, u32 plain,
                      u32 plain_count, unsigned how)
{
    struct work w;
    u32 most = 3 * count + 8;
    usize bytes = (usize)most * 5 * sizeof(u32) + 2 * (usize)most;
    u32 *memory;
    int code;

    if (count > 1u << 22)
        return complain(EXIT_PROMPT, "the prompt is too long", (const char *)0);
    code = tokens_room(tokens, most);
    if (code)
        return code;
    memory = (u32 *)sys_alloc(bytes);
    if (!memory)
        return complain(EXIT_MEMORY, "not enough memory for the prompt", (const char *)0);
    w.v = v;
    w.tokens = tokens;
    w.text = text;
    w.count = count;
    w.plain = plain;
    w.plain_end = plain + plain_count;
    w.points = memory;
    w.pieces = (i32 *)(memory + most);
    w.starts = memory + 2 * (usize)most;
    w.keys = memory + 3 * (usize)most;
    w.merged = (i32 *)(memory + 4 * (usize)most);
    w.bytes = (u8 *)(memory + 5 * (usize)most);
    w.ends = w.bytes + most;
    w.lead = (how & ENCODE_FIRST) != 0;
    if (how & ENCODE_BOS && v->flags & VOCABULARY_BOS)
        add(&w, v->bos);
    parts(&w, 0, count, 0);
    sys_free(memory, bytes);
    return EXIT_DONE;
}
