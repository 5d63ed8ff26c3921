/* llama98.h - LLAMA98.EXE: a language model that runs on a Pentium II under Windows 98.
 *
 * It reads llama2.c's first ("legacy") checkpoint format and its tokenizer format, takes llama2.c's
 * options, and in fp32 draws the same tokens as llama2.c does. How that is kept:
 *
 *   - Every float operation that llama2.c performs is performed here in the same order, and rounded
 *     to 24 bits each time (the x87 control word is set so). Four rows of a matrix are worked on
 *     at once, never four parts of one row: the sums stay those of llama2.c.
 *   - exp, sin, cos and pow are computed at 53 bits and rounded once.
 *   - So the Win32, the Linux-i386 and the hosted build give the same bits, SSE or x87.
 *
 * int8 (the default) keeps everything but the matrices as it is. See kernels_int8.c.
 *
 * Nothing here allocates but `model_load`, `tokenizer_load` and `prompt_encode`; every failure is one
 * line on standard error and one exit code from the table below.
 */
#ifndef LLAMA98_H
#define LLAMA98_H

#include "../platform/sys.h"

/* ---- exit codes ------------------------------------------------------------------------------ */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_USAGE = 1,     /* wrong use */
    EXIT_NO_MODEL = 2,  /* the model file is missing or cannot be read */
    EXIT_BAD_MODEL = 3, /* it is damaged, or neither a container nor a llama2.c checkpoint */
    EXIT_TOKENIZER = 4, /* missing, damaged, or of another vocabulary size */
    EXIT_MEMORY = 5,    /* the model does not fit; the line says what it needs */
    EXIT_PROMPT = 6,    /* the prompt is longer than the model's context */
    EXIT_MACHINE = 7,   /* no FPU, or --cpu mmx without MMX */
    EXIT_CONTEXT = 8,   /* the conversation does not fit the context any more */
    EXIT_INTERNAL = 9,
    EXIT_VOLUME = 10,       /* a part of the model is missing or cannot be read */
    EXIT_OTHER_VOLUME = 11, /* it is a part of another model, or another part of this one */
    EXIT_CHECK = 12,        /* what the file holds differs from its check */
    EXIT_DISK = 13          /* the disk stopped while the model was being read */
};

/* ---- options (options.c) --------------------------------------------------------------------- */
enum kernel { KERNEL_X87, KERNEL_C, KERNEL_MMX };
enum prefetch { PREFETCH_NONE, PREFETCH_P3, PREFETCH_K6 }; /* with KERNEL_MMX */

struct options {
    const char *model;
    const char *tokenizer; /* -z, tokenizer.bin */
    const char *prompt;    /* -i or -x, "" */
    float temperature;     /* -t, 1.0; 0 = always the likeliest token */
    float topp;            /* -p, 0.9; 0 or 1 = off */
    u64 seed;              /* -s, 0 = from the clock */
    i32 steps;             /* -n, 256; 0 = as many as the context holds */
    int bits;              /* -q, 8; 0 = fp32 */
    int chat;              /* --chat */
    const char *system;    /* --system, "" */
    int temperature_given, steps_given;
    int marks;             /* --marks: with --chat, what is not the answer comes as records; see chat.c */
    int utf8;              /* --utf8: text is UTF-8, not in the PC's code page; for containers */
    u32 memory;            /* --memory, in bytes; 0 = what is free */
    int cpu_given;         /* --cpu */
    enum kernel cpu;
    enum prefetch prefetch; /* of that */
};

int options_read(struct options *options, int argc, char **argv);

/* ---- the model (header.c, model.c, container.c, layout.c) ------------------------------------ */
/* What a container's model does that llama2.c's do not; the numbers are the container's. */
#define FLAG_TIED 1u         /* the classifier is the token embedding */
#define FLAG_BIASES 2u       /* of q, k and v */
#define FLAG_HEAD_NORMS 4u   /* q and k are normed head by head */
#define FLAG_SUB_NORMS 8u    /* before wo and before w2 */
#define FLAG_RELU_SQUARED 16u /* instead of SiLU */

struct config {
    i32 dim;        /* width of the residual stream */
    i32 hidden_dim; /* width of the feed-forward layer */
    i32 n_layers;
    i32 n_heads;    /* of the queries */
    i32 n_kv_heads; /* of keys and values; divides n_heads */
    i32 head_size;
    i32 vocab_size;
    i32 seq_len;    /* the context: how many tokens at most */
    u32 flags;
    i32 q_dim;      /* head_size * n_heads */
    i32 kv_dim;     /* head_size * n_kv_heads */
    float eps;      /* of the norms */
    float attention_scale; /* of queries times keys; fp32 divides by the root of head_size instead */
    float rope_factor;     /* of cos and sin */
    i32 prefix;     /* positions of which a container brings the keys and values */
};

