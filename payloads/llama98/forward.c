/* forward.c - tokens through the model. Shapes are in llama98.h; in fp32 the order of operations is llama2.c's.
 *
 * Several tokens go through a layer together: a part of the weights then comes from memory, or from the disk, once for all of
 * them. Each is computed as it would be alone. */
#include "llama98.h"

/* ---- parts ----------------------------------------------------------------------------------- */
static UNROLLED void rmsnorm(float *out, const float *x, const float *weight, i32 n, float eps)
{
    float s = 0.0f;
    i32 i;

    for (i = 0; i < n; i++)
        s += x[i] * x[i];
    s /= (float)n;
    s += eps;
    s = 1.0f / square_root(s);
    for (i = 0; i < n; i++)
        out[i] = weight[i] * (s * x[i]);
}

float exp_below_top(float *x, i32 n)
{
    float top = x[0];
    float sum = 0.0f;
    i32 i;

    for (i = 1; i < n; i++)
        if (x[i] > top)
            top = x[i];
    for (i = 0; i < n; i++)
        x[i] -= top;
    exp_each(x, x, n, 1.0);
    for (i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

void softmax(float *x, i32 n)
{
    float sum = exp_below_top(x, n);
    i32 i;

    for (i = 0; i < n; i++)
        x[i] /= sum;
}

static UNROLLED void add_to(float *x, const float *y, i32 n)
{
    i32 i;

    for (i = 0; i < n; i++)
        x[i] += y[i];
}

#define SOME 64

/* x / (1 + exp(-x)) * y, into x; some at a time, so that no more room has to come into the caches. */
static UNROLLED void swiglu(float *x, const float *y, i32 n)
{
    float z[SOME];
    i32 some, i;

    for (; n > 0; n -= some, x += some, y += some) {
        some = n < SOME ? n : SOME;
        exp_each(z, x, some, -1.0);
        for (i = 0; i < some; i++) {
            float value = x[i];
            value *= 1.0f / (1.0f + z[i]);
            value *= y[i];
            x[i] = value;
        }
    }
}

/* max(x, 0)^2 * y, into x */
static void squared_relu(float *x, const float *y, i32 n)
{
    i32 i;

    for (i = 0; i < n; i++)
        x[i] = x[i] > 0.0f ? x[i] * x[i] * y[i] : 0.0f;
}

/* ---- a layer --------------------------------------------------------------------------------- */
/* The tokens that are on their way: `count` of them, of which those from `from` on go on to the end of the layer. */
struct sweep {
    i32 count, from, pos;
};

/* What the next products multiply by: for each token from `from` on, `n` numbers `stride` apart. */
static void set_inputs(struct model *m, const struct sweep *s, i32 from, const float *x, i32 stride, i32 n)
{
    i32 t;

    for (t = from; t < s->count; t++)
        input_set(m->inputs + t - from, x + (usize)t * (usize)stride, n);
}

/* What a matrix made, to x. */
static void add_all(struct model *m, const struct sweep *s, const float *made)
{
    i32 t;

    for (t = s->from; t < s->count; t++)
        add_to(m->x + (usize)t * (usize)m->wide, made + (usize)t * (usize)m->wide, m->config.dim);
}

static struct product product(const struct matrix *w, float *out, i32 stride, i32 from)
{
    struct product p;

    p.w = w;
    p.out = out + (usize)from * (usize)stride;
    p.stride = stride;
    return p;
}

static void norm_heads(const struct model *m, float *x, const float *weight, i32 n)
{
    i32 size = m->config.head_size;
    float *head;

    for (head = x; head < x + n; head += size)
        rmsnorm(head, head, weight, size, m->config.eps);
}

/* Biases, norms and the turn of one token's queries or keys. */
static void prepare(const struct model *m, float *x, const float *bias, const float *norm, i32 n, i32 pos)
{
    if (m->config.flags & FLAG_BIASES)
        add_to(x, bias, n);
    if (m->config.flags & FLAG_HEAD_NORMS)
        norm_heads(m, x, norm, n);
    attention_rotate(m, x, n, pos);
}

/* Into xb. A token looks before the next one is remembered, as it would alone. */
static int attention(struct model *m, const struct layer *w, i32 layer, const struct sweep *s)
{
    const struct config *c = &m->config;
    struct product p[3];
    i32 t;
    int code;

    for (t = 0; t < s->count; t++)
        rmsnorm(m->xb + (usize)t * (usize)m->wide, m->x + (usize)t * (usize)m->wide, w->rms_att, c->dim, c->eps);
    set_inputs(m, s, 0, m->xb, m->wide, c->dim);
    p[0] = product(&w->wk, m->k, c->kv_dim, 0);
    p[1] = product(&w->wv, m->v, c->kv_dim, 0);
    p[2] = product(&w->wq, m->q, m->wide, 0);
    code = stream_multiply(m, layer, p, s->from < s->count ? 3 : 2, s->count);
    for (t = 0; t < s->count && !code; t++) {
        float *k = m->k + (usize)t * (usize)c->kv_dim;
        float *v = m->v + (usize)t * (usize)c->kv_dim;
        prepare(m, k, w->bk, w->norm_k, c->kv_dim, s->pos + t);
        if (c->flags & FLAG_BIASES)
            add_to(v, w->bv, c->kv_dim);
        attention_remember(m, layer, s->pos + t, k, v);
        if (t >= s->from) {
            float *q = m->q + (usize)t * (usize)m->wide;
            prepare(m, q, w->bq, w->norm_q, c->q_dim, s->pos + t);
            attention_look(m, layer, s->pos + t, m->xb + (usize)t * (usize)m->wide, q);
        }
    }
    return code;
}

static int attention_out(struct model *m, const struct layer *w, i32 layer, const struct sweep *s)
{
    const struct config *c = &m->config;
    struct product p;
    i32 t;
    int code;

    if (c->flags & FLAG_SUB_NORMS)
        for (t = s->from; t < s->count; t++) {
            float *xb = m->xb + (usize)t * (usize)m->wide;
            rmsnorm(xb, xb, w->sub_att, c->q_dim, c->eps);
        }
    set_inputs(m, s, s->from, m->xb, m->wide, c->q_dim);
    p = product(&w->wo, m->q, m->wide, s->from);
    code = stream_multiply(m, layer, &p, 1, s->count - s->from);
    add_all(m, s, m->q);
    return code;
}

static int gate_and_up(struct model *m, const struct layer *w, i32 layer, const struct sweep *s)
{
    const struct config *c = &m->config;
    struct product p[2];
    i32 t;

    for (t = s->from; t < s->count; t++)
        rmsnorm(m->xb + (usize)t * (usize)m->wide, m->x + (usize)t * (usize)m->wide, w->rms_ffn, c->dim, c->eps);
    set_inputs(m, s, s->from, m->xb, m->wide, c->dim);
    p[0] = product(&w->w1, m->hb, c->hidden_dim, s->from);
    p[1] = product(&w->w3, m->hb2, c->hidden_dim, s->from);
    return stream_multiply(m, layer, p, 2, s->count - s->from);
}

static int down(struct model *m, const struct layer *w, i32 layer, const struct sweep *s)
{
    const struct config *c = &m->config;
    struct product p;
    i32 t;
    int code;

    for (t = s->from; t < s->count; t++) {
        float *hb = m->hb + (usize)t * (usize)c->hidden_dim;
        const float *hb2 = m->hb2 + (usize)t * (usize)c->hidden_dim;
        if (c->flags & FLAG_RELU_SQUARED)
            squared_relu(hb, hb2, c->hidden_dim);
        else
            swiglu(hb, hb2, c->hidden_dim);
        if (c->flags & FLAG_SUB_NORMS)
            rmsnorm(hb, hb, w->sub_ffn, c->hidden_dim, c->eps);
    }
    set_inputs(m, s, s->from, m->hb, c->hidden_dim, c->hidden_dim);
    p = product(&w->w2, m->xb, m->wide, s->from);
    code = stream_multiply(m, layer, &p, 1, s->count - s->from);
    add_all(m, s, m->xb);
    return code;
}

static int layer_pass(struct model *m, i32 layer, const struct sweep *s)
{
    const struct layer *w = m->layers + layer;
    int code = stream_part(m, layer, PART_QKV);

    if (!code)
        code = attention(m, w, layer, s);
    if (code || s->from >= s->count)
        return code;
    code = stream_part(m, layer, PART_OUT);
    if (!code)
        code = attention_out(m, w, layer, s);
    if (!code)
        code = stream_part(m, layer, PART_GATE_UP);
    if (!code)
        code = gate_and_up(m, w, layer, s);
    if (!code)
        code = stream_part(m, layer, PART_DOWN);
    if (!code)
        code = down(m, w, layer, s);
    return code ? code : stream_end(m, layer);
}

/* ---- the whole ------------------------------------------------------------------------------- */
static int embed(struct model *m, i32 token, float *x)
{
    i32 dim = m->config.dim;

    if (m->bits)
        return stream_embed(m, token, x);
    memcpy(x, m->table.f + (usize)token * (usize)dim, (usize)dim * sizeof(float));
    return EXIT_DONE;
}

static int classify(struct model *m, float *x)
{
    rmsnorm(m->xb, x, m->rms_final, m->config.dim, m->config.eps);
    input_set(m->inputs, m->xb, m->config.dim);
    return stream_classify(m);
}

int forward(struct model *m, const i32 *tokens, i32 count, i32 pos, int want_logits)
{
    i32 last = m->config.n_layers - 1;
    struct sweep s;
    i32 l, t;
    int code;

    for (t = 0; t < count; t++) {
        code = embed(m, tokens[t], m->x + (usize)t * (usize)m->wide);
        if (code)
            return code;
    }
    s.count = count;
    s.pos = pos;
    for (l = 0; l <= last; l++) {
        /* Nobody asks for the rest of the last layer but for the last token, if for that. */
        s.from = l < last ? 0 : want_logits ? count - 1 : count;
        code = layer_pass(m, l, &s);
        if (code)
            return code;
    }
    return want_logits ? classify(m, m->x + (usize)(count - 1) * (usize)m->wide) : EXIT_DONE;
}
