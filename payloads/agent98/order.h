/* order.h - an order of the host: "ORDER id verb args...". No I/O. */
#ifndef AGENT_ORDER_H
#define AGENT_ORDER_H

#include "words.h"

#define ID_SIZE 9u /* eight hexadecimal digits and the NUL */
#define ORDER_SIZE 484u
#define ANSWER_SIZE 224u /* of the text that answers one */
#define MOST_ARGS 4u

enum verb {
    VERB_NONE, /* one that this agent does not know */
    VERB_GO,
    VERB_RUN,
    VERB_KILL,
    VERB_LS,
    VERB_RM,
    VERB_GET,
    VERB_PUT,
    VERB_SCREEN,
    VERB_POWER,
    VERB_TIME,
    VERB_KEYS,
    VERB_UPGRADE,
    VERB_FORGET,
    VERB_INFO,
    VERB_ASK, /* what came of the order with this id? */
    VERB_FEED /* bytes for a program that another order has started */
};

struct order {
    enum verb verb;
    char id[ID_SIZE];
    u32 count;
    char *arg[MOST_ARGS]; /* decoded; empty texts where there are fewer */
    char text[ORDER_SIZE]; /* where they stand */
    char line[ORDER_SIZE]; /* the order as it came */
};

/* Whether a text is an order's id. */
int order_is_id(const char *text);

/* Reads what stands after "200 " in the answer to SITE WAIT. 1: an order with an id that can be answered (of
 * an unknown verb, or with arguments that cannot be read: VERB_NONE). 0: none. */
int order_read(struct order *order, const char *line);

/* Copies an order; its words stand in the copy. */
void order_move(struct order *to, const struct order *from);

/* Whether it is the worker that does it; see work.h. */
int order_is_for_worker(enum verb verb);

/* Whether it may be done while another one is in work. */
int order_is_short(enum verb verb);

#endif
