/* chat.c - a line in, words as they come: the conversation's keys and values are kept from turn to turn.
 *
 * With --marks a program can follow: what is not the answer itself is a record, which begins with RECORD and a letter and
 * ends with a line feed: R: a line is waited for; P 25: so many per cent of the question are before the model;
 * A 12 1.47: the answer has ended, tokens and tokens a second.
 *
 * What was said is kept as well, because the context ends: then the oldest turns leave, and what remains is put before the
 * model anew, as far as it differs from what its keys and values are of. */
#include "chat.h"
#include "container.h"

#define MOST_TURNS 64
#define MOST_LINE 2048
#define MOST_STOPS 16
#define CTRL_Z 0x1A
#define ESC 0x1B
#define MARK "\x1E" /* RECORD as a text */

enum piece { PIECE_FIRST, PIECE_ASK, PIECE_NEXT, PIECE_SYSTEM_BEFORE, PIECE_SYSTEM_AFTER, PIECES };

struct turn {
    u8 line[4 * MOST_LINE]; /* UTF-8 */
    u32 line_bytes;
    struct tokens answer;
};

struct chat {
    struct model *m;
    const struct vocabulary *v;
    struct sampler *sampler;
    const struct options *o;
    u8 *section;
    u32 section_bytes;
    u32 n_stops;
    const u32 *stops;
    const u8 *piece[PIECES];
    u32 piece_bytes[PIECES];
    struct tokens now;   /* the conversation as tokens */
    struct tokens known; /* those that the keys and values are of */
    u8 *text;            /* room for one turn's text around the line */
    u32 text_bytes;
    struct turn *turns;  /* (MOST_TURNS) */
    i32 n_turns;
    u8 typed[MOST_LINE]; /* what has come and is not yet a line */
    u32 n_typed;
    int ended;
};

static void say(const char *text)
{
    sys_out(text, text_length(text));
}

/* ---- what the container says ----------------------------------------------------------------- */
static int judge_section(struct chat *c)
{
    const u32 *words = (const u32 *)(const void *)c->section;
    u32 head = (1 + MOST_STOPS + PIECES) * 4;
    u32 left, i;

    if (c->section_bytes < head || words[0] < 1 || words[0] > MOST_STOPS)
        return 0;
    c->n_stops = words[0];
    c->stops = words + 1;
    for (i = 0; i < c->n_stops; i++)
        if (c->stops[i] >= (u32)c->v->count)
            return 0;
    left = c->section_bytes - head;
    for (i = 0; i < PIECES; i++) {
        c->piece_bytes[i] = words[1 + MOST_STOPS + i];
        c->piece[i] = c->section + c->section_bytes - left;
        if (c->piece_bytes[i] > 65536 || c->piece_bytes[i] > left)
            return 0;
        left -= c->piece_bytes[i];
    }
    return left < 16;
}

static int open_chat(struct chat *c)
{
    const struct section *s = container_find(c->m, SECTION_CHAT, 0);
    u32 i;
    int code;

    if (!s)
        return complain(EXIT_USAGE, c->o->model, " is no chat model: it continues a text, given with -i",
                        (const char *)0);
    c->section_bytes = s->bytes;
    code = section_take(c->m, s, &c->section);
    if (code)
        return code;
    if (!judge_section(c))
        return complain(EXIT_BAD_MODEL, c->o->model, " is damaged: its chat is none", (const char *)0);
    c->text_bytes = 4 * MOST_LINE + 4 * (u32)text_length(c->o->system);
    for (i = 0; i < PIECES; i++)
        c->text_bytes += c->piece_bytes[i];
    c->text = (u8 *)sys_alloc(c->text_bytes);
    c->turns = (struct turn *)sys_alloc(MOST_TURNS * sizeof *c->turns);
    if (!c->text || !c->turns)
        return complain(EXIT_MEMORY, "not enough memory for the conversation", (const char *)0);
    return EXIT_DONE;
}

