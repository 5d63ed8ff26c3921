/* sampler.c - draws the next token, as llama2.c does: the same generator, the same sums, the same order.
 *
 * llama2.c sorts all candidates of top-p sampling; here a heap gives them one by one, and only as
 * many as are needed. Equal probabilities come in the order of their tokens, as from a stable sort
 * (the C library that llama2.c is usually built with has one). */
#include "llama98.h"

int sampler_start(struct sampler *s, i32 vocab_size, const struct options *options)
{
    s->vocab_size = vocab_size;
    s->temperature = options->temperature;
    s->topp = options->topp;
    s->state = options->seed;
    s->memory_bytes = (u32)vocab_size * (u32)sizeof *s->candidates;
    s->candidates = (struct candidate *)sys_alloc(s->memory_bytes);
    return s->candidates ? EXIT_DONE
                         : complain(EXIT_MEMORY, "not enough memory for sampling", (const char *)0);
}

void sampler_close(struct sampler *s)
{
    sys_free(s->candidates, s->memory_bytes);
    s->candidates = 0;
}

/* ---- chance ---------------------------------------------------------------------------------- */
/* xorshift64*: the upper half of the product. */
static u32 random_bits(u64 *state)
{
    u64 x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (u32)((x * (((u64)0x2545F491u << 32) | 0x4F6CDD1Du)) >> 32);
}

/* In [0, 1), in steps of 2^-24. */
static float random_fraction(u64 *state)
{
    return (float)(i32)(random_bits(state) >> 8) / 16777216.0f;
}

/* ---- ways to draw ---------------------------------------------------------------------------- */
static i32 draw_any(const float *probabilities, i32 n, float coin)
{
    float sum = 0.0f;
    i32 i;

    for (i = 0; i < n; i++) {
        sum += probabilities[i];
        if (coin < sum)
            return i;
    }
    return n - 1; /* the sum may round to less than 1 */
}

/* ---- top-p ----------------------------------------------------------------------------------- */
static int before(const struct candidate *a, const struct candidate *b)
{
    return a->probability > b->probability ||
           (a->probability == b->probability && a->token < b->token);
}

/* Lets the candidate at `i` sink until none below it should come before it. */
static void sink(struct candidate *heap, i32 n, i32 i)
{
    struct candidate moving = heap[i];
    i32 child;

    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &moving))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

/* Those that could be among the likeliest that make up `topp`: what is under the cutoff cannot. */
static i32 gather(struct candidate *heap, const float *probabilities, i32 n, float topp)
{
    float cutoff = (1.0f - topp) / (float)(n - 1);
    i32 count = 0;
    i32 i;

    for (i = 0; i < n; i++)
        if (probabilities[i] >= cutoff) {
            heap[count].probability = probabilities[i];
            heap[count].token = i;
            count++;
        }
    for (i = count / 2 - 1; i >= 0; i--)
        sink(heap, count, i);
    return count;
}

/* Draws from the likeliest tokens whose probabilities together exceed `topp`. The heap shrinks from its
 * end; what was taken from its top is put there, so the order of drawing reads backwards. */
static i32 draw_top(struct candidate *heap, const float *probabilities, i32 n, float topp, float coin)
{
    i32 count = n > 1 ? gather(heap, probabilities, n, topp) : 0;
    i32 left = count;
    float sum = 0.0f;
    float limit;
    i32 i;

    if (count == 0)
        return likeliest(probabilities, n);
    while (left > 0 && !(sum > topp)) {
        struct candidate top = heap[0];
        heap[0] = heap[--left];
        heap[left] = top;
        sink(heap, left, 0);
        sum += top.probability;
    }
    limit = coin * sum;
    sum = 0.0f;
    for (i = count - 1; i > left; i--) {
        sum += heap[i].probability;
        if (limit < sum)
            break;
    }
    return heap[i].token;
}

i32 sampler_draw(struct sampler *s, struct model *m)
{
    float *logits = m->logits;
    i32 n = s->vocab_size;
    float coin;
    i32 i;

    if (m->greedy)
        return m->best;
    for (i = 0; i < n; i++)
        logits[i] /= s->temperature;
    softmax(logits, n);
    coin = random_fraction(&s->state);
    if (s->topp <= 0.0f || s->topp >= 1.0f)
        return draw_any(logits, n, coin);
    return draw_top(s->candidates, logits, n, s->topp, coin);
}
