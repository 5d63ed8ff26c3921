/* vocabulary.c - loads the tokenizer of a container and judges it; finds texts and pairs in it. */
#include "container.h"
#include "vocabulary.h"

#define WORDS 16 /* of its head */

/* Where the reading stands in the section. */
struct cursor {
    const u8 *at;
    u64 left;
    int good;
};

static const u8 *take(struct cursor *k, u64 count, u32 size)
{
    const u8 *at = k->at;

    if (count * size > k->left) {
        k->good = 0;
        return at;
    }
    k->at += (usize)(count * size);
    k->left -= count * size;
    return at;
}

static const u32 *take_words(struct cursor *k, u64 count)
{
    return (const u32 *)(const void *)take(k, count, 4);
}

static int judge_head(struct vocabulary *v, const u32 *head)
{
    v->scored = head[0] == 2;
    v->rule = (enum split_rule)head[1];
    v->flags = head[2];
    v->bos = (i32)head[3];
    v->eos = (i32)head[4];
    v->unknown = (i32)head[5];
    v->n_pairs = head[6];
    v->n_specials = head[7];
    v->n_ranges = head[8];
    v->n_shown = head[9];
    v->id_bytes = head[11];
    return (head[0] == 1 || head[0] == 2) && head[1] <= SPLIT_DEFAULT && (head[0] == 2 || head[1]) &&
           head[6] <= 1u << 21 && head[7] <= 65536 && head[8] >= 1 && head[8] <= 8192 && head[9] <= 8192 &&
           head[10] <= 1u << 24 && (head[11] == 4 || (head[11] == 2 && v->count <= 65536)) && head[2] <= 31;
}

static int is_token(const struct vocabulary *v, i32 token)
{
    return token >= 0 && token < v->count;
}

static i32 id_at(const struct vocabulary *v, u32 pair, u32 which)
{
    const u8 *p = v->pairs + ((usize)pair * 3 + which) * v->id_bytes;

    return v->id_bytes == 2 ? (i32)(p[0] | (u32)p[1] << 8)
                            : (i32)(p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24);
}

static int ascending(const u32 *words, u32 count, u32 mask)
{
    u32 i;

    for (i = 1; i < count; i++)
        if ((words[i - 1] & mask) >= (words[i] & mask))
            return 0;
    return 1;
}

/* Every number is a token where one must be, and every offset lies in the texts. */
static int judge_tables(const struct vocabulary *v, u32 text_bytes)
{
    u32 i;

    for (i = 0; i < 256; i++)
        if ((v->bytes[i] != NO_TOKEN && !is_token(v, v->bytes[i])) || v->typed[i] > 0x10FFFF)
            return 0;
    for (i = 0; i < v->n_specials; i++)
        if (!is_token(v, v->specials[i]))
            return 0;
    for (i = 0; i < (u32)v->count; i++)
        if (!is_token(v, v->sorted[i]) || v->offsets[i] > v->offsets[i + 1] || v->types[i] < TYPE_NORMAL ||
            v->types[i] > TYPE_BYTE)
            return 0;
    for (i = 0; i < 3 * v->n_pairs; i++)
        if (!is_token(v, id_at(v, i / 3, i % 3)))
            return 0;
    return v->offsets[0] == 0 && v->offsets[v->count] == text_bytes && (v->ranges[0] & 0xFFFFFFu) == 0 &&
           ascending(v->ranges, v->n_ranges, 0xFFFFFFu) && ascending(v->shown, v->n_shown, 0xFFFFFFu) &&
           (v->bos == NO_TOKEN || is_token(v, v->bos)) && (v->eos == NO_TOKEN || is_token(v, v->eos)) &&
           (v->unknown == NO_TOKEN || is_token(v, v->unknown));
}

static int judge(struct vocabulary *v)
{
    struct cursor k;
    const u32 *head;
    u64 count = (u64)(u32)v->count;

    k.at = v->memory;
    k.left = v->memory_bytes;
    k.good = 1;
    head = take_words(&k, WORDS);
    if (!k.good || !judge_head(v, head))
        return 0;
    v->offsets = take_words(&k, count + 1);
    v->bytes = (const i32 *)take_words(&k, 256);
    v->typed = take_words(&k, 256);
    v->shown = take_words(&k, v->n_shown);
    v->ranges = take_words(&k, v->n_ranges);
    v->specials = (const i32 *)take_words(&k, v->n_specials);
    v->sorted = (const i32 *)take_words(&k, count);
    if (v->scored)
        v->scores = (const float *)(const void *)take_words(&k, count);
    if (v->flags & VOCABULARY_RANKS)
        v->ranks = take_words(&k, v->n_pairs);
    v->pairs = take(&k, v->n_pairs, 3 * v->id_bytes);
    v->types = take(&k, count, 1);
    v->texts = take(&k, head[10], 1);
    return k.good && k.left < 16 && judge_tables(v, head[10]);
}

int vocabulary_load(struct vocabulary *v, struct model *m)
{
    const struct section *s = container_find(m, SECTION_TOKENIZER, 0);
    int code;

    memset(v, 0, sizeof *v);
    v->count = m->config.vocab_size;
    v->memory_bytes = s->bytes;
    code = section_take(m, s, &v->memory);
    if (!code && !judge(v)) {
        vocabulary_close(v);
        code = complain(EXIT_TOKENIZER, m->container.path, " is damaged: its tokenizer is none", (const char *)0);
    }
    return code;
}

void vocabulary_close(struct vocabulary *v)
{
    sys_free(v->memory, v->memory_bytes);
    v->memory = 0;
}

/* ---- finding --------------------------------------------------------------------------------- */
/* The order of a token's text and `text`: by bytes, then the shorter first. */
static int compare(const struct vocabulary *v, i32 token, const u8 *text, u32 count)
{
    u32 size = v->offsets[token + 1] - v->offsets[token];
    int order = memcmp(v->texts + v->offsets[token], text, size < count ? size : count);

    return order ? order : size < count ? -1 : size > count;
}

/* The last of those with equal texts, which is the one that counts in other programs. */
i32 vocabulary_find(const struct vocabulary *v, const u8 *text, u32 count)
{
    u32 low = 0, high = (u32)v->count;

    while (low < high) {
        u32 middle = (low + high) / 2;
        if (compare(v, v->sorted[middle], text, count) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && compare(v, v->sorted[low - 1], text, count) == 0 ? v->sorted[low - 1] : NO_TOKEN;
}

i32 vocabulary_pair(const struct vocabulary *v, i32 left, i32 right, u32 *rank)
{
    u32 low = 0, high = v->n_pairs;

    while (low < high) {
        u32 middle = (low + high) / 2;
        i32 first = id_at(v, middle, 0);
        i32 second = first == left ? id_at(v, middle, 1) : 0;
        if (first < left || (first == left && second < right)) {
            low = middle + 1;
        } else if (first == left && second == right) {
            i32 result = id_at(v, middle, 2);
            *rank = v->ranks ? v->ranks[middle] : (u32)result;
            return result;
        } else {
            high = middle;
        }
    }
    return NO_TOKEN;
}

u32 vocabulary_class(const struct vocabulary *v, u32 point)
{
    u32 low = 0, high = v->n_ranges;

    while (high - low > 1) {
        u32 middle = (low + high) / 2;
        if ((v->ranges[middle] & 0xFFFFFFu) <= point)
            low = middle;
        else
            high = middle;
    }
    return v->ranges[low] >> 24;
}
