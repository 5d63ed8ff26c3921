/* prompt.c - text to tokens, by byte-pair merges, as llama2.c does it.
 *
 * llama2.c looks up every pair again after each merge; here what a pair would become is kept, and only
 * the two pairs beside a merge are looked up. */
#include "llama98.h"

/* Adds the token of one character of `n` bytes, or one token for each byte. */
static int add_character(struct prompt *p, const struct tokenizer *t, const char *text, i32 n)
{
    char character[5];
    i32 token, i;

    memcpy(character, text, (usize)n);
    character[n] = '\0';
    token = tokenizer_find(t, character, "");
    if (token >= 0) {
        p->tokens[p->count++] = token;
        return 1;
    }
    for (i = 0; i < n; i++) {
        token = (i32)(u8)text[i] + 3; /* after <unk>, BOS and EOS come the 256 bytes */
        if (token >= t->vocab_size)
            return 0;
        p->tokens[p->count++] = token;
    }
    return 1;
}

/* Splits the text into characters: UTF-8, and whatever else comes in its place. */
static int add_characters(struct prompt *p, const struct tokenizer *t, const char *text)
{
    i32 n;

    for (; *text; text += n) {
        for (n = 1; n < 4 && ((u8)text[n] & 0xC0) == 0x80; n++)
            ;
        if (!add_character(p, t, text, n))
            return 0;
    }
    return 1;
}

/* merged[i] is the token that i and i + 1 would become, or -1. */
static void look_up_pair(const struct prompt *p, const struct tokenizer *t, i32 *merged, i32 i)
{
    if (i >= 0 && i + 1 < p->count)
        merged[i] = tokenizer_find(t, t->pieces[p->tokens[i]], t->pieces[p->tokens[i + 1]]);
}

/* Merges the pair with the best score, the first of equals, until no pair is a token. */
static void merge_pairs(struct prompt *p, const struct tokenizer *t, i32 *merged)
{
    i32 i, best;
    float score;

    for (i = 0; i + 1 < p->count; i++)
        look_up_pair(p, t, merged, i);
    for (;;) {
        best = -1;
        score = -1e10f;
        for (i = 0; i + 1 < p->count; i++)
            if (merged[i] >= 0 && t->scores[merged[i]] > score) {
                score = t->scores[merged[i]];
                best = i;
            }
        if (best < 0)
            return;
        p->tokens[best] = merged[best];
        p->count--;
        for (i = best + 1; i < p->count; i++) {
            p->tokens[i] = p->tokens[i + 1];
            merged[i] = merged[i + 1];
        }
        look_up_pair(p, t, merged, best - 1);
        look_up_pair(p, t, merged, best);
    }
}

int prompt_encode(struct prompt *p, const struct tokenizer *t, const char *text)
{
    u32 room = (u32)text_length(text) + 3;
    i32 blank;

    p->count = 0;
    p->memory_bytes = room * 2 * (u32)sizeof(i32);
    p->tokens = (i32 *)sys_alloc(p->memory_bytes);
    if (!p->tokens)
        return complain(EXIT_MEMORY, "not enough memory for the prompt", (const char *)0);
    p->tokens[p->count++] = TOKEN_BOS;
    if (*text) {
        blank = tokenizer_find(t, " ", "");
        if (blank >= 0)
            p->tokens[p->count++] = blank;
        if (blank < 0 || !add_characters(p, t, text)) {
            prompt_close(p);
            return complain(EXIT_TOKENIZER, "the tokenizer has no tokens for this prompt", (const char *)0);
        }
    }
    merge_pairs(p, t, p->tokens + room);
    return EXIT_DONE;
}

void prompt_close(struct prompt *p)
{
    sys_free(p->tokens, p->memory_bytes);
    p->tokens = 0;
}
