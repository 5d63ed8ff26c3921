/* keep.c - the agent's own files: whole or not at all, and never an answer without its line in the journal. */
#include "agent.h"

#define JOURNAL_LONGEST 24576u /* bytes of the file; then it is written anew, with what still counts */

const char journal_name[] = "AGENT98.JRN";
static const char journal_new[] = "AGENT98.JRT";

int keep_file(const char *name, const void *bytes, u32 count)
{
    char path[PATH_SIZE], temporary[PATH_SIZE];
    sys_file file;
    int status;

    keep_path(path, name);
    keep_path(temporary, "AGENT98.TMP");
    status = sys_open(&file, temporary, SYS_CREATE);
    if (status != SYS_OK)
        return status;
    status = sys_write(file, bytes, count);
    if (status == SYS_OK)
        status = sys_flush(file);
    sys_close(file);
    if (status == SYS_OK) {
        sys_delete(path);
        status = sys_rename(temporary, path);
    }
    if (status != SYS_OK)
        sys_delete(temporary);
    return status;
}

/* Puts bytes after the whole lines of the journal, and cuts off what was left of a broken one. */
static int append(const char *bytes, u32 count)
{
    char path[PATH_SIZE];
    sys_file file;
    int status;

    keep_path(path, journal_name);
    status = sys_open(&file, path, SYS_UPDATE);
    if (status == SYS_MISSING) {
        agent.journal_length = 0;
        status = sys_open(&file, path, SYS_CREATE);
    }
    if (status != SYS_OK)
        return 0;
    status = sys_seek(file, agent.journal_length);
    if (status == SYS_OK)
        status = sys_cut(file);
    if (status == SYS_OK)
        status = sys_write(file, bytes, count);
    if (status == SYS_OK)
        status = sys_flush(file);
    sys_close(file);
    if (status == SYS_OK)
        agent.journal_length += count;
    return status == SYS_OK;
}

/* Writes the journal anew when it has become long. */
static void shorten(void)
{
    static char text[JOURNAL_MOST * (JOURNAL_LINE + ID_SIZE + 8)];
    char path[PATH_SIZE], old[PATH_SIZE];
    sys_file file;
    u32 used = 0;
    u32 i;
    int status;

    for (i = 0; i < JOURNAL_MOST; i++) {
        const struct entry *entry = &agent.journal.entry[(agent.journal.next + i) % JOURNAL_MOST];
        used += journal_say(entry, text + used);
        if (entry->told && entry->state != ENTRY_FREE)
            used += put(text + used, JOURNAL_LINE, "%s TOLD\r\n", entry->id);
    }
    keep_path(path, journal_new);
    keep_path(old, journal_name);
    if (sys_open(&file, path, SYS_CREATE) != SYS_OK)
        return;
    status = sys_write(file, text, used);
    if (status == SYS_OK)
        status = sys_flush(file);
    sys_close(file);
    if (status != SYS_OK) {
        sys_delete(path);
        return;
    }
    sys_delete(old);
    if (sys_rename(path, old) == SYS_OK)
        agent.journal_length = used;
}

int keep_note(const char *id, enum entry_state state, const char *answer)
{
    char line[JOURNAL_LINE];
    struct entry entry;
    u32 length;
    int kept;

    memset(&entry, 0, sizeof entry);
    entry.state = state;
    put(entry.id, sizeof entry.id, "%s", id);
    put(entry.answer, sizeof entry.answer, "%s", answer);
    length = journal_say(&entry, line);
    kept = append(line, length);
    if (!kept && state == ENTRY_TAKEN)
        return 0;
    journal_read(&agent.journal, line, length);
    return kept;
}

void keep_told(struct entry *entry)
{
    char line[JOURNAL_LINE];

    entry->told = 1;
    append(line, put(line, sizeof line, "%s TOLD\r\n", entry->id));
    if (agent.journal_length > JOURNAL_LONGEST)
        shorten();
}

void keep_load(const char *in_work)
{
    static char bytes[JOURNAL_LONGEST + 4096];
    char path[PATH_SIZE], other[PATH_SIZE];
    sys_file file;
    u32 got = 0;
    u32 i;

    memset(&agent.journal, 0, sizeof agent.journal);
    keep_path(path, journal_name);
    keep_path(other, journal_new);
    if (sys_rename(other, path) == SYS_EXISTS) /* the power went between its two last steps, or before */
        sys_delete(other);
    if (sys_open(&file, path, SYS_READ) != SYS_OK)
        return;
    sys_read(file, bytes, sizeof bytes, &got);
    sys_close(file);
    agent.journal_length = journal_read(&agent.journal, bytes, got);
    for (i = 0; i < JOURNAL_MOST; i++) {
        struct entry *entry = &agent.journal.entry[i];
        if (entry->state == ENTRY_TAKEN && !text_same(entry->id, in_work))
            keep_note(entry->id, ENTRY_LOST, "");
    }
}
