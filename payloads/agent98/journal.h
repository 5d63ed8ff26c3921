/* journal.h - which orders were taken and what came of them: each at most once. No I/O.
 *
 * The file is lines, each of which is added whole and flushed before the agent goes on:
 *     id TAKEN
 *     id DONE OK|NO number text     (text percent-encoded, perhaps empty)
 *     id LOST                       taken, and the power went off; never done again
 *     id TOLD                       the host has confirmed the answer
 * A line that is cut at the end of the file was not written. */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include "order.h"

#define JOURNAL_MOST 64u
#define JOURNAL_LINE (ID_SIZE + ANSWER_SIZE + 8u)

enum entry_state { ENTRY_FREE, ENTRY_TAKEN, ENTRY_DONE, ENTRY_LOST };

struct entry {
    enum entry_state state;
    int told;
    char id[ID_SIZE];
    char answer[ANSWER_SIZE]; /* "OK 0 text", as it is said to the host */
};

struct journal {
    struct entry entry[JOURNAL_MOST]; /* a ring, the oldest at `next` */
    u32 next;
};

/* The entry of an order, NULL when there is none. */
struct entry *journal_find(struct journal *journal, const char *id);

/* Carries out one line of the file (without its end). A line that is none of the above is passed over. */
void journal_line(struct journal *journal, char *line);

/* Carries out all whole lines among `length` bytes, which are changed; returns how many bytes these lines are. */
u32 journal_read(struct journal *journal, char *bytes, u32 length);

/* The line that stands for the state of an entry, with CR LF. Its length. */
u32 journal_say(const struct entry *entry, char line[JOURNAL_LINE]);

#endif
