/* forward.c - one token through the model. Shapes are in llama98.h, the order of operations is llama2.c's. */
#include "llama98.h"

/* ---- parts ----------------------------------------------------------------------------------- */
static void rmsnorm(float *out, const float *x, const float *weight, i32 n)
{
    float s = 0.0f;
    i32 i;

    for (i = 0; i < n; i++)
        s += x[i] * x[i];
    s /= (float)n;
    s += 1e-5f;
    s = 1.0f / square_root(s);
    for (i = 0; i < n; i++)
        out[i] = weight[i] * (s * x[i]);
}

/* x becomes exp(x - max); returns the sum. */
static float exp_below_top(float *x, i32 n)
{
    float top = x[0];
    float sum = 0.0f;
    i32 i;

    for (i = 1; i < n; i++)
        if (x[i] > top)
            top = x[i];
    for (i = 0; i < n; i++)
        x[i] -= top;
    exp_each(x, n);
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

/* Makes x what the next calls of `multiply` multiply by. */
static void set_input(struct model *m, const float *x, i32 n)
{
    m->input.x = x;
    if (m->bits)
        int8_input(&m->input, x, n, (n + 15) & ~15);
}

static void multiply(struct model *m, float *out, const struct matrix *w)
{
    if (m->bits)
        int8_multiply(out, w, &m->input, m->kernel);
    else
        multiply_f32(out, m->input.x, w->f, w->cols, w->rows, w->cols);
}

static void add_to(float *x, const float *y, i32 n)
{
    i32 i;

    for (i = 0; i < n; i++)
        x[i] += y[i];
}

static void embed(struct model *m, i32 token)
{
    i32 dim = m->config.dim;

    if (m->bits)
        int8_load_row(&m->table, token, m->x);
    else
        memcpy(m->x, m->table.f + (usize)token * (usize)dim, (usize)dim * sizeof(float));
}

/* ---- attention ------------------------------------------------------------------------------- */
/* Turns each pair of a vector of whole heads by the angles of the position. */
static void rotate(const struct model *m, float *vector, i32 n, i32 pos)
{
    i32 head_size = m->config.head_size;
    const float *cosine = m->cosine + (usize)pos * (usize)(head_size / 2);
    const float *sine = m->sine + (usize)pos * (usize)(head_size / 2);
    float *head;
    i32 i;

    for (head = vector; head < vector + n; head += head_size)
        for (i = 0; i < head_size / 2; i++) {
            float a = head[2 * i];
            float b = head[2 * i + 1];
            head[2 * i] = a * cosine[i] - b * sine[i];
            head[2 * i + 1] = a * sine[i] + b * cosine[i];
        }
}

/* Where a layer's part of the cache begins for one key/value head; as large for keys as for values. */
static usize cache_at(const struct model *m, i32 layer, i32 kv_head)
{
    return ((usize)layer * (usize)m->config.n_kv_heads + (usize)kv_head) * (usize)m->steps *
           (usize)m->config.head_size;
}

/* Keys are kept row by row, values column by column: so both halves of attention are a matrix
 * times a vector with its sums in llama2.c's order. */
static void remember(struct model *m, i32 layer, i32 pos)
{
    i32 size = m->config.head_size;
    i32 h, i;

    for (h = 0; h < m->config.n_kv_heads; h++) {
        float *keys = m->keys + cache_at(m, layer, h) + (usize)pos * (usize)size;
        float *values = m->values + cache_at(m, layer, h) + pos;
        for (i = 0; i < size; i++) {
            keys[i] = m->k[h * size + i];
            values[(usize)i * (usize)m->steps] = m->v[h * size + i];
        }
    }
}

/* The division by the root of the head's size, and that of softmax, for each position: as llama2.c. */
static void attend_exactly(struct model *m, float *out, const float *q, usize at, i32 positions)
{
    i32 size = m->config.head_size;
    float root = square_root((float)size);
    i32 t;

    multiply_f32(m->att, q, m->keys + at, size, positions, size);
    for (t = 0; t < positions; t++)
        m->att[t] /= root;
    softmax(m->att, positions);
    multiply_f32(out, m->att, m->values + at, positions, size, m->steps);
}

/* The same but for the last bit, with the divisions outside the sums: a division takes a Pentium II 18 cycles,
 * and int8 has no bits to keep. */
static void attend_quickly(struct model *m, float *out, float *q, usize at, i32 positions)
{
    i32 size = m->config.head_size;
    float scale = 1.0f / square_root((float)size);
    i32 i;

    for (i = 0; i < size; i++)
        q[i] *= scale;
    multiply_f32(m->att, q, m->keys + at, size, positions, size);
    scale = 1.0f / exp_below_top(m->att, positions);
    multiply_f32(out, m->att, m->values + at, positions, size, m->steps);
    for (i = 0; i < size; i++)
        out[i] *= scale;
}

static void attend(struct model *m, i32 layer, i32 pos)
{
    i32 size = m->config.head_size;
    i32 sharing = m->config.n_heads / m->config.n_kv_heads;
    i32 h;

    for (h = 0; h < m->config.n_heads; h++) {
        usize at = cache_at(m, layer, h / sharing);
        if (m->bits)
            attend_quickly(m, m->xb + h * size, m->q + h * size, at, pos + 1);
        else
            attend_exactly(m, m->xb + h * size, m->q + h * size, at, pos + 1);
    }
}

/* ---- a layer --------------------------------------------------------------------------------- */
/* x / (1 + exp(-x)) * y, into x; `z` is room. */
static void swiglu(float *x, const float *y, float *z, i32 n)
{
    i32 i;

    for (i = 0; i < n; i++)
        z[i] = -x[i];
    exp_each(z, n);
    for (i = 0; i < n; i++) {
        float value = x[i];
        value *= 1.0f / (1.0f + z[i]);
        value *= y[i];
        x[i] = value;
    }
}

static void attention(struct model *m, const struct layer *w, i32 layer, i32 pos, int only_remember)
{
    i32 dim = m->config.dim;

    rmsnorm(m->xb, m->x, w->rms_att, dim);
    set_input(m, m->xb, dim);
    multiply(m, m->k, &w->wk);
    multiply(m, m->v, &w->wv);
    rotate(m, m->k, m->config.kv_dim, pos);
    remember(m, layer, pos);
    if (only_remember)
        return;
    multiply(m, m->q, &w->wq);
    rotate(m, m->q, dim, pos);
    attend(m, layer, pos);
    set_input(m, m->xb, dim);
    multiply(m, m->xb2, &w->wo);
    add_to(m->x, m->xb2, dim);
}

static void feed_forward(struct model *m, const struct layer *w)
{
    i32 dim = m->config.dim;
    i32 hidden = m->config.hidden_dim;

    rmsnorm(m->xb, m->x, w->rms_ffn, dim);
    set_input(m, m->xb, dim);
    multiply(m, m->hb, &w->w1);
    multiply(m, m->hb2, &w->w3);
    swiglu(m->hb, m->hb2, m->hb3, hidden);
    set_input(m, m->hb, hidden);
    multiply(m, m->xb, &w->w2);
    add_to(m->x, m->xb, dim);
}

void forward(struct model *m, i32 token, i32 pos, int want_logits)
{
    i32 last = m->config.n_layers - 1;
    i32 l;

    embed(m, token);
    for (l = 0; l <= last; l++) {
        /* Nobody asks for the rest of the last layer when the next token is given by the prompt. */
        int only_remember = l == last && !want_logits;
        attention(m, m->layers + l, l, pos, only_remember);
        if (only_remember)
            return;
        feed_forward(m, m->layers + l);
    }
    rmsnorm(m->x, m->x, m->rms_final, m->config.dim);
    set_input(m, m->x, m->config.dim);
    multiply(m, m->logits, &m->wcls);
}
