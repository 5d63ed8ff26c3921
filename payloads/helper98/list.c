/* list.c - see list.h */
#include "list.h"

#include "crc32.h"
#include "job.h"
#include "slices.h"
#include "writer.h"

#define LARGEST (16u << 20)

static struct past *orphans;      /* what is there of earlier pushes and in no file of this one */
static struct past *gone;         /* deleted */
static struct past *directories;  /* that we made; their place is the whole path */
static struct past *saved;        /* .BAK files of this deployment */
static u32 there;                 /* the list was believed */

/* ---- memory in small pieces ---- */

static void *piece(u32 bytes)
{
    static u8 *at;
    static u32 left;
    u8 *found;

    bytes = (bytes + 7) & ~7u;
    if (bytes > left) {
        left = 65536;
        at = (u8 *)must_alloc(left);
    }
    found = at;
    at += bytes;
    left -= bytes;
    return found;
}

static struct past *add(struct past **list, const char *place)
{
    struct past *past = (struct past *)piece(sizeof *past);
    u32 size = text_length(place) + 1;
    char *copy = (char *)piece(size);

    memcpy(copy, place, size);
    past->place = copy;
    past->next = *list;
    *list = past;
    return past;
}

/* ---- reading ---- */

static const char *list_name(void)
{
    static char name[NAME_SIZE];
    char key[BASE_SIZE + 1];
    const char *c;
    u32 crc = 0;
    u32 i;

    for (c = manifest.to; *c; c++) {
        char folded = (char)fold(*c);
        crc = crc32(crc, &folded, 1);
    }
    key[0] = 'L';
    for (i = 1; i < BASE_SIZE - 1; i++, crc >>= 4)
        key[i] = (char)('A' + (crc & 15));
    key[i] = '\0';
    join_name(name, key, "LST");
    return name;
}

/* F sha length place, D path, B id place, G id place: each ends the line. */
static void take(char *line)
{
    char *word = line + 2;
    struct past *past;
    struct file *file;
    u8 sha[32];
    u32 length;

    if (*line == 'D') {
        add(&directories, word);
    } else if (*line == 'B' || *line == 'G') {
        if (memcmp(word, job.id, 8) == 0)
            add(*line == 'B' ? &saved : &gone, word + 9);
    } else if (*line == 'F') {
        word[64] = '\0';
        for (line = word + 65; *line != ' '; line++)
            ;
        *line = '\0';
        if (!text_hex(word, 'a', sha, 32) || !text_number(word + 65, &length))
            return;
        file = manifest_final(line + 1);
        if (!file && memcmp(line + 1, "AGENT98.", 8) == 0)
            return; /* an agent that came to stay goes when it is told to, never with a push */
        past = add(file ? &file->past : &orphans, line + 1);
        past->length = length;
        memcpy(past->sha, sha, sizeof sha);
    }
}

static int read_list(const char *name)
{
    u32 length, end, crc, i;
    char *text = (char *)read_file(name, LARGEST, &length);
    u8 sum[4];

    if (!text || length < 20)
        return 0;
    for (end = length - 2; end && text[end - 1] != '\n'; end--)
        ;
    text[length - 2] = '\0';
    crc = crc32(0, text, end);
    if (!text_hex(text + length - 10, 'A', sum, 4) ||
        crc != ((u32)sum[0] << 24 | (u32)sum[1] << 16 | (u32)sum[2] << 8 | sum[3]))
        return 0;
    for (i = 0; i < end; i++)
        if (text[i] == '\n') {
            text[i - 1] = '\0';
            take(text);
            text += i + 1;
            end -= i + 1;
            i = (u32)-1;
        }
    return 1;
}

void list_load(void)
{
    char half[NAME_SIZE];
    const char *name = list_name();

    memcpy(half, name, NAME_SIZE);
    memcpy(half + 9, "TMP", 4); /* a stop between deleting the old one and naming the new one */
    there = 1;
    if (read_list(name)) {
        sys_delete(half);
    } else if (read_list(half)) {
        sys_delete(name);
        sys_rename(half, name);
    } else {
        there = 0;
    }
}

int list_has(const struct file *file, u32 length, const u8 *sha)
{
    const struct past *past;

    for (past = file->past; past; past = past->next)
        if (past->length == length && (!sha || memcmp(past->sha, sha, sizeof past->sha) == 0))
            return 1;
    return 0;
}

/* ---- writing ---- */

static void put(const char *place, u32 length, const u8 *sha)
{
    writer_text("F ");
    writer_sha(sha);
    writer_text(" %u %s\r\n", length, place);
}

static void put_all(const struct past *past)
{
    for (; past; past = past->next)
        put(past->place, past->length, past->sha);
}

