/* tokenizer.c - the pieces of text that tokens stand for: loading, finding and showing them.
 *
 * The file: the length of the longest piece, then for each token a float score, a 32-bit length and so many
 * bytes. It does not say how many tokens it holds, so they are counted: a tokenizer of another
 * vocabulary is refused by name instead of printing gibberish. */
#include "llama98.h"

#define MOST_BYTES (64u << 20)

static i32 get_i32(const u8 *p)
{
    return (i32)((u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24);
}

/* ---- order ----------------------------------------------------------------------------------- */
/* strcmp of `a` followed by `rest`, with `b`. */
static int compare(const char *a, const char *rest, const char *b)
{
    for (;; a++, b++) {
        while (!*a && *rest) {
            a = rest;
            rest = "";
        }
        if (*a != *b || !*a)
            return (int)(u8)*a - (int)(u8)*b;
    }
}

/* Where several pieces are alike, the one that the C library's bsearch comes upon first is llama2.c's
 * choice, so its middle is ours. */
i32 tokenizer_find(const struct tokenizer *t, const char *first, const char *rest)
{
    u32 low = 0, high = (u32)t->vocab_size;

    while (low < high) {
        u32 middle = (low + high) / 2;
        int order = compare(first, rest, t->pieces[t->sorted[middle]]);
        if (order == 0)
            return t->sorted[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/* One pass of a merge sort: runs of `width` become runs of twice that. Equal pieces keep their order. */
static void merge_runs(const struct tokenizer *t, const i32 *from, i32 *to, u32 n, u32 width)
{
    u32 start, left, right, left_end, right_end, out;

    for (start = 0, out = 0; start < n; start = right_end) {
        left = start;
        left_end = n - left < width ? n : left + width;
        right = left_end;
        right_end = n - right < width ? n : right + width;
        while (left < left_end || right < right_end) {
            int take_left = right >= right_end ||
                            (left < left_end &&
                             compare(t->pieces[from[left]], "", t->pieces[from[right]]) <= 0);
            to[out++] = take_left ? from[left++] : from[right++];
        }
    }
}

static void sort_pieces(struct tokenizer *t, i32 *room)
{
    u32 n = (u32)t->vocab_size;
    i32 *from = t->sorted;
    i32 *to = room;
    i32 *swap;
    u32 i;

    for (i = 0; i < n; i++)
        from[i] = (i32)i;
    for (i = 1; i < n; i *= 2) {
        merge_runs(t, from, to, n, i);
        swap = from;
        from = to;
        to = swap;
    }
    if (from != t->sorted)
        memcpy(t->sorted, from, n * sizeof *from);
}

/* ---- loading --------------------------------------------------------------------------------- */
/* How many tokens the bytes hold, or -1 when they do not end with the end of a token. */
static i32 count_tokens(const u8 *bytes, u32 length)
{
    i32 count = 0;
    u32 at = 4, size;

    if (length < 4)
        return -1;
    for (; at < length; at += size, count++) {
        if (length - at < 8)
            return -1;
        size = (u32)get_i32(bytes + at + 4);
        at += 8;
        if (size > length - at)
            return -1;
    }
    return count;
}

/* Points at each piece where it stands; its NUL goes over the score of the next, already read. */
static void take_pieces(struct tokenizer *t, u8 *bytes)
{
    u8 *at = bytes + 4;
    i32 i;

    for (i = 0; i < t->vocab_size; i++) {
        u32 size = (u32)get_i32(at + 4);
        memcpy(t->scores + i, at, sizeof(float));
        if (i)
            *at = '\0';
        t->pieces[i] = (char *)at + 8;
        at += 8 + size;
    }
    *at = '\0';
}

static int damaged(const char *path)
{
    return complain(EXIT_TOKENIZER, "the tokenizer ", path, " is damaged", (const char *)0);
}

static int wrong_size(const char *path, i32 count, const char *model_path, i32 vocab_size)
{
    char has[16], needs[16];

    return complain(EXIT_TOKENIZER, "the tokenizer ", path, " has ", text_number(has, count), " tokens, but ",
                    model_path, " needs ", text_number(needs, vocab_size),
                    ": give the tokenizer made for it with -z", (const char *)0);
}

/* Reads the whole file to the end of one block that also has room for the tables of `vocab_size`. */
static int read_file(struct tokenizer *t, sys_file file, const char *path, u8 **bytes, u32 *length)
{
    u32 tables = (u32)t->vocab_size * (u32)(sizeof(char *) + sizeof(float) + 2 * sizeof(i32));
    u32 got;
    char needed[24];

    if (sys_length(file, length) != SYS_OK || *length > MOST_BYTES)
        return damaged(path);
    t->memory_bytes = tables + *length + 1;
    t->memory = sys_alloc(t->memory_bytes);
    if (!t->memory)
        return complain(EXIT_MEMORY, "not enough memory: the tokenizer needs ",
                        text_megabytes(needed, t->memory_bytes), " MB", (const char *)0);
    t->pieces = (char **)t->memory;
    t->scores = (float *)(t->pieces + t->vocab_size);
    t->sorted = (i32 *)(t->scores + t->vocab_size);
    *bytes = (u8 *)(t->sorted + 2 * t->vocab_size);
    if (sys_read(file, *bytes, *length, &got) != SYS_OK || got != *length)
        return complain(EXIT_TOKENIZER, "cannot read the tokenizer ", path, (const char *)0);
    return EXIT_DONE;
}

int tokenizer_load(struct tokenizer *t, const char *path, i32 vocab_size, const char *model_path)
{
    sys_file file;
    u8 *bytes = 0;
    u32 length = 0;
    i32 count;
    int code;
    int status = sys_open(&file, path, SYS_READ);

    memset(t, 0, sizeof *t);
    t->vocab_size = vocab_size;
    if (status != SYS_OK)
        return complain(EXIT_TOKENIZER, "cannot read the tokenizer ", path,
                        status == SYS_MISSING ? ": there is no such file" : "", (const char *)0);
    code = read_file(t, file, path, &bytes, &length);
    sys_close(file);
    if (!code) {
        count = count_tokens(bytes, length);
        if (count < 0)
            code = damaged(path);
        else if (count != vocab_size)
            code = wrong_size(path, count, model_path, vocab_size);
    }
    if (code) {
        tokenizer_close(t);
        return code;
    }
    take_pieces(t, bytes);
    sort_pieces(t, t->sorted + vocab_size);
    return EXIT_DONE;
}

void tokenizer_close(struct tokenizer *t)
{
    sys_free(t->memory, t->memory_bytes);
    t->memory = 0;
}

/* ---- tokens to text -------------------------------------------------------------------------- */
/* The byte that a piece such as <0x0A> stands for, or -1. */
static int raw_byte(const char *piece)
{
    int high, low;

    if (piece[0] != '<' || piece[1] != '0' || piece[2] != 'x')
        return -1;
    high = text_hex(piece[3]);
    if (high < 0)
        return -1;
    low = text_hex(piece[4]);
    return low < 0 ? high : high * 16 + low;
}

static int printable(u8 byte)
{
    return (byte >= ' ' && byte <= '~') || (byte >= '\t' && byte <= '\r');
}

const char *tokenizer_decode(struct tokenizer *t, i32 previous, i32 token)
{
    const char *piece = t->pieces[token];
    int byte;

    if (previous == TOKEN_BOS && piece[0] == ' ')
        piece++; /* the blank that every text is encoded with */
    byte = raw_byte(piece);
    if (byte >= 0) {
        t->byte[0] = (char)byte;
        piece = t->byte;
    }
    if (piece[0] && !piece[1] && !printable((u8)piece[0]))
        return "";
    return piece;
}