/* How the weights of a matrix are kept; the numbers are the container's (docs/formats.md). */
enum encoding { ENC_F32 = 0, ENC_INT8 = 1, ENC_TERNARY = 3, ENC_BIT = 4, ENC_GROUPS = 6, ENC_INT4 = 7 };

struct model;

/* One weight matrix; y = W x. */
struct matrix {
    i32 rows, cols;
    enum encoding encoding;
    i32 padded;      /* cols rounded up to what the kernel takes at once; what is added counts nothing */
    float *f;        /* f32: (rows, cols) */
    float *scale;    /* the others: (rows) what one step of a weight is worth; of int4, for each ROWS_AT_ONCE rows */
    const i16 *factors; /* int4: (rows) by which that is multiplied; else NULL */
    i16 *pairs;      /* int8, groups: ((rows + 1) / 2, padded): two rows in one, see kernels_int8.c */
    const u8 *steps; /* groups: (rows, padded / 32) what a step of a weight is worth, in scales; else NULL */
    const u8 *codes; /* see kernels_int4.c, kernels_ternary.c, kernels_bit.c */
    /* Where it is not in memory: the next `bytes` of pairs or codes. A kernel asks for some rows, a tile or 128 columns. */
    const u8 *(*more)(const struct matrix *w, u32 bytes);
    struct model *owner;
};

struct layer {
    float *rms_att; /* (dim) */
    float *rms_ffn; /* (dim) */
    float *bk, *bv; /* (kv_dim), FLAG_BIASES */
    float *bq;      /* (q_dim) */
    float *norm_k, *norm_q; /* (head_size), FLAG_HEAD_NORMS */
    float *sub_att; /* (q_dim), FLAG_SUB_NORMS */
    float *sub_ffn; /* (hidden_dim) */
    struct matrix wk; /* (kv_dim, dim) */
    struct matrix wv; /* (kv_dim, dim) */
    struct matrix wq; /* (q_dim, dim) */
    struct matrix wo; /* (dim, q_dim) */
    struct matrix w1; /* (hidden_dim, dim) */
    struct matrix w3; /* (hidden_dim, dim) */
    struct matrix w2; /* (dim, hidden_dim) */
};

/* A vector on its way into matrices: as it is, and what their encodings make of it when first asked. */
struct input {
    const float *x;
    i32 n;
    unsigned made; /* bit 1 << encoding */
    i16 *q;        /* int8: x is about q * step */
    float step;
    u32 bias;      /* 128 * sum of q, modulo 2^32 */
    i16 *q16;      /* the others: x is about q16 * step16, all 16 bits used */
    float step16;
    u8 *groups;    /* int4: see kernels_int4.c; or groups: 128 times the sum of each 32 of q16 */
    float step4;
    i32 *part;     /* 1 bit: (rows) */
};

/* A position's keys or values of one head are whole numbers with one scale: of 8 bits, when two positions of keys,
 * and two columns of values, share a row of 16-bit words, as two rows of an int8 matrix do; or of 12 bits in words
 * of their own, when that takes little memory. See attention.c. */
struct cache {
    int wide_keys, wide_values; /* 12 bits: then twice as many rows as said below */
    i32 steps;       /* positions there is room for, a multiple of 16 */
    i32 width;       /* head_size rounded up to a multiple of 8 */
    i16 *keys;       /* (n_layers, n_kv_heads, steps / 2, width) */
    i16 *values;     /* (n_layers, n_kv_heads, (head_size + 1) / 2, steps) */
    float *key_scale, *value_scale; /* (n_layers, n_kv_heads, steps) */
    float *top;      /* (n_layers, n_kv_heads) the largest scale of the values */
    u32 *sums;       /* (steps, or head_size when that is more) */
    i16 *weights;    /* (steps) */
    i16 *numbers;    /* (2 * head_size) */
    float *f_keys;   /* fp32: (n_layers, n_kv_heads, steps, head_size) */
    float *f_values; /* fp32: (n_layers, n_kv_heads, head_size, steps): columns of attention */
};

/* A part of a container. */
struct section {
    u32 kind, index, volume, offset, bytes, check;
    u8 encodings[8];
};

