/* math.c - the functions a C library would bring, good to the last bit of a float.
 *
 * Each is computed with doubles at 53 bits, to some 40 right bits or more, and rounded to a float
 * once. The switches below matter on the x87 only; between them stands no float that is kept in a register. */
#include "llama98.h"

/* ---- precision ------------------------------------------------------------------------------- */
#if defined(__i386__)
static void control(u16 word)
{
    __asm__ __volatile__("fldcw %0" : : "m"(word) : "memory");
}

void fpu_single(void)
{
    control(0x007F); /* exceptions masked, to nearest, 24 bits */
}

void fpu_double(void)
{
    control(0x027F); /* the same, 53 bits */
}

float square_root(float x)
{
    float root;

    __asm__("fsqrt" : "=t"(root) : "0"(x));
    return root;
}
#else
void fpu_single(void)
{
}

void fpu_double(void)
{
}

float square_root(float x)
{
    return __builtin_sqrtf(x);
}
#endif

/* ---- exp ------------------------------------------------------------------------------------- */
#define PARTS 128                            /* exp(x) = 2^(k/PARTS) * exp(r), |r| <= ln 2 / 256 */
#define PARTS_PER_UNIT 184.66496523378731    /* PARTS / ln 2 */
#define UNIT_PER_PART 0.0054152123481245725  /* ln 2 / PARTS */
#define ROUND 6755399441055744.0             /* 1.5 * 2^52: adding it leaves the nearest integer in the low bits */

union bits {
    double d;
    u32 u[2]; /* low, high */
};

union bits_single {
    float f;
    u32 u;
};

static double powers[PARTS]; /* 2^(i/PARTS) */

/* exp(x) for |x| < 1 or so, by its series. */
static double exp_series(double x)
{
    double sum = 1.0;
    int i;

    for (i = 24; i > 0; i--)
        sum = 1.0 + sum * x / (double)i;
    return sum;
}

void math_start(void)
{
    int i;

    fpu_double();
    for (i = 0; i < PARTS; i++)
        powers[i] = exp_series((double)i * UNIT_PER_PART);
    fpu_single();
}

void exp_each(float *x, i32 n)
{
    union bits k, scale;
    union bits_single in;
    double r;
    i32 i;

    fpu_double();
    for (i = 0; i < n; i++) {
        in.f = x[i];
        if ((in.u & 0x7FFFFFFFu) > 0x43480000u) { /* beyond +-200, or not a number */
            if (!((in.u & 0x7FFFFFFFu) > 0x7F800000u))
                in.u = in.u & 0x80000000u ? 0 : 0x7F800000u;
            x[i] = in.f;
            continue;
        }
        k.d = (double)in.f * PARTS_PER_UNIT + ROUND;
        r = (double)in.f - (k.d - ROUND) * UNIT_PER_PART;
        scale.d = powers[k.u[0] & (PARTS - 1)];
        scale.u[1] += (u32)((i32)k.u[0] >> 7) << 20;
        x[i] = (float)(scale.d * (1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0)))));
    }
    fpu_single();
}

/* ---- the angles of RoPE ---------------------------------------------------------------------- */
#define HALF_PI_HIGH 1.57079632673412561417 /* 33 bits of pi / 2: its multiples are exact */
#define HALF_PI_LOW 6.07710050650619224932e-11

/* cos and sin of 0 <= angle < 2^20 or so. */
static void cosine_sine(double angle, float *cosine, float *sine)
{
    i32 k = (i32)(angle / (HALF_PI_HIGH + HALF_PI_LOW) + 0.5);
    double r = (angle - (double)k * HALF_PI_HIGH) - (double)k * HALF_PI_LOW;
    double c = 1.0, s = 1.0;
    int i;

    for (i = 18; i > 0; i -= 2) {
        c = 1.0 - c * r * r / (double)(i * (i - 1));
        s = 1.0 - s * r * r / (double)(i * (i + 1));
    }
    s *= r;
    *cosine = (float)(k & 1 ? (k & 2 ? s : -s) : (k & 2 ? -c : c));
    *sine = (float)(k & 1 ? (k & 2 ? -c : c) : (k & 2 ? -s : s));
}

/* 10000^fraction */
static double base_power(double fraction)
{
    double result = exp_series(fraction * (9.2103403719761827361 / 16.0));
    int i;

    for (i = 0; i < 4; i++)
        result *= result;
    return result;
}

/* The nearest float: only a store rounds an x87 register. */
static double rounded(double x)
{
    volatile float nearest = (float)x;

    return (double)nearest;
}

void rope_tables(float *cosine, float *sine, i32 steps, i32 head_size)
{
    i32 half = head_size / 2;
    i32 i, pos;

    /* llama2.c rounds to a float after each of these; a product or quotient of two floats may
     * be rounded to 53 bits first without harm. */
    fpu_double();
    for (i = 0; i < half; i++) {
        double fraction = rounded((double)(2 * i) / (double)head_size);
        double frequency = rounded(1.0 / rounded(base_power(fraction)));
        for (pos = 0; pos < steps; pos++)
            cosine_sine(rounded((double)pos * frequency), cosine + (usize)pos * (usize)half + i,
                        sine + (usize)pos * (usize)half + i);
    }
    fpu_single();
}

/* ---- numbers in text ------------------------------------------------------------------------- */
static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* number * 10^exponent; exact up to 15 digits and 10^22, so one rounding, as atof's. */
static double scaled(double number, int exponent)
{
    double power = 1.0;
    int left = exponent < 0 ? -exponent : exponent;

    for (; left > 0 && power < 1e300; left--)
        power *= 10.0;
    return exponent < 0 ? number / power : number * power;
}

/* Reads what follows the "e"; 0 when it is no number that ends the text. */
static int read_exponent(const char *text, int *exponent)
{
    int negative = *text == '-';
    int value = 0;

    if (*text == '-' || *text == '+')
        text++;
    if (!is_digit(*text))
        return 0;
    for (; is_digit(*text); text++)
        if (value < 1000)
            value = value * 10 + (*text - '0');
    *exponent += negative ? -value : value;
    return *text == '\0';
}

static int read_decimal_at_53(const char *text, double *value)
{
    int negative = *text == '-';
    int exponent = 0, point = 0, seen = 0;
    double number = 0.0;

    if (*text == '-' || *text == '+')
        text++;
    for (; is_digit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = 1;
            continue;
        }
        seen = 1;
        if (number < 9e14) { /* further digits are dropped, but count */
            number = number * 10.0 + (double)(*text - '0');
            exponent -= point;
        } else {
            exponent += !point;
        }
    }
    if (!seen)
        return 0;
    if (*text == 'e' || *text == 'E') {
        if (!read_exponent(text + 1, &exponent))
            return 0;
    } else if (*text) {
        return 0;
    }
    number = scaled(number, exponent);
    *value = negative ? -number : number;
    return 1;
}

int read_decimal(const char *text, double *value)
{
    int good;

    fpu_double();
    good = read_decimal_at_53(text, value);
    fpu_single();
    return good;
}