static void close_chat(struct chat *c)
{
    i32 i;

    for (i = 0; c->turns && i < MOST_TURNS; i++)
        tokens_close(&c->turns[i].answer);
    sys_free(c->turns, MOST_TURNS * sizeof *c->turns);
    sys_free(c->text, c->text_bytes);
    sys_free(c->section, c->section_bytes);
    tokens_close(&c->now);
    tokens_close(&c->known);
}

/* ---- the conversation as tokens -------------------------------------------------------------- */
static u32 put(struct chat *c, u32 at, const u8 *bytes, u32 count)
{
    memcpy(c->text + at, bytes, count);
    return at + count;
}

static u32 put_piece(struct chat *c, u32 at, enum piece piece)
{
    return put(c, at, c->piece[piece], c->piece_bytes[piece]);
}

/* Does the conversation's beginning say BOS itself? */
static int begins_with_bos(const struct chat *c)
{
    const struct vocabulary *v = c->v;
    u32 size;

    if (v->bos == NO_TOKEN)
        return 0;
    size = v->offsets[v->bos + 1] - v->offsets[v->bos];
    return size && size <= c->piece_bytes[PIECE_FIRST] &&
           memcmp(c->piece[PIECE_FIRST], v->texts + v->offsets[v->bos], size) == 0;
}

/* Adds the tokens of what comes before a turn's line, of the line, and of what comes after it. */
static int add_line(struct chat *c, const struct turn *turn, int first)
{
    u32 system = (u32)text_length(c->o->system);
    u32 at = 0, line;
    unsigned how = first ? ENCODE_FIRST | (begins_with_bos(c) ? 0 : ENCODE_BOS) : 0;

    if (first && system && c->piece_bytes[PIECE_SYSTEM_BEFORE]) {
        at = put_piece(c, at, PIECE_SYSTEM_BEFORE);
        at += text_typed(c->v, (const u8 *)c->o->system, system, c->text + at, c->o->utf8);
        at = put_piece(c, at, PIECE_SYSTEM_AFTER);
    } else {
        at = put_piece(c, at, first ? PIECE_FIRST : PIECE_NEXT);
    }
    line = at;
    at = put(c, at, turn->line, turn->line_bytes);
    at = put_piece(c, at, PIECE_ASK);
    return vocabulary_encode(c->v, &c->now, c->text, at, line, turn->line_bytes, how);
}

static int add_tokens(struct tokens *to, const i32 *tokens, u32 count)
{
    int code = tokens_room(to, count);

    if (!code) {
        memcpy(to->at + to->count, tokens, count * sizeof(i32));
        to->count += count;
    }
    return code;
}

/* Puts all turns into c->now. */
static int build(struct chat *c)
{
    i32 i;
    int code = EXIT_DONE;

    c->now.count = 0;
    for (i = 0; i < c->n_turns && !code; i++) {
        code = add_line(c, c->turns + i, i == 0);
        if (!code && i + 1 < c->n_turns)
            code = add_tokens(&c->now, c->turns[i].answer.at, c->turns[i].answer.count);
    }
    return code;
}

static void drop_oldest(struct chat *c)
{
    struct turn *turns = c->turns;

    tokens_close(&turns[0].answer);
    c->n_turns--;
    memmove(turns, turns + 1, (usize)c->n_turns * sizeof *turns);
    memset(&turns[c->n_turns].answer, 0, sizeof turns->answer);
}

/* Lets turns leave until the rest fits with room for an answer. The last turn leaves when it does not fit alone. */
static int fit(struct chat *c)
{
    i32 room = c->m->steps - (c->m->steps / 4 < 128 ? c->m->steps / 4 : 128);
    char number[16], most[16];
    int left = 0;
    int code = build(c);

    while (!code && (i32)c->now.count > room && c->n_turns > 1) {
        drop_oldest(c);
        left = 1;
        code = build(c);
    }
    if (code)
        return code;
    if ((i32)c->now.count > room) {
        say("(that is too long: ");
        say(text_number(number, (i32)c->now.count));
        say(" tokens, and with room for an answer ");
        say(text_number(most, room));
        say(" fit)\r\n");
        drop_oldest(c);
    } else if (left) {
        say("(the context is full: the oldest turns have left it)\r\n");
    }
    return EXIT_DONE;
}

