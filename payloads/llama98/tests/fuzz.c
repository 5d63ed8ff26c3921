/* fuzz.c - mutated models, tokenizers and command lines: `fuzz COUNT DIRECTORY [SEED]`, under sanitizers.
 *
 * Small checkpoints of random shapes are made, damaged in one to four places and given to the whole
 * program. Half of the damaged headers get the length that they ask for, so that strange shapes come past
 * the first check. What must hold: no finding of a sanitizer, and an exit code of the table. */
#include "../llama98.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST (1u << 20)

static u32 state = 98;

static u32 chance(u32 below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* ---- inputs ---------------------------------------------------------------------------------- */
struct bytes {
    u8 at[MOST + 64];
    u32 length;
};

static struct bytes model, tokenizer;

static void put_i32(u8 *p, i32 value)
{
    memcpy(p, &value, 4);
}

static void add_float(struct bytes *b, float value)
{
    memcpy(b->at + b->length, &value, 4);
    b->length += 4;
}

/* The floats that such a header asks for; more than MOST means "too many". */
static double floats(const i32 *h)
{
    double dim = h[0], vocab = h[5] < 0 ? -(double)h[5] : h[5];
    double size = h[3] ? h[0] / h[3] : 0;
    double layer = 2 * dim + 2 * dim * dim + 2 * dim * size * h[4] + 3 * dim * h[1];

    return vocab * dim * (h[5] < 0 ? 2 : 1) + h[2] * layer + dim + h[6] * size;
}

static void make_model(void)
{
    static const i32 sizes[] = {2, 2, 4, 6, 8, 18};
    i32 h[7];
    u32 i, count;

    h[3] = (i32)chance(3) + 1;
    h[0] = h[3] * sizes[chance(6)];
    h[4] = chance(2) ? h[3] : 1;
    h[1] = (i32)chance(40) + 1;
    h[2] = (i32)chance(3) + 1;
    h[5] = 259 + (i32)chance(20);
    h[6] = (i32)chance(30) + 1;
    count = (u32)floats(h); /* the exact one is used below: the vocabulary may turn negative */
    if (chance(2)) {
        h[5] = -h[5];
        count = (u32)floats(h);
    }
    for (i = 0; i < 7; i++)
        put_i32(model.at + 4 * i, h[i]);
    model.length = 28;
    for (i = 0; i < count; i++)
        add_float(&model, ((float)(i32)chance(2001) - 1000.0f) / 1000.0f);
}

static void make_tokenizer(void)
{
    i32 vocab;
    i32 i;

    memcpy(&vocab, model.at + 20, 4);
    vocab = vocab < 0 ? -vocab : vocab;
    put_i32(tokenizer.at, 9);
    tokenizer.length = 4;
    for (i = 0; i < vocab; i++) {
        char piece[16];
        int size = sprintf(piece, i < 259 ? "<0x%02X>" : "%c%c", i < 259 ? i - 3 : 'a' + i % 7, 'a' + i % 5);
        if (i == 259)
            size = sprintf(piece, " ");
        add_float(&tokenizer, (float)-i);
        put_i32(tokenizer.at + tokenizer.length, size);
        memcpy(tokenizer.at + tokenizer.length + 4, piece, (usize)size);
        tokenizer.length += 4 + (u32)size;
    }
}

/* ---- damage ---------------------------------------------------------------------------------- */
static i32 odd_number(void)
{
    static const i32 odd[] = {0, 1, -1, 2, 3, 7, 255, 65536, 65537, 0x7FFFFFFF, -0x7FFFFFFF - 1, 0x7F800000};

    return chance(3) ? odd[chance(12)] : (i32)chance(64) - 8;
}

/* Where it matters: most of the time near the beginning. */
static u32 somewhere(const struct bytes *b)
{
    return chance(3) && b->length > 64 ? chance(64) : chance(b->length);
}

static void damage(struct bytes *b)
{
    u32 at = b->length ? somewhere(b) : 0;

    if (!b->length)
        return;
    switch (chance(6)) {
    case 0:
        b->at[at] ^= (u8)(1u << chance(8));
        break;
    case 1:
        b->at[at] = (u8)chance(256);
        break;
    case 2:
        put_i32(b->at + (at & ~3u), odd_number());
        break;
    case 3:
        b->length = at;
        break;
    case 4:
        b->length += chance(40);
        break;
    default:
        memmove(b->at + at, b->at + chance(b->length), chance(b->length - at) / 2);
    }
    if (b->length > MOST)
        b->length = MOST;
}

/* Gives the file the length that its header asks for, where that is possible. */
static void fit(struct bytes *b)
{
    i32 h[7];
    double need;

    memcpy(h, b->at, sizeof h);
    need = floats(h);
    if (need > 0 && need < MOST / 4 - 7 && h[6] < 256) /* a longer context takes too long */
        b->length = 28 + 4 * (u32)need;
}

static void store(const char *path, const struct bytes *b)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(b->at, 1, b->length, file) != b->length || fclose(file))
        exit(2);
}