/* An open container; `sections` is NULL when the model is a llama2.c checkpoint. */
struct container {
    struct section *sections;
    u32 count;
    u32 volumes;
    u8 id[16];
    char path[280];
    u32 open;          /* the volume that model.file is, from 1 */
    u32 memory_bytes;  /* of `sections` */
    u64 read;          /* bytes read from the disk since the load */
    u64 loaded;        /* and until then */
};

struct model {
    struct config config;
    int bits;            /* 0 or 8 */
    enum kernel kernel;  /* for integers */
    i32 steps;           /* positions there is room for, at most seq_len */
    i32 sweep;           /* tokens of the prompt; 0 = not known */
    i32 most;            /* tokens that forward() takes at once */
    u32 room;            /* the memory that a container may take */
    int greedy;          /* only the likeliest token is wanted */
    i32 best;            /* that one, after forward() with want_logits */
    float best_logit;
    u32 upper_bytes;     /* of the next, 0 when there is none */
    i16 *upper;          /* ((rows + 3) / 4, padded) of the classifier, see classify.c */
    i32 listed;          /* rows of the last shortlist */

    /* weights */
    struct matrix table;  /* (vocab_size, dim) token embedding */
    struct layer *layers; /* (n_layers) */
    float *rms_final;     /* (dim) */
    struct matrix wcls;   /* (vocab_size, dim); the table itself when shared */
    float *cosine, *sine; /* (steps, head_size / 2) of RoPE */

    /* activations of up to `most` tokens */
    float *x, *xb;          /* (most, the wider of dim and q_dim) */
    i32 wide;               /* that width */
    float *hb, *hb2;        /* (most, hidden_dim) */
    float *q;               /* (most, wide), where hb is */
    float *k, *v;           /* (most, kv_dim), after it */
    float *att;             /* (steps) of one head */
    float *logits;          /* (vocab_size), or room for some of them when only the best is wanted */
    struct input *inputs;   /* (most) */
    struct cache cache;

    float *row;             /* (max(dim, hidden_dim)) while loading int8 */
    u8 *buffer;             /* while loading */
    void *memory;           /* all of the above is in this one block */
    u32 memory_bytes;
    sys_file file;
    struct container container;
    struct stream *stream;  /* of a container */
};

#define MODEL_HEADER 28u /* bytes before the weights of a llama2.c checkpoint */

/* Opens `path`, a llama2.c checkpoint or a container, and reads and judges its header. On success the
 * file stays open in `m`. */
int model_open(struct model *m, const char *path);
/* Takes the memory for `steps` positions and reads the weights; closes the file unless it is needed further.
 * `bits` and `kernel` say how the matrices of a checkpoint are kept. */
int model_load(struct model *m, const char *path, i32 steps, int bits, enum kernel kernel);
/* Gives everything back; harmless on a model that was only opened. */
void model_close(struct model *m);

/* One block of memory for everything. It is laid out twice: first to count (base NULL), then for good. */
struct arena {
    u8 *base;
    u64 used;
};
void *arena_carve(struct arena *a, u64 count, u32 size);
float *arena_floats(struct arena *a, u64 count);
/* The room to work in, everything of `m` but the weights. (layout.c) */
void layout_state(struct model *m, struct arena *a);
/* Takes m->memory; complains when there is not enough. `advice` ends the line. */
int layout_take(struct model *m, const char *path, u64 need, const char *advice);

/* ---- the pass through the model (forward.c, attention.c) ------------------------------------- */
/* Puts `count` tokens (at most m->most) at the positions from `pos` on (0, 1, 2 … in order). With
 * `want_logits` fills m->logits for the last, or, when m->greedy, m->best. Fails only when a part of the model cannot be read. */
int forward(struct model *m, const i32 *tokens, i32 count, i32 pos, int want_logits);
/* x becomes exp(x - max); returns the sum. */
float exp_below_top(float *x, i32 n);
/* x becomes probabilities: exp(x - max) over their sum. */
void softmax(float *x, i32 n);
/* Turns each pair of a vector of whole heads by the angles of the position. */
void attention_rotate(const struct model *m, float *vector, i32 n, i32 pos);
/* Keeps the keys and values of a position; lets every query of `q` (q_dim) look at all up to `pos`. */
void attention_remember(struct model *m, i32 layer, i32 pos, const float *k, const float *v);
void attention_look(struct model *m, i32 layer, i32 pos, float *out, const float *q);
/* The same for one head of keys and values that are 8-bit numbers already. */
void attention_put(struct model *m, i32 layer, i32 kv_head, i32 pos, const i16 *k, float key_scale, const i16 *v,
                   float value_scale);