/* ---- the beginning that came with the model -------------------------------------------------- */
static void take_vector(const u8 *record, float *scale, i16 *numbers, i32 size)
{
    i32 i;

    memcpy(scale, record, 4);
    for (i = 0; i < size; i++)
        numbers[i] = (i8)record[4 + i];
}

static void take_prefix(struct chat *c, const u8 *at)
{
    struct model *m = c->m;
    const struct config *k = &m->config;
    usize record = 4 + (((usize)(u32)k->head_size + 3) & ~(usize)3);
    usize all = record * (usize)k->n_kv_heads * (usize)k->prefix;
    i16 *numbers = m->cache.numbers;
    float key_scale, value_scale;
    i32 l, pos, h;

    for (l = 0; l < k->n_layers; l++, at += 2 * all)
        for (pos = 0; pos < k->prefix; pos++)
            for (h = 0; h < k->n_kv_heads; h++) {
                const u8 *key = at + record * ((usize)pos * (usize)k->n_kv_heads + (usize)h);
                take_vector(key, &key_scale, numbers, k->head_size);
                take_vector(key + all, &value_scale, numbers + k->head_size, k->head_size);
                attention_put(m, l, h, pos, numbers, key_scale, numbers + k->head_size, value_scale);
            }
}

/* When the conversation begins as the container's keys and values do, these are taken. */
static int begin(struct chat *c)
{
    const struct section *s = container_find(c->m, SECTION_PREFIX, 0);
    u32 prefix = (u32)c->m->config.prefix;
    u8 *bytes = 0;
    int code;

    if (!s || c->known.count || prefix >= c->now.count || prefix > (u32)c->m->steps)
        return EXIT_DONE;
    code = section_take(c->m, s, &bytes);
    if (code)
        return code;
    if (memcmp(bytes, c->now.at, prefix * sizeof(i32)) == 0) {
        take_prefix(c, bytes + 4 * (usize)prefix);
        code = add_tokens(&c->known, c->now.at, prefix);
    }
    sys_free(bytes, s->bytes);
    return code;
}

/* ---- an answer ------------------------------------------------------------------------------- */
static void show_progress(const struct chat *c, u32 done, u32 all)
{
    char number[16];

    text_number(number, (i32)(100 * done / all));
    if (c->o->marks) {
        say(MARK "P ");
        say(number);
        say("\n");
        return;
    }
    sys_err("\r", 1);
    sys_err(number, text_length(number));
    sys_err(" % \r", 4);
}

/* Puts before the model what of c->now it does not know. */
static int listen(struct chat *c)
{
    u32 same = 0, most = (u32)c->m->most, count, from;
    int code = begin(c);

    while (same < c->known.count && same + 1 < c->now.count && c->known.at[same] == c->now.at[same])
        same++;
    from = same;
    c->known.count = same;
    for (; same < c->now.count && !code; same += count) {
        count = c->now.count - same < most ? c->now.count - same : most;
        if (c->now.count - from > most)
            show_progress(c, same - from, c->now.count - from);
        code = forward(c->m, c->now.at + same, (i32)count, (i32)same, same + count == c->now.count);
        if (!code)
            code = add_tokens(&c->known, c->now.at + same, count);
    }
    return code;
}

static int is_stop(const struct chat *c, i32 token)
{
    u32 i;

    for (i = 0; i < c->n_stops; i++)
        if ((u32)token == c->stops[i])
            return 1;
    return token == c->v->eos;
}

/* (12 tokens, 1.47 tok/s) */
static void last_line(const struct chat *c, u32 tokens, u32 milliseconds)
{
    char number[16];
    int marks = c->o->marks;

    say(marks ? MARK "A " : "\r\n(");
    say(text_number(number, (i32)tokens));
    say(marks ? " " : " tokens, ");
    say(text_fixed(number, text_rate((i32)tokens, milliseconds), 2));
    say(marks ? "\n" : " tok/s)\r\n");
}

