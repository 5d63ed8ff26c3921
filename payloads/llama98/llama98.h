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
    EXIT_BAD_MODEL = 3, /* it is damaged, or no llama2.c checkpoint */
    EXIT_TOKENIZER = 4, /* missing, damaged, or of another vocabulary size */
    EXIT_MEMORY = 5,    /* the model does not fit; the line says what it needs */
    EXIT_PROMPT = 6,    /* the prompt is longer than the model's context */
    EXIT_MACHINE = 7,   /* no FPU, or --cpu mmx without MMX */
    EXIT_INTERNAL = 9
};

/* ---- options (options.c) --------------------------------------------------------------------- */
enum kernel { KERNEL_X87, KERNEL_C, KERNEL_MMX };

struct options {
    const char *model;
    const char *tokenizer; /* -z, tokenizer.bin */
    const char *prompt;    /* -i or -x, "" */
    float temperature;     /* -t, 1.0; 0 = always the likeliest token */
    float topp;            /* -p, 0.9; 0 or 1 = off */
    u64 seed;              /* -s, 0 = from the clock */
    i32 steps;             /* -n, 256; 0 = as many as the context holds */
    int bits;              /* -q, 8; 0 = fp32 */
    int cpu_given;         /* --cpu */
    enum kernel cpu;
};

int options_read(struct options *options, int argc, char **argv);

/* ---- the model (header.c, model.c) ----------------------------------------------------------- */
struct config {
    i32 dim;        /* width of the residual stream */
    i32 hidden_dim; /* width of the feed-forward layer */
    i32 n_layers;
    i32 n_heads;    /* of the queries */
    i32 n_kv_heads; /* of keys and values; divides n_heads */
    i32 vocab_size;
    i32 seq_len;  /* the context: how many tokens at most */
    int shared;   /* the classifier is the token embedding */
    i32 head_size; /* dim / n_heads */
    i32 kv_dim;    /* head_size * n_kv_heads */
};

/* One weight matrix; y = W x. Either `f` (fp32) or `pairs` and `scale` (int8) are set. */
struct matrix {
    i32 rows, cols;
    i32 padded;   /* cols rounded up to a multiple of 16; what is added is zero */
    float *f;     /* (rows, cols) */
    i16 *pairs;   /* ((rows + 1) / 2, padded): two rows in one, see kernels_int8.c */
    float *scale; /* (rows) what one step of an int8 weight is worth */
};

struct layer {
    float *rms_att; /* (dim) */
    float *rms_ffn; /* (dim) */
    struct matrix wq; /* (dim, dim) */
    struct matrix wk; /* (kv_dim, dim) */
    struct matrix wv; /* (kv_dim, dim) */
    struct matrix wo; /* (dim, dim) */
    struct matrix w1; /* (hidden_dim, dim) */
    struct matrix w2; /* (dim, hidden_dim) */
    struct matrix w3; /* (hidden_dim, dim) */
};

/* A vector on its way into a matrix. For int8: x is about q * step. */
struct input {
    const float *x;
    i16 *q;        /* (padded) */
    float step;
    u32 bias;      /* 128 * sum of q, modulo 2^32 */
};

struct model {
    struct config config;
    int bits;            /* 0 or 8 */
    enum kernel kernel;  /* for int8 */
    i32 steps;           /* positions there is room for, at most seq_len */

    /* weights */
    struct matrix table;  /* (vocab_size, dim) token embedding */
    struct layer *layers; /* (n_layers) */
    float *rms_final;     /* (dim) */
    struct matrix wcls;   /* (vocab_size, dim); the table itself when shared */
    float *cosine, *sine; /* (steps, head_size / 2) of RoPE */

    /* activations */
    float *x, *xb, *xb2;    /* (dim) */
    float *hb, *hb2, *hb3;  /* (hidden_dim) */
    float *q;               /* (dim) */
    float *k, *v;           /* (kv_dim) */
    float *att;             /* (steps) of one head */
    float *logits;          /* (vocab_size) */
    struct input input;     /* (max(dim, hidden_dim)) */
    float *keys;            /* (n_layers, n_kv_heads, steps, head_size) */
    float *values;          /* (n_layers, n_kv_heads, head_size, steps): columns of attention */

    float *row;             /* (max(dim, hidden_dim)) while loading int8 */
    u8 *buffer;             /* while loading */
    void *memory;           /* all of the above is in this one block */
    u32 memory_bytes;
    sys_file file;
};

#define MODEL_HEADER 28u /* bytes before the weights */

/* Opens `path` and reads and judges the header. On success the file stays open in `m`. */
int model_open(struct model *m, const char *path);
/* Takes the memory for `steps` positions and reads the weights; closes the file in any case.
 * `bits` and `kernel` say how the matrices are kept. */
int model_load(struct model *m, const char *path, i32 steps, int bits, enum kernel kernel);
/* Gives everything back; harmless on a model that was only opened. */
void model_close(struct model *m);

/* ---- the pass through the model (forward.c) -------------------------------------------------- */
/* Puts `token` at position `pos` (0, 1, 2 … in order). With `want_logits` fills m->logits. */
void forward(struct model *m, i32 token, i32 pos, int want_logits);
/* x becomes probabilities: exp(x - max) over their sum. */
void softmax(float *x, i32 n);

/* ---- kernels --------------------------------------------------------------------------------- */
/* out[i] = sum of w[i * stride + j] * x[j] over j < n, in that order, for i < d. (kernels_x87.c) */
void multiply_f32(float *out, const float *x, const float *w, i32 n, i32 d, i32 stride);

/* int8 (kernels_int8.c): one row into its place; one row out of it; a vector made ready; y = W x. */
void int8_store_row(struct matrix *m, i32 row, const float *values);
void int8_load_row(const struct matrix *m, i32 row, float *values);
void int8_input(struct input *input, const float *x, i32 n, i32 padded);
void int8_multiply(float *out, const struct matrix *m, const struct input *input, enum kernel kernel);

/* For each of `pairs` row pairs two sums modulo 2^32 over the columns, a multiple of 16:
 * of word * x, and of (word >> 8) * x. (kernels_c.c and kernels_mmx.c) */
void int8_pairs_c(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns);
void int8_pairs_mmx(u32 *sums, const i16 *words, const i16 *x, u32 pairs, u32 columns);

/* ---- mathematics (math.c) -------------------------------------------------------------------- */
/* How many bits a result keeps: 24 as llama2.c's floats, or 53. Hosted builds have no such switch
 * and need none. The engine runs at 24; functions that need 53 say so. */
void fpu_single(void);
void fpu_double(void);
/* Once, before the others. */
void math_start(void);
/* Each x[i] becomes exp(x[i]). Ends at 24 bits. */
void exp_each(float *x, i32 n);
/* cos and sin of pos / 10000^(2i / head_size) for each pos < steps, i < head_size / 2. Ends at 24 bits. */
void rope_tables(float *cosine, float *sine, i32 steps, i32 head_size);
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
/* The next token; the logits are used up. */
i32 sampler_draw(struct sampler *s, float *logits);

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
/* Writes "LLAMA98: ", the texts up to NULL, and a line end to standard error; returns `code`. */
int complain(int code, const char *first, ...);

/* ---- the program (run.c) --------------------------------------------------------------------- */
/* Everything from the command line to the last line. Returns the exit code. */
int llama98_run(int argc, char **argv);

#endif