/* The whole list. A file that is not at its place yet has its old lines and its new one. */
static void write(void)
{
    const struct file *file;
    const struct past *past;

    writer_open(list_name());
    EACH_FILE(file)
    {
        if (file->kept.verdict != VERDICT_GOOD)
            put_all(file->past);
        if (file->kept.verdict != VERDICT_KEPT)
            put(file->place, file->length, file->sha);
    }
    put_all(orphans);
    for (past = directories; past; past = past->next)
        writer_text("D %s\r\n", past->place);
    for (past = saved; past; past = past->next)
        writer_text("B %s %s\r\n", job.id, past->place);
    for (past = gone; past; past = past->next)
        writer_text("G %s %s\r\n", job.id, past->place);
    must(writer_seal(), list_name());
}

void list_made(const char *path)
{
    add(&directories, path);
}

static int is_saved_name(const char *place)
{
    const struct past *past;
    struct sys_stamp stamp;

    for (past = saved; past; past = past->next)
        if (place_same(past->place, place))
            return 1;
    return sys_stat(path_of(place), &stamp) != SYS_MISSING;
}

/* SAVE.DAT is saved as SAVE.BAK, SAVE-2.BAK ...: the first that nobody has. */
static void choose_name(struct file *file)
{
    char place[LONGEST_PLACE + 20];
    u32 length = text_length(file->place);
    u32 base = length;
    u32 number, unit, used;

    while (base && file->place[base] != '.' && file->place[base] != SYS_SLASH)
        base--;
    if (file->place[base] != '.')
        base = length;
    memcpy(place, file->place, base);
    for (number = 1;; number++) {
        used = base;
        if (number > 1) {
            place[used++] = '-';
            for (unit = 100; unit; unit /= 10)
                if (number >= unit)
                    place[used++] = (char)('0' + number / unit % 10);
        }
        memcpy(place + used, ".BAK", 5);
        if (number > 999 || (!is_saved_name(place) && !manifest_final(place)))
            break;
    }
    file->saved = add(&saved, place)->place;
}

void list_begin(void)
{
    struct file *file;
    struct past **past;
    struct sys_stamp stamp;
    u32 news = 0;

    for (past = &saved; *past;) /* what was only planned when a run was stopped */
        if (sys_stat(path_of((*past)->place), &stamp) == SYS_OK)
            past = &(*past)->next;
        else
            *past = (*past)->next;
    EACH_FILE(file)
    {
        if (file->kept.verdict == VERDICT_SAVE)
            choose_name(file);
        if (file->kept.verdict != VERDICT_KEPT && !list_has(file, file->length, file->sha))
            news = 1;
    }
    if (news || saved)
        write();
}

/* Deletes what an earlier push brought, when it still is just that. 1 when it is gone. */
static int take_away(const struct past *past)
{
    const char *path = path_of(past->place);
    struct sys_stamp stamp;
    u8 sha[32];
    int status = sys_stat(path, &stamp);

    if (status == SYS_MISSING)
        return 1;
    if (!manifest.remove || status != SYS_OK || stamp.length != past->length ||
        !slice_sum(path, past->place, stamp.length, sha) || memcmp(sha, past->sha, sizeof sha) != 0)
        return 0;
    if (sys_delete(path) != SYS_OK)
        return 0; /* in use */
    say("%s is deleted\r\n", past->place);
    return 2;
}

void list_end(void)
{
    struct past **past;
    struct past *one;
    struct file *file;
    u32 news = !there;
    u32 turn;
    int how;

    for (turn = 0; turn < 2; turn++) /* twice, for a file that is there with two sums */
        for (past = &orphans; (one = *past) != 0;) {
            how = take_away(one);
            if (!how) {
                past = &one->next;
                continue;
            }
            *past = one->next;
            news = 1;
            if (how == 2) {
                one->next = gone;
                gone = one;
            }
        }
    for (turn = manifest.remove; turn;) { /* until none is empty: one may stand in another */
        turn = 0;
        for (past = &directories; (one = *past) != 0;)
            if (sys_rmdir(one->place) == SYS_OK) {
                *past = one->next;
                turn = news = 1;
            } else {
                past = &one->next;
            }
    }
    EACH_FILE(file)
        if (file->kept.verdict == VERDICT_GOOD &&
            (!file->past || file->past->next || !list_has(file, file->length, file->sha)))
            news = 1;
    if (news || gone || saved)
        write();
}

/* ---- the report ---- */

static void report(const char *key, const struct past *past)
{
    const char *c;
    int trail;

    for (; past; past = past->next) {
        if (past->next && place_same(past->next->place, past->place))
            continue; /* it is there with two sums */
        writer_text("%s=", key);
        for (c = past->place, trail = 0; *c; c++) {
            if (!trail && *c == SYS_SLASH) {
                writer_text("/");
            } else if (!trail && *c >= ' ' && *c < 0x7F && *c != '%') {
                writer_bytes(c, 1);
            } else {
                writer_text("%s%02X", "%", (u32)(u8)*c);
            }
            trail = !trail && sys_is_lead(*c);
        }
        writer_text("\r\n");
    }
}

void list_report(void)
{
    report("left", orphans);
    report("gone", gone);
    report("bak", saved);
}
