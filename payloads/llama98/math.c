/* math.c - the functions a C library would bring, rounded as the usual C library rounds them.
 *
 * Each is computed with doubles at 53 bits and rounded to a float once. exp, sin and cos are polynomials
 * of the degree that glibc's have, the best there are of that degree, so that not only the right bits are the
 * same but nearly all the wrong ones (a float in a few thousand): a token that is drawn on the edge falls
 * on the same side. The coefficients are minimax fits made for this program, tools/minimax.py.
 *
 * The switches below matter on the x87 only; between them stands no float that is kept in a register. */
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

i16 rounded_16(float x)
{
    union {
        float f;
        u32 u;
    } bits;

    bits.f = x + 12582912.0f; /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
    return (i16)bits.u;
}
#endif

/* ---- exp ------------------------------------------------------------------------------------- */
#define PARTS 32 /* exp(x) = 2^(k/PARTS) * 2^(r/PARTS) with |r| <= 1/2 */
#define PARTS_PER_UNIT 46.16624130844683 /* PARTS / ln 2 */
#define LN_2 0.69314718055994531
#define ROUND 6755399441055744.0 /* 1.5 * 2^52: adding it leaves the nearest integer in the low bits */

/* 2^(r/PARTS), within 10^-10 of itself */
#define EXP_1 0.02166084939661304
#define EXP_2 0.00023459809789515398
#define EXP_3 1.6938359254698072e-06

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
        powers[i] = exp_series((double)i * (LN_2 / PARTS));
    fpu_single();
}

void exp_each(float *out, const float *x, i32 n, double factor)
{
    const union bits_single *from = (const union bits_single *)x;
    union bits_single *at = (union bits_single *)out;
    union bits k, scale;
    double r;

    fpu_double();
    factor *= PARTS_PER_UNIT;
    for (; n > 0; n--, at++, from++) {
        if ((from->u & 0x7FFFFFFFu) > 0x43480000u) { /* beyond +-200, or not a number */
            if ((from->u & 0x7FFFFFFFu) > 0x7F800000u)
                at->u = from->u;
            else
                at->u = (from->u >> 31) == (factor > 0.0) ? 0 : 0x7F800000u;
            continue;
        }
        r = (double)from->f * factor;
        k.d = r + ROUND;
        r -= k.d - ROUND;
        scale.d = powers[k.u[0] & (PARTS - 1)];
        scale.u[1] += (u32)((i32)k.u[0] >> 5) << 20;
        at->f = (float)(scale.d * (1.0 + r * (EXP_1 + r * (EXP_2 + r * EXP_3))));
    }
    fpu_single();
}

void exp_steps(float *out, i32 n, double step)
{
    double factor, power = 1.0;

    fpu_double();
    factor = exp_series(-step);
    for (; n > 0; n--, power *= factor)
        *out++ = (float)power;
    fpu_single();
}

/* ---- the angles of RoPE ---------------------------------------------------------------------- */
#define HALF_PI_HIGH 1.57079632673412561417 /* 33 bits of pi / 2: its multiples are exact */
#define HALF_PI_LOW 6.07710050650619224932e-11

/* sin and cos up to pi / 4 */
#define SIN_3 (-0.16666654943702314)
#define SIN_5 0.008332178146192077
#define SIN_7 (-0.0001951729898651074)
#define COS_2 (-0.4999999972510827)
#define COS_4 0.041666623324349596
#define COS_6 (-0.0013886763794484609)
#define COS_8 2.439045070929501e-05

/* cos and sin of 0 <= angle < 2^20 or so. */
static void cosine_sine(double angle, float *cosine, float *sine)
{
    i32 k = (i32)(angle / (HALF_PI_HIGH + HALF_PI_LOW) + 0.5);
    double r = (angle - (double)k * HALF_PI_HIGH) - (double)k * HALF_PI_LOW;
    double r2 = r * r;
    double c = 1.0 + r2 * (COS_2 + r2 * (COS_4 + r2 * (COS_6 + r2 * COS_8)));
    double s = r + r * r2 * (SIN_3 + r2 * (SIN_5 + r2 * SIN_7));

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

/* llama2.c rounds to a float after each of these; a product or quotient of two floats may be rounded to
 * 53 bits first without harm. */
void rope_frequencies(float *frequencies, i32 head_size)
{
    i32 i;

    fpu_double();
    for (i = 0; i < head_size / 2; i++) {
        double fraction = rounded((double)(2 * i) / (double)head_size);
        frequencies[i] = (float)(1.0 / rounded(base_power(fraction)));
    }
    fpu_single();
}

void rope_tables(float *cosine, float *sine, const float *frequencies, i32 steps, i32 half, float factor)
{
    i32 i, pos;

    fpu_double();
    for (pos = 0; pos < steps; pos++)
        for (i = 0; i < half; i++, cosine++, sine++) {
            cosine_sine(rounded((double)pos * (double)frequencies[i]), cosine, sine);
            if (factor != 1.0f) {
                *cosine *= factor;
                *sine *= factor;
            }
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