/* ---- one run --------------------------------------------------------------------------------- */
static char prompt[80];

static void make_prompt(void)
{
    u32 n = chance(4) ? chance(12) : chance(sizeof prompt - 1);
    u32 digits = !chance(8);
    u32 i;

    for (i = 0; i < n; i++)
        prompt[i] = digits ? "0123456789abcdefABCDEFx"[chance(23)] : chance(8) ? "abc dgh"[chance(7)] : (char)(1 + chance(255));
    prompt[n] = '\0';
}

static int one_run(char *model_path, char *tokenizer_path)
{
    static const char *const temperatures[] = {"0", "1", "0.7", "1e-9", "1e38", "-3"};
    static const char *const limits[] = {"0", "0.9", "1", "0.0001", "0.5"};
    static const char *const steps[] = {"1", "3", "6", "0"};
    char *argv[16];
    u32 i, n = 1 + chance(4);

    memset(model.at, 0, sizeof model.at);
    memset(tokenizer.at, 0, sizeof tokenizer.at);
    make_model();
    make_tokenizer();
    make_prompt();
    for (i = 0; i < n; i++)
        damage(chance(3) ? &model : &tokenizer);
    if (chance(2))
        fit(&model);
    store(model_path, &model);
    store(tokenizer_path, &tokenizer);
    argv[0] = (char *)"LLAMA98";
    argv[1] = model_path;
    argv[2] = (char *)"-z";
    argv[3] = tokenizer_path;
    argv[4] = (char *)"-t";
    argv[5] = (char *)temperatures[chance(6)];
    argv[6] = (char *)"-p";
    argv[7] = (char *)limits[chance(5)];
    argv[8] = (char *)"-n";
    argv[9] = (char *)steps[chance(4)];
    argv[10] = (char *)(chance(8) ? "-i" : "-x");
    argv[11] = prompt;
    argv[12] = (char *)(chance(2) ? "-q" : "--cpu");
    argv[13] = (char *)(argv[12][1] == 'q' ? "0" : chance(2) ? "c" : "mmx");
    argv[14] = 0;
    return llama98_run(14, argv);
}

int sys_main(int argc, char **argv)
{
    static char model_path[600], tokenizer_path[600];
    u32 counts[10];
    long count = argc > 2 ? atol(argv[1]) : 0;
    long i;

    if (count < 1 || text_length(argv[2]) > 500)
        return complain(EXIT_USAGE, "use: fuzz COUNT DIRECTORY [SEED]", (const char *)0);
    if (argc > 3)
        state = (u32)strtoul(argv[3], 0, 10) * 2654435761u | 1u;
    sprintf(model_path, "%s/model.bin", argv[2]);
    sprintf(tokenizer_path, "%s/tokenizer.bin", argv[2]);
    memset(counts, 0, sizeof counts);
    for (i = 0; i < count; i++) {
        int code = one_run(model_path, tokenizer_path);
        if (code < 0 || code > 7)
            return complain(EXIT_INTERNAL, "an exit code that no table has", (const char *)0);
        counts[code]++;
    }
    fprintf(stderr, "\n%ld runs; exit codes", count);
    for (i = 0; i < 8; i++)
        fprintf(stderr, " %ld:%u", i, counts[i]);
    fprintf(stderr, "\n");
    return EXIT_DONE;
}
