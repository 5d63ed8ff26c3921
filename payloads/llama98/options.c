/* options.c - the command line: llama2.c's options, and -x, -q and --cpu. Numbers that are none are refused. */
#include "llama98.h"

static int usage(void)
{
    static const char text[] =
        "use: LLAMA98 MODEL [options]    a .L98, or a llama2.c .bin\r\n"
        "  -t T     temperature: 0 = always the likeliest word, default 1.0\r\n"
        "  -p P     draw only from the likeliest that make up P of all, default 0.9; 1 = off\r\n"
        "  -s SEED  start of the random numbers; the same seed gives the same text\r\n"
        "  -n N     number of steps, default 256; 0 = as many as the model can;\r\n"
        "           with --chat the conversation's tokens, default 512\r\n"
        "  -i TEXT  the beginning, in quotes\r\n"
        "  -x HEX   the same as bytes: two hexadecimal digits each\r\n"
        "  -z FILE  the tokenizer of a .bin, default tokenizer.bin\r\n"
        "  -q 0|8   of a .bin: 8 = 8-bit weights (default), 0 = its own 32-bit numbers\r\n"
        "  --cpu x87|mmx|c|p3|k6   instead of what the processor offers\r\n"
        "  --memory MB       what a .L98 may take; the rest is read from the disk for each word\r\n"
        "  --chat   talk with a .L98: a line in, an answer out; with -i that one question\r\n"
        "  --system TEXT     what it is told first, instead of its own\r\n"
        "  --marks  with --chat, for a program that asks: figures and invitations as records\r\n"
        "  --utf8   the text of a .L98 is UTF-8, not in the PC's code page\r\n";

    sys_err(text, sizeof text - 1);
    return EXIT_USAGE;
}

static int wrong(const char *option, const char *value)
{
    return complain(EXIT_USAGE, "wrong use: ", option, " ", value, (const char *)0);
}

/* The digits of a whole number and nothing after them; 2^63 for what is larger. */
static int read_digits(const char *text, int *negative, u64 *size)
{
    const u64 most = (u64)1 << 63;

    *negative = *text == '-';
    *size = 0;
    if (*text == '-' || *text == '+')
        text++;
    if (!*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        *size = *size > most / 10 ? most : *size * 10 + (u32)(*text - '0');
        if (*size > most)
            *size = most;
    }
    return 1;
}

static int read_whole(const char *text, i32 *value)
{
    int negative;
    u64 size;

    if (!read_digits(text, &negative, &size) || size > 0x7FFFFFFFu)
        return 0;
    *value = negative ? -(i32)size : (i32)size;
    return 1;
}

/* A seed as llama2.c's atoi reads it: a 64-bit number, of which an int keeps the lower half. */
static int read_seed(const char *text, u64 *seed)
{
    int negative;
    u64 size;

    if (!read_digits(text, &negative, &size))
        return 0;
    if (!negative)
        size -= size >> 63; /* the largest there is */
    *seed = (u64)(i64)(i32)(u32)(negative ? 0 - size : size);
    return 1;
}

/* The byte that two hexadecimal digits stand for, or -1. */
static int byte_of(const char *digits)
{
    int high = text_hex(digits[0]);
    int low = high < 0 ? -1 : text_hex(digits[1]);

    return low < 0 ? -1 : high * 16 + low;
}

/* Bytes in hexadecimal become the text that they are, where they stand. None may be NUL. */
static int read_bytes(char *text)
{
    char *from = text;

    for (; *from; from += 2)
        if (byte_of(from) <= 0)
            return 0;
    for (from = text; *from; from += 2)
        *text++ = (char)byte_of(from);
    *text = '\0';
    return 1;
}

static int read_float(const char *text, float *value)
{
    double number;

    if (!read_decimal(text, &number))
        return 0;
    *value = (float)number;
    return 1;
}

static int read_cpu(const char *text, struct options *o)
{
    static const struct {
        const char *name;
        enum kernel kernel;
        enum prefetch prefetch;
    } cpus[] = {{"x87", KERNEL_X87, PREFETCH_NONE}, {"c", KERNEL_C, PREFETCH_NONE}, {"mmx", KERNEL_MMX, PREFETCH_NONE},
                {"p3", KERNEL_MMX, PREFETCH_P3}, {"k6", KERNEL_MMX, PREFETCH_K6}};
    usize i;

    for (i = 0; i < sizeof cpus / sizeof *cpus; i++)
        if (text_equal(text, cpus[i].name)) {
            o->cpu = cpus[i].kernel;
            o->prefetch = cpus[i].prefetch;
            o->cpu_given = 1;
            return 1;
        }
    return 0;
}

/* One option with its value; 0 when there is none such or the value is none. */
static int take(struct options *o, const char *option, char *value)
{
    i32 whole;

    if (text_equal(option, "--cpu"))
        return read_cpu(value, o);
    if (text_equal(option, "--system")) {
        o->system = value;
        return text_length(value) <= 2048;
    }
    if (text_equal(option, "--memory")) {
        if (!read_whole(value, &whole) || whole < 1 || whole > 2047)
            return 0;
        o->memory = (u32)whole << 20;
        return 1;
    }
    if (option[0] != '-' || !option[1] || option[2])
        return 0;
    switch (option[1]) {
    case 't':
        o->temperature_given = 1;
        return read_float(value, &o->temperature);
    case 'p':
        return read_float(value, &o->topp);
    case 's':
        return read_seed(value, &o->seed);
    case 'n':
        o->steps_given = 1;
        return read_whole(value, &o->steps);
    case 'q':
        if (!read_whole(value, &whole) || (whole != 0 && whole != 8))
            return 0;
        o->bits = (int)whole;
        return 1;
    case 'i':
        o->prompt = value;
        return 1;
    case 'x':
        o->prompt = value;
        return read_bytes(value);
    case 'z':
        o->tokenizer = value;
        return 1;
    default:
        return 0;
    }
}

/* One option without a value. */
static int take_word(struct options *o, const char *option)
{
    int *word = text_equal(option, "--utf8") ? &o->utf8 : text_equal(option, "--chat") ? &o->chat
                : text_equal(option, "--marks")                                             ? &o->marks
                                                                                            : 0;

    if (!word)
        return 0;
    *word = 1;
    return 1;
}

int options_read(struct options *o, int argc, char **argv)
{
    int i;

    memset(o, 0, sizeof *o);
    o->tokenizer = "tokenizer.bin";
    o->prompt = "";
    o->system = "";
    o->temperature = 1.0f;
    o->topp = 0.9f;
    o->steps = 256;
    o->bits = 8;
    if (argc < 2 || argv[1][0] == '-')
        return usage();
    o->model = argv[1];
    for (i = 2; i < argc; i += 2) {
        if (take_word(o, argv[i])) {
            i--;
            continue;
        }
        if (i + 1 >= argc)
            return wrong(argv[i], "needs a value, or is not known");
        if (!take(o, argv[i], argv[i + 1]))
            return wrong(argv[i], argv[i + 1]);
    }
    if (o->chat && !o->temperature_given)
        o->temperature = 0.0f;
    if (o->chat && !o->steps_given)
        o->steps = 512;
    if (o->seed == 0)
        o->seed = sys_clock_seed() | 1u; /* never 0: the generator would stand still */
    if (o->temperature < 0.0f)
        o->temperature = 0.0f;
    if (o->topp < 0.0f || o->topp > 1.0f)
        o->topp = 0.9f;
    return EXIT_DONE;
}
