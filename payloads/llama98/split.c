/* split.c - where a text is cut into words before its pairs are merged: the rules of five families of tokenizers.
 *
 * Other programs give them as regular expressions. Here each is the loop that such an expression means:
 *   gpt-2     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)
 *   smollm    each \p{N} by itself, then gpt-2 between them
 *   default   runs of \p{P} and $+<=>^~|, then gpt-2, then runs of \p{N}, then three digits at a time
 *   llama-bpe 's|'t|... in both cases|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *   qwen2     the same with single \p{N} */
#include "vocabulary.h"

#define LNS (CLASS_LETTER | CLASS_NUMBER | CLASS_SPACE)
#define INSIDE 0x40u /* set for every point of the text: "there is a character" */
#define NOWHERE 0xFFFFFFFFu

/* The piece of a text that a rule looks at; it sees nothing outside. */
struct piece {
    const struct vocabulary *v;
    const u32 *points;
    u32 end;
};

static u32 point_at(const struct piece *p, u32 i)
{
    return i < p->end ? p->points[i] : NOWHERE;
}

static u32 class_at(const struct piece *p, u32 i)
{
    return i < p->end ? vocabulary_class(p->v, p->points[i]) | INSIDE : 0;
}

static int is_line_end(u32 point)
{
    return point == '\r' || point == '\n';
}

/* How long the ending of "it's", "we'll" is that stands at i; 0 for none. */
static u32 ending(const struct piece *p, u32 i, u32 lower)
{
    u32 a, b;

    if (point_at(p, i) != '\'' || i + 1 >= p->end)
        return 0;
    a = point_at(p, i + 1);
    b = point_at(p, i + 2);
    if (a < 128)
        a |= lower;
    if (b < 128)
        b |= lower;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return 0;
}

/* The end of the run from i on whose points have a bit of `any` and none of `none`. */
static u32 run(const struct piece *p, u32 i, u32 any, u32 none)
{
    u32 c = class_at(p, i);

    while ((c & any) && !(c & none))
        c = class_at(p, ++i);
    return i;
}

/* The blanks at i, but the last of them when something follows: it belongs to that. */
static u32 blanks(const struct piece *p, u32 i)
{
    u32 end = run(p, i, CLASS_SPACE, 0);

    if (end > i + 1 && end < p->end)
        return end - 1;
    return end > i ? end : i + 1;
}

/* The end of the word that begins at i. */
static u32 gpt2_word(const struct piece *p, u32 i)
{
    u32 n = ending(p, i, 0);
    u32 blank = point_at(p, i) == ' ';
    u32 c = class_at(p, i + blank);

    if (n)
        return i + n;
    if (c & CLASS_LETTER)
        return run(p, i + blank, CLASS_LETTER, 0);
    if (c & CLASS_NUMBER)
        return run(p, i + blank, CLASS_NUMBER, 0);
    if (c && !(c & LNS))
        return run(p, i + blank, INSIDE, LNS);
    return blanks(p, i);
}

static u32 llama3_word(const struct piece *p, u32 i, u32 digits)
{
    u32 n = ending(p, i, 0x20);
    u32 point = point_at(p, i);
    u32 c = class_at(p, i);
    u32 blank = point == ' ';
    u32 end;

    if (n)
        return i + n;
    if (!is_line_end(point) && !(c & CLASS_NUMBER) && ((c & CLASS_LETTER) || (class_at(p, i + 1) & CLASS_LETTER)))
        return run(p, i + 1, CLASS_LETTER, 0);
    if (c & CLASS_NUMBER) {
        end = run(p, i, CLASS_NUMBER, 0);
        return end - i > digits ? i + digits : end;
    }
    c = class_at(p, i + blank);
    if (c && !(c & LNS)) {
        end = run(p, i + blank, INSIDE, LNS);
        while (is_line_end(point_at(p, end)))
            end++;
        return end;
    }
    end = run(p, i, CLASS_SPACE, 0);
    for (n = end; n > i; n--)
        if (is_line_end(p->points[n - 1]))
            return n;
    return blanks(p, i);
}

/* A run of points that are `wanted`, or of points that are not. */
static u32 run_of(const struct piece *p, u32 i, int (*wanted)(const struct piece *p, u32 i))
{
    int first = wanted(p, i);

    for (i++; i < p->end && wanted(p, i) == first; i++)
        ;
    return i;
}

static int is_number(const struct piece *p, u32 i)
{
    return (class_at(p, i) & CLASS_NUMBER) != 0;
}

static int is_mark(const struct piece *p, u32 i)
{
    u32 point = point_at(p, i);

    return (class_at(p, i) & CLASS_PUNCTUATION) || point == '$' || point == '+' || (point >= '<' && point <= '>') ||
           point == '^' || point == '~' || point == '|';
}

static int is_digit(const struct piece *p, u32 i)
{
    u32 point = point_at(p, i);

    return point >= '0' && point <= '9';
}

static u32 numbers_or_not(const struct piece *p, u32 i)
{
    return run_of(p, i, is_number);
}

static u32 marks_or_not(const struct piece *p, u32 i)
{
    return run_of(p, i, is_mark);
}

static u32 number_or_not(const struct piece *p, u32 i)
{
    return is_number(p, i) ? i + 1 : run_of(p, i, is_number);
}

/* Three digits; or all up to the next three. */
static u32 digits_or_not(const struct piece *p, u32 i)
{
    u32 n;

    for (n = 0; n < 3 && is_digit(p, i + n); n++)
        ;
    if (n == 3)
        return i + 3;
    for (i++; i < p->end && !(is_digit(p, i) && is_digit(p, i + 1) && is_digit(p, i + 2)); i++)
        ;
    return i;
}

static u32 llama3_three(const struct piece *p, u32 i)
{
    return llama3_word(p, i, 3);
}

static u32 llama3_one(const struct piece *p, u32 i)
{
    return llama3_word(p, i, 1);
}

/* Cuts every piece that there is by one more rule. */
static void cut(const struct vocabulary *v, const u32 *points, u8 *ends, u32 count, u32 (*word)(const struct piece *p, u32 i))
{
    struct piece p;
    u32 i = 0;

    p.v = v;
    p.points = points;
    p.end = 0;
    while (i < count) {
        if (i >= p.end)
            for (p.end = i + 1; !ends[p.end]; p.end++)
                ;
        i = word(&p, i);
        if (i > p.end)
            i = p.end;
        ends[i] = 1;
    }
}

void split_words(const struct vocabulary *v, const u32 *points, u8 *ends, u32 count)
{
    memset(ends, 0, count + 1);
    ends[count] = 1;
    switch (v->rule) {
    case SPLIT_SMOLLM:
        cut(v, points, ends, count, number_or_not);
        cut(v, points, ends, count, gpt2_word);
        break;
    case SPLIT_QWEN2:
        cut(v, points, ends, count, llama3_one);
        break;
    case SPLIT_LLAMA3:
        cut(v, points, ends, count, llama3_three);
        break;
    case SPLIT_DEFAULT:
        cut(v, points, ends, count, marks_or_not);
        cut(v, points, ends, count, gpt2_word);
        cut(v, points, ends, count, numbers_or_not);
        cut(v, points, ends, count, digits_or_not);
        break;
    default:
        cut(v, points, ends, count, gpt2_word);
    }
}
