/* score.c - how much int8 costs in quality: `score MODEL TOKENS`, hosted only.
 *
 * Texts are sampled from the model itself in fp32, temperature 1, until TOKENS tokens are there; then the
 * same tokens are given to the int8 model. Prints the mean cross-entropy of both in nats per token. */
#include "../llama98.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static i32 tokens[1 << 16]; /* texts one after the other, each beginning with BOS */

/* -log of the probability of `token`. */
static double surprise(const float *logits, i32 n, i32 token)
{
    double sum = 0.0;
    i32 i;

    for (i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)logits[token]);
    return log(sum);
}

static void load(struct model *m, const char *path, int bits, enum kernel kernel)
{
    int code = model_open(m, path);

    if (!code)
        code = model_load(m, path, m->config.seq_len, bits, kernel);
    if (code)
        exit(code);
}

/* Fills `tokens` with `count` tokens after their BOS, and returns the mean surprise at them. */
static double sample(struct model *m, i32 count)
{
    struct options o;
    struct sampler s;
    double sum = 0.0;
    i32 pos = 0, i;

    memset(&o, 0, sizeof o);
    o.temperature = 1.0f;
    o.topp = 1.0f;
    o.seed = 98;
    if (sampler_start(&s, m->config.vocab_size, &o))
        exit(EXIT_MEMORY);
    tokens[0] = TOKEN_BOS;
    for (i = 0; i < count; i++) {
        static float keep[4096];
        forward(m, &tokens[i], 1, pos, 1);
        memcpy(keep, m->logits, (usize)m->config.vocab_size * sizeof(float));
        tokens[i + 1] = sampler_draw(&s, m);
        sum += surprise(keep, m->config.vocab_size, tokens[i + 1]);
        pos = tokens[i + 1] == TOKEN_BOS ? 0 : pos + 1;
        if (pos == m->config.seq_len) {
            tokens[i + 1] = TOKEN_BOS;
            pos = 0;
        }
    }
    sampler_close(&s);
    return sum / (double)count;
}

/* The mean surprise of the model at the same tokens. */
static double score(struct model *m, i32 count)
{
    double sum = 0.0;
    i32 pos = 0, i;

    for (i = 0; i < count; i++) {
        if (tokens[i] == TOKEN_BOS)
            pos = 0;
        forward(m, &tokens[i], 1, pos++, 1);
        sum += surprise(m->logits, m->config.vocab_size, tokens[i + 1]);
    }
    return sum / (double)count;
}

int sys_main(int argc, char **argv)
{
    struct model m;
    i32 count = argc == 3 ? atoi(argv[2]) : 0;

    if (count < 1 || count >= (i32)(sizeof tokens / sizeof *tokens))
        return complain(EXIT_USAGE, "use: score MODEL TOKENS", (const char *)0);
    math_start();
    attention_start();
    load(&m, argv[1], 0, KERNEL_X87);
    if (m.config.vocab_size > 4096)
        return complain(EXIT_USAGE, "the vocabulary is too large for this tool", (const char *)0);
    printf("fp32 %.5f\n", sample(&m, count));
    model_close(&m);
    load(&m, argv[1], 8, KERNEL_C);
    printf("int8 %.5f\n", score(&m, count));
    model_close(&m);
    fflush(stdout);
    return EXIT_DONE;
}
