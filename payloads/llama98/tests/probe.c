/* probe.c - what a container's model says, in numbers, for the tests; hosted only.
 *
 *   probe tokens MODEL               each line of standard input, "a|b|s|u HEX [PLAIN COUNT]", becomes a line of token numbers
 *                                    (a, b: a text of its own; b, u: no control tokens in it)
 *   probe logits MODEL mmx|p3|k6|c ROOM SWEEP TOKEN...   all logits at each position, as floats; ROOM in bytes, 0 = enough for all;
 *                                    SWEEP tokens at once. The last lines on standard error: bytes read by the load, and after it
 *   probe best MODEL mmx|p3|k6|c ROOM TOKEN...   the likeliest token after each, when only that is wanted. The last line on
 *                                    standard error: rows of the shortlists */
#include "../container.h"
#include "../vocabulary.h"

#include <stdio.h>
#include <stdlib.h>

static char line[1 << 20];
static u8 text[1 << 19];

static int tokens_of(const char *path)
{
    struct model m;
    struct vocabulary v;
    int code = model_open(&m, path);

    if (!code)
        code = vocabulary_load(&v, &m);
    while (!code && fgets(line, sizeof line, stdin)) {
        struct tokens tokens;
        u32 count = 0, plain = 0, plain_count = 0, i;
        char *at = line + 2;
        memset(&tokens, 0, sizeof tokens);
        while (text_hex(at[0]) >= 0 && text_hex(at[1]) >= 0) {
            text[count++] = (u8)(text_hex(at[0]) * 16 + text_hex(at[1]));
            at += 2;
        }
        sscanf(at, "%u %u", &plain, &plain_count);
        if (line[0] == 'u' || line[0] == 'b')
            plain_count = count;
        code = vocabulary_encode(&v, &tokens, text, count, plain, plain_count, line[0] == 'a' || line[0] == 'b' ? ENCODE_FIRST | ENCODE_BOS : 0);
        for (i = 0; i < tokens.count; i++)
            printf(i ? " %d" : "%d", tokens.at[i]);
        printf("\n");
        tokens_close(&tokens);
    }
    vocabulary_close(&v);
    model_close(&m);
    return code;
}

/* Also of a processor that this one is not: its prefetch does nothing here. */
static enum kernel kernel_of(const char *name)
{
    prefetch98 = text_equal(name, "p3") ? PREFETCH_P3 : text_equal(name, "k6") ? PREFETCH_K6 : PREFETCH_NONE;
    return text_equal(name, "c") ? KERNEL_C : KERNEL_MMX;
}

static int logits_of(int argc, char **argv)
{
    static i32 tokens[4096];
    struct model m;
    i32 count = argc - 6, sweep = atoi(argv[5]), at, some;
    int code = model_open(&m, argv[2]);
    i32 i;

    for (i = 0; i < count; i++)
        tokens[i] = atoi(argv[6 + i]);
    m.room = atoi(argv[4]) ? (u32)strtoul(argv[4], 0, 10) : 0x7FFF0000u;
    if (!code)
        code = model_load(&m, argv[2], count, 8, kernel_of(argv[3]));
    for (at = 0; at < count && !code; at += some) {
        some = count - at < sweep ? count - at : sweep;
        some = some > m.most ? m.most : some;
        code = forward(&m, tokens + at, some, at, 1);
        if (!code)
            fwrite(m.logits, sizeof(float), (usize)m.config.vocab_size, stdout);
    }
    fprintf(stderr, "loaded %lu\nread %lu\n", (unsigned long)m.container.loaded, (unsigned long)m.container.read);
    model_close(&m);
    return code;
}

/* The likeliest token at each position. */
static int best_of(int argc, char **argv)
{
    struct model m;
    int code = model_open(&m, argv[2]);
    long listed = 0;
    i32 pos;

    m.room = atoi(argv[4]) ? (u32)strtoul(argv[4], 0, 10) : 0x7FFF0000u;
    m.greedy = 1;
    if (!code)
        code = model_load(&m, argv[2], argc - 5, 8, kernel_of(argv[3]));
    for (pos = 0; pos < argc - 5 && !code; pos++) {
        i32 token = atoi(argv[5 + pos]);
        code = forward(&m, &token, 1, pos, 1);
        printf(pos ? " %d" : "%d", m.best);
        listed += m.listed;
    }
    printf("\n");
    fprintf(stderr, "listed %ld\n", listed);
    model_close(&m);
    return code;
}

int sys_main(int argc, char **argv)
{
    int code = EXIT_USAGE;

    math_start();
    attention_start();
    if (argc == 3 && text_equal(argv[1], "tokens"))
        code = tokens_of(argv[2]);
    else if (argc > 6 && text_equal(argv[1], "logits"))
        code = logits_of(argc, argv);
    else if (argc > 5 && text_equal(argv[1], "best"))
        code = best_of(argc, argv);
    fflush(stdout);
    return code;
}