/* Is Esc the next that was typed? It is taken away. */
static int escaped(struct chat *c)
{
    if (!c->n_typed)
        return sys_escape();
    if (c->typed[0] != ESC)
        return 0;
    c->n_typed--;
    memmove(c->typed, c->typed + 1, c->n_typed);
    return 1;
}

static int answer(struct chat *c)
{
    struct turn *turn = c->turns + c->n_turns - 1;
    struct shower shower;
    u32 start = sys_ticks(), count = 0;
    i32 token;
    int code = listen(c);

    shower_start(&shower, c->v, c->o->utf8);
    while (!code) {
        token = sampler_draw(c->sampler, c->m);
        if (is_stop(c, token))
            break;
        shower_show(&shower, token);
        count++;
        code = add_tokens(&turn->answer, &token, 1);
        if (escaped(c))
            break;
        if ((i32)c->known.count == c->m->steps) {
            say("\r\n(the context is full)");
            break;
        }
        if (!code)
            code = forward(c->m, &token, 1, (i32)c->known.count, 1);
        if (!code)
            code = add_tokens(&c->known, &token, 1);
    }
    shower_end(&shower);
    if (!code)
        last_line(c, count, sys_ticks() - start);
    return code;
}

static int take_line(struct chat *c, const u8 *line, u32 count)
{
    struct turn *turn;
    int code;

    if (c->n_turns == MOST_TURNS)
        drop_oldest(c);
    turn = c->turns + c->n_turns++;
    turn->line_bytes = text_typed(c->v, line, count, turn->line, c->o->utf8);
    turn->answer.count = 0;
    code = fit(c);
    return code || !c->n_turns ? code : answer(c);
}

/* ---- lines ----------------------------------------------------------------------------------- */
/* The next line into `line`, without its end; c->ended when there is none. What is too long is cut into lines. */
static u32 read_line(struct chat *c, u8 *line)
{
    u32 n, end, got;

    for (;;) {
        for (end = 0; end < c->n_typed && c->typed[end] != '\n'; end++)
            ;
        if (end < c->n_typed || end == MOST_LINE || c->ended)
            break;
        if (sys_in(c->typed + c->n_typed, MOST_LINE - c->n_typed, &got) != SYS_OK || got == 0)
            c->ended = 1;
        c->n_typed += got;
    }
    while (c->n_typed && c->typed[0] == ESC && escaped(c)) /* it came after the answer that it was for */
        end--;
    memcpy(line, c->typed, end);
    n = end < c->n_typed ? end + 1 : end;
    c->n_typed -= n;
    memmove(c->typed, c->typed + n, c->n_typed);
    if (end && line[end - 1] == '\r')
        end--;
    if (end && line[0] == CTRL_Z) {
        c->ended = 1;
        end = 0;
    }
    return end;
}

static int talk(struct chat *c)
{
    static u8 line[MOST_LINE];
    int code = EXIT_DONE;
    u32 count;

    if (!c->o->marks)
        say("An empty line or Ctrl+Z ends the conversation, Esc an answer.\r\n");
    while (!code) {
        say(c->o->marks ? MARK "R\n" : "> ");
        count = read_line(c, line);
        if (!count)
            break;
        code = take_line(c, line, count);
    }
    return code;
}

int chat_run(struct model *m, const struct vocabulary *v, struct sampler *s, const struct options *o)
{
    static struct chat c;
    u32 count = (u32)text_length(o->prompt);
    int code;

    memset(&c, 0, sizeof c);
    c.m = m;
    c.v = v;
    c.sampler = s;
    c.o = o;
    code = open_chat(&c);
    if (!code && count > MOST_LINE)
        code = complain(EXIT_PROMPT, "the question is longer than 2048 characters", (const char *)0);
    if (!code)
        code = count ? take_line(&c, (const u8 *)o->prompt, count) : talk(&c);
    close_chat(&c);
    return code;
}
