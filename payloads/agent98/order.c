/* order.c - see order.h */
#include "order.h"

static const struct {
    char name[8];
    u8 least, most; /* arguments */
} verbs[] = {
    {"", 0, 0},       {"GO", 3, 3},    {"RUN", 4, 4},  {"KILL", 1, 1}, {"LS", 1, 1},
    {"RM", 2, 2},     {"GET", 3, 3},   {"PUT", 1, 3},  {"SCREEN", 0, 0}, {"POWER", 1, 1},
    {"TIME", 1, 1},   {"KEYS", 1, 1},  {"UPGRADE", 2, 2}, {"FORGET", 0, 0}, {"INFO", 0, 0}, {"ASK", 0, 0},
    {"FEED", 2, 2},
};

int order_is_id(const char *text)
{
    u32 i;

    for (i = 0; i < ID_SIZE - 1; i++)
        if ((u32)text[i] - '0' > 9 && (fold(text[i]) - 'A') > 5)
            return 0;
    return !text[i];
}

int order_read(struct order *order, const char *line)
{
    char *rest = order->text;
    char *word;
    u32 verb;

    put(order->line, sizeof order->line, "%s", line);
    put(order->text, sizeof order->text, "%s", line);
    if (!text_same(next_word(&rest), "ORDER"))
        return 0;
    word = next_word(&rest);
    if (!order_is_id(word))
        return 0;
    put(order->id, sizeof order->id, "%s", word);
    word = next_word(&rest);
    order->verb = VERB_NONE;
    for (verb = 1; verb < sizeof verbs / sizeof *verbs; verb++)
        if (text_same(word, verbs[verb].name))
            order->verb = (enum verb)verb;
    for (order->count = 0; *rest && order->count < MOST_ARGS; order->count++) {
        word = next_word(&rest);
        if (!percent_decode(word))
            order->verb = VERB_NONE;
        order->arg[order->count] = word;
    }
    if (*rest || order->count < verbs[order->verb].least || order->count > verbs[order->verb].most)
        order->verb = VERB_NONE;
    for (verb = order->count; verb < MOST_ARGS; verb++)
        order->arg[verb] = rest;
    return 1;
}

void order_move(struct order *to, const struct order *from)
{
    u32 i;

    *to = *from;
    for (i = 0; i < MOST_ARGS; i++)
        to->arg[i] = to->text + (from->arg[i] - from->text);
}

int order_is_for_worker(enum verb verb)
{
    static const u32 are = 1u << VERB_GO | 1u << VERB_LS | 1u << VERB_RM | 1u << VERB_GET | 1u << VERB_PUT |
                           1u << VERB_SCREEN | 1u << VERB_TIME | 1u << VERB_KEYS | 1u << VERB_INFO;

    return are >> verb & 1;
}

int order_is_short(enum verb verb)
{
    static const u32 are_short = 1u << VERB_NONE | 1u << VERB_KILL | 1u << VERB_LS | 1u << VERB_RM | 1u << VERB_GET |
                                 1u << VERB_SCREEN | 1u << VERB_TIME | 1u << VERB_KEYS | 1u << VERB_INFO |
                                 1u << VERB_FEED;

    return are_short >> verb & 1;
}
