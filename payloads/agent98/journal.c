/* journal.c - see journal.h */
#include "journal.h"

static const char words_of[][6] = {"", "TAKEN", "DONE", "LOST"}; /* enum entry_state */

struct entry *journal_find(struct journal *journal, const char *id)
{
    u32 i;

    for (i = 0; i < JOURNAL_MOST; i++)
        if (journal->entry[i].state != ENTRY_FREE && text_same(journal->entry[i].id, id))
            return &journal->entry[i];
    return 0;
}

static struct entry *take(struct journal *journal, const char *id)
{
    struct entry *entry = journal_find(journal, id);
    u32 i;

    if (!entry) { /* what is in work stays, however many others come beside it */
        for (i = 1; i < JOURNAL_MOST && journal->entry[journal->next].state == ENTRY_TAKEN; i++)
            journal->next = (journal->next + 1) % JOURNAL_MOST;
        entry = &journal->entry[journal->next];
        journal->next = (journal->next + 1) % JOURNAL_MOST;
        put(entry->id, sizeof entry->id, "%s", id);
        entry->state = ENTRY_FREE;
    }
    return entry;
}

void journal_line(struct journal *journal, char *line)
{
    struct entry *entry;
    char *id = next_word(&line);
    char *what = next_word(&line);
    u32 state = ENTRY_LOST;

    if (!order_is_id(id))
        return;
    while (state && !text_same(what, words_of[state]))
        state--;
    if (state) {
        entry = take(journal, id);
        entry->state = (enum entry_state)state;
        entry->told = 0;
        put(entry->answer, sizeof entry->answer, "%s", line);
    } else if (text_same(what, "TOLD")) {
        entry = journal_find(journal, id);
        if (entry && entry->state != ENTRY_TAKEN)
            entry->told = 1;
    }
}

u32 journal_read(struct journal *journal, char *bytes, u32 length)
{
    u32 start = 0;
    u32 i;

    for (i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            bytes[i] = '\0';
            if (i > start && bytes[i - 1] == '\r')
                bytes[i - 1] = '\0';
            if (i - start < JOURNAL_LINE)
                journal_line(journal, bytes + start);
            start = i + 1;
        } else if (!bytes[i]) {
            bytes[i] = ' '; /* rubbish from a disk that lost its power */
        }
    }
    return start;
}

u32 journal_say(const struct entry *entry, char line[JOURNAL_LINE])
{
    if (entry->state == ENTRY_FREE)
        return 0;
    return put(line, JOURNAL_LINE, *entry->answer ? "%s %s %s\r\n" : "%s %s\r\n", entry->id, words_of[entry->state],
               entry->answer);
}