#define ATTENTION_POWERS 4096
/* Once, before the others. */
void attention_start(void);

/* A matrix with its result: (count of inputs, stride). */
struct product {
    const struct matrix *w;
    float *out;
    i32 stride;
};

/* ---- weights that stay on the disk (stream.c) ------------------------------------------------ */
/* What of a layer is needed together. */
enum part { PART_QKV, PART_OUT, PART_GATE_UP, PART_DOWN, PARTS_OF_LAYER };
/* Brings the vectors of a part of a layer, when it is not in memory; then its matrices, in the file's order, each as it is
 * multiplied; after the last one the layer is compared with its check. */
int stream_part(struct model *m, i32 layer, enum part part);
int stream_multiply(struct model *m, i32 layer, const struct product *p, int count, i32 n_inputs);
int stream_end(struct model *m, i32 layer);
/* The embedding of a token; the logits of m->inputs[0]. */
int stream_embed(struct model *m, i32 token, float *x);
int stream_classify(struct model *m);

/* ---- the last matrix (classify.c) ------------------------------------------------------------ */
/* The first of the largest of x. */
i32 likeliest(const float *x, i32 n);
/* How many logits there is room for. */
i32 classify_logits(const struct model *m);
/* The logits by some rows of the classifier, from row `first` on; for m->inputs[0]. */
void classify_rows(struct model *m, const struct matrix *w, i32 first);
/* What a shortlist would take, 0 when there cannot be one; makes it, when there is one; finds the likeliest token by it, 0 when it cannot. */
u64 shortlist_bytes(const struct model *m);
void shortlist_make(struct model *m);
int shortlist_best(struct model *m);

/* ---- kernels --------------------------------------------------------------------------------- */
/* out[i] = sum of w[i * stride + j] * x[j] over j < n, in that order, for i < d. (kernels_x87.c) */
void multiply_f32(float *out, const float *x, const float *w, i32 n, i32 d, i32 stride);

/* A sum of whole numbers that stands in the place of a float. */
typedef i32 __attribute__((may_alias)) sum32;

/* Each matrix times each input. All have the same number of columns. (multiply.c) */
void input_set(struct input *input, const float *x, i32 n);
void input_16(struct input *input);
/* Room for what `count` inputs of at most `widest` numbers become, for matrices of at most `most_rows` rows. */
void input_carve(struct input *inputs, i32 count, i32 widest, i32 most_rows, struct arena *a);
void multiply(const struct product *products, int count, struct input *inputs, i32 n_inputs, enum kernel kernel);
/* A matrix of a container: 0 when there is no such encoding for it; its bytes; where they are. */
int matrix_shape(struct matrix *w, i32 rows, i32 cols, unsigned encoding);
u64 matrix_bytes(const struct matrix *w);
/* Do its rows stand one after the other? */
int matrix_by_rows(const struct matrix *w);
/* What a kernel asks for at once, at most; the rows that it then takes, of int8 and int4, from `row` on. */
u64 matrix_block(const struct matrix *w);
#define ROWS_AT_ONCE 64
i32 matrix_rows_at_once(const struct matrix *w, i32 row);
void matrix_point(struct matrix *w, u8 *at);
/* What stands before its codes: scales, factors, steps. */
u64 matrix_scales(const struct matrix *w);
/* Its rows from `row` on, an even one; of int4 a multiple of ROWS_AT_ONCE. */
void matrix_from(struct matrix *some, const struct matrix *w, i32 row);

/* int8 (kernels_int8.c): one row into its place; one row out of it; a vector made ready; y = W x for each input. */
void int8_store_row(struct matrix *m, i32 row, const float *values);
void int8_load_row(const struct matrix *m, i32 row, float *values);
float int8_step(float *step, const float *x, i32 n, i32 limit); /* returns 1 / step; both are 0 when x is zeros or no number */
void int8_round(i16 *q, const float *x, i32 n, i32 padded, float per_step);
float int8_quantise(i16 *q, const float *x, i32 n, i32 padded, i32 limit, i32 *sum);
i32 int8_input(struct input *input, i32 padded); /* returns the sum of the q */
void int8_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel);
void groups_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel);
/* int4, ternary and 1 bit: the same. */
void int4_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel);
void ternary_multiply(const struct product *p, int count, struct input *inputs, i32 n_inputs, enum kernel kernel);
void bit_multiply(const struct product *p, struct input *inputs, i32 n_inputs, enum kernel kernel);

/* Eight tables of sums for the bytes of a row's code, one set for the whole program. (tables.c) */
extern i32 tables98[8][256];
/* Tables for bytes of five ternary weights, whose inputs are x: a byte's digits to the base of 3 are the weights plus 1. A
 * damaged byte finds a zero beyond. And for bytes of eight bits. (tables.c, kernels_tables_mmx.c) */
void ternary_tables_c(i32 *table, const i16 *x, u32 tables);
void ternary_tables_mmx(i32 *table, const i16 *x, u32 tables);
void bit_tables_c(i32 *table, const i16 *x, u32 tables);
void bit_tables_mmx(i32 *table, const i16 *x, u32 tables);
/* sums[row] += what its `bytes` bytes of code find: 8 bytes of 8, 4 of 4, or 2 of 4. */
void tables_add(sum32 *sums, const u8 *codes, i32 rows, u32 bytes, u32 apart);
/* sums[row] = what its 8 bytes find. */
void tables_put(sum32 *sums, const u8 *codes, i32 rows);
/* out[row] += scale * (sums[row] + what its 8 bytes find); a row is its scale, then its bytes. `sums` are used up. */
void tables_scale(float *out, sum32 *sums, const u8 *codes, i32 rows);

/* For the shortlist, which needs MMX: the upper four bits of two pairs of rows in one: of the second row of the second pair in the
 * lowest bits of a word, then the second of the first and the first of the second, these plus 8; then the first of the first.
 * With `steps` those of what q becomes when it is multiplied by its group's step, q * step / 256. */
void upper_bits_mmx(i16 *to, const i16 *pairs, u32 columns);
void upper_groups_mmx(i16 *to, const i16 *pairs, const u8 *steps, u32 columns);
/* For four rows each, in their own order, sum((q >> 4) x) modulo 2^32; `bias` is subtracted from all but the first, `first` from
 * that. */
void upper_fours_mmx(i32 *sums, const i16 *words, const i16 *x, u32 fours, u32 columns, u32 bias, u32 first);

/* sums[0] += each even word, sums[1] += each odd one, and after each of them sums[2] += sums[0] and sums[3] += sums[1]. `count`
 * is in bytes, a multiple of 8. (checks.c, kernels_mmx.c) */
void sums_add_c(u32 *sums, const u8 *bytes, u32 count);
void sums_add_mmx(u32 *sums, const u8 *bytes, u32 count);

/* The two that read most of what is in no cache, as this processor does it best when it has MMX. (processor.c) */
struct streaming {
    void (*int8_pairs)(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias);
    void (*int4_fours)(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups);
};
extern const struct streaming streaming98[]; /* by prefetch98 */
extern enum prefetch prefetch98;
/* Chooses them, and the kernel; complains when the option asks for what is not there. */
int processor_choose(const struct sys_cpu *cpu, const struct options *options, enum kernel *kernel);

/* A function whose loop runs for every number of a token. */
#if defined(__clang__)
#define UNROLLED __attribute__((noinline))
#else
#define UNROLLED __attribute__((noinline, optimize("O2", "unroll-loops")))
#endif
/* It takes a byte out of memory in one instruction. */
#if defined(__i386__) && !defined(__clang__)
#define FOR_PENTIUM_II __attribute__((target("tune=pentium2")))
#else
#define FOR_PENTIUM_II
#endif

/* The nearest whole number of x, which must lie within 16 bits, into *to. One instruction of the x87 does it. */
#if defined(__i386__)
#define STORE_ROUNDED(to, x) __asm__("fistps %0" : "=m"(*(to)) : "t"((float)(x)) : "st")
/* A product of doubles that the x87 has rounded to a float already, by its control word. */
#define SINGLE(product) (product)
#else
#define STORE_ROUNDED(to, x) (*(to) = rounded_16(x))
#define SINGLE(product) ((float)(product))
i16 rounded_16(float x);
#endif

/* For each of `pairs` row pairs the sum of the second row, then of the first, modulo 2^32, over the columns, a multiple of
 * 16. `bias` is 128 times the sum of x. (kernels_c.c and kernels_mmx.c) */
void int8_pairs_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias);
void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias);
void int8_pairs_k6(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias);
void int8_pairs_p3(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 bias);
/* The same for columns that are a multiple of 8, `stride` words from row to row. */
void int8_short_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride, u32 bias);
void int8_short_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride, u32 bias);
/* For each of twice `pairs` rows of 16-bit numbers the sum of number * x modulo 2^32, columns as above. */
void wide_pairs_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride);
void wide_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns, u32 stride);
/* The sums of `fours` times four rows of int4, see kernels_int4.c. */
void int4_fours_c(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups);
void int4_fours_mmx(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups);
void int4_fours_k6(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups);
void int4_fours_p3(i32 *sums, const u8 *codes, const u8 *groups, u32 fours, u32 n_groups);

/* ---- mathematics (math.c) -------------------------------------------------------------------- */
/* How many bits a result keeps: 24 as llama2.c's floats, or 53. Hosted builds have no such switch
 * and need none. The engine runs at 24; functions that need 53 say so. */
void fpu_single(void);
void fpu_double(void);
/* Once, before the others. */
void math_start(void);
/* out[i] = exp(factor * x[i]); `factor` is 1 or -1. Ends at 24 bits. */
void exp_each(float *out, const float *x, i32 n, double factor);
/* out[i] = exp(-i * step). The same. */
void exp_steps(float *out, i32 n, double step);
/* 1 / 10000^(2i / head_size) for each i < head_size / 2, as llama2.c rounds it. Ends at 24 bits. */
void rope_frequencies(float *frequencies, i32 head_size);
/* factor times cos and sin of pos * frequencies[i] for each pos < steps, i < half. Ends at 24 bits. */
void rope_tables(float *cosine, float *sine, const float *frequencies, i32 steps, i32 half, float factor);
float square_root(float x);
/* Reads a decimal number such as -0.85 or 1e-1 that ends the text; 0 when it is none. */
int read_decimal(const char *text, double *value);

/* ---- the tokenizer (tokenizer.c) and the prompt (prompt.c) ----------------------------------- */
struct tokenizer {
    i32 vocab_size;
    char **pieces;  /* (vocab_size) */
    float *scores;  /* (vocab_size) */
    i32 *sorted;    /* (vocab_size) token numbers in the order of their pieces */
    char byte[2];   /* the piece of a raw byte token */
    void *memory;
    u32 memory_bytes;
};

int tokenizer_load(struct tokenizer *t, const char *path, i32 vocab_size, const char *model_path);
void tokenizer_close(struct tokenizer *t);
/* What `token` adds to the text when it follows `previous`; "" for what must not be printed. */
const char *tokenizer_decode(struct tokenizer *t, i32 previous, i32 token);

/* The token whose piece is `first` followed by `rest`, or -1. */
i32 tokenizer_find(const struct tokenizer *t, const char *first, const char *rest);

struct prompt {
    i32 *tokens; /* (count), the first is BOS */
    i32 count;
    u32 memory_bytes;
};
int prompt_encode(struct prompt *prompt, const struct tokenizer *t, const char *text);
void prompt_close(struct prompt *prompt);

#define TOKEN_BOS 1 /* begins a text, and its coming again ends it */

/* ---- the sampler (sampler.c) ----------------------------------------------------------------- */
struct candidate {
    float probability;
    i32 token;
};

struct sampler {
    i32 vocab_size;
    float temperature, topp;
    u64 state;                    /* of xorshift64* */
    struct candidate *candidates; /* (vocab_size) */
    u32 memory_bytes;
};

int sampler_start(struct sampler *s, i32 vocab_size, const struct options *options);
void sampler_close(struct sampler *s);
/* The next token; the logits of `m` are used up. */
i32 sampler_draw(struct sampler *s, struct model *m);

/* ---- words (text.c) -------------------------------------------------------------------------- */
usize text_length(const char *text);
int text_equal(const char *a, const char *b);
/* What a hexadecimal digit is worth, or -1. */
int text_hex(char c);
/* The number in digits; `room` holds at least 12 bytes, and is returned. */
char *text_number(char *room, i32 number);
/* Bytes as megabytes with one digit after the point; `room` holds at least 24 bytes. */
char *text_megabytes(char *room, u64 bytes);
/* thousandths or hundredths: 12345 with 3 digits is 12.345. `room` holds 16 bytes. */
char *text_fixed(char *room, u32 number, int digits);
/* Hundredths of a token per second; 0 when no time was seen to pass. */
u32 text_rate(i32 tokens, u32 milliseconds);
/* Writes "LLAMA98: ", the texts up to NULL, and a line end to standard error; returns `code`. */
int complain(int code, const char *first, ...);

/* ---- the program (run.c) --------------------------------------------------------------------- */
/* Everything from the command line to the last line. Returns the exit code. */
int llama98_run(int argc, char **argv);

#endif
