/* gather.c - see gather.h
 *
 * The host asks (D7F3A21C.ASK, made anew for every round), this PC answers with one list and with parts.
 * The sums are made first, when the list is; a part is bytes of files with their numbers in the list, its
 * own CRC-32 at its end. Nothing but the list is kept between two rounds, and only whole: a stop at any
 * point costs the round.
 *
 * Over a serial line, where a person sends each file by hand, all of a round is one file: PULL.DAT. */
#include "gather.h"

#include "../helper98/crc32.h"
#include "../helper98/job.h"
#include "../helper98/writer.h"
#include "find.h"
#include "sha256.h"

#define MOST_PARTS_A_ROUND 16u
#define MOST_PARTS_IN_ONE 4096u /* in PULL.DAT */
#define MOST_SPANS 2048u
#define MOST_SKIPPED 80u
#define MOST_TRIES 3u /* times that a file is summed before it is said to keep changing */
#define LARGEST_LIST (32u << 20)
#define LONGEST_PATH 320u
#define LONGEST_RECORD 1400

/* want=FIRST LAST FROM TO: these files of the list, of a single one the bytes from FROM up to TO;
 * it is to be summed again where there are none. */
struct span {
    u32 first, last, from, to;
};

static struct {
    u32 part, list;        /* bytes of a part, 0: give up; the CRC-32 of the list that the host has, 0: none */
    u32 spans, skips;
    const char *host;      /* empty: over a serial line */
    const char *login;     /* and the password after it */
    const char *from;      /* what is gathered */
    struct span span[MOST_SPANS];
    const char *skip[MOST_SKIPPED];
} ask;

static struct {
    char *text, *end; /* the records, up to the seal */
    u32 crc;
    u8 *again;        /* by number: is to be summed anew */
    u32 agains;
} list;

static const char pull_dat[] = "PULL.DAT";
static char list_name[NAME_SIZE];
static char path[LONGEST_PATH]; /* of what is looked at: what was asked for, then 8.3 names */
static u32 root;                /* how much of it stands before the relative path */
static u32 summed, shown;       /* KB; ticks when that was shown */

/* ---- sealed texts ---- */

static u32 hex32(const char *text)
{
    u8 bytes[4] = {0, 0, 0, 0};

    (void)text_hex(text, 'A', bytes, sizeof bytes);
    return (u32)bytes[0] << 24 | (u32)bytes[1] << 16 | (u32)bytes[2] << 8 | bytes[3];
}

/* Whether the last line seals what stands before it: end=<lines> <CRC-32>. That line is cut off. */
static int unseal(char *text, u32 *length, u32 *crc)
{
    u32 end = *length, i;

    if (end < 16 || text[end - 1] != '\n')
        return 0;
    for (i = end - 2; i && text[i - 1] != '\n'; i--)
        ;
    text[end - 2] = '\0';
    if (memcmp(text + i, "end=", 4) != 0)
        return 0;
    *crc = hex32(text + end - 10);
    text[i] = '\0';
    *length = i;
    return *crc == crc32(0, (u8 *)text, i);
}

/* Cuts the line at `*at` off; what stands in it after its key. `*at` goes to the next line. */
static char *next_value(char **at)
{
    char *value = *at;

    while (*value && *value++ != '=')
        ;
    for (*at = value; (u8)**at >= ' '; ++*at)
        ;
    if (**at) {
        **at = '\0';
        *at += 2;
    }
    return value;
}

/* Cuts the next field off at a blank. */
static char *field(char **at)
{
    char *start = *at;

    while (**at && **at != ' ')
        ++*at;
    if (**at)
        *(*at)++ = '\0';
    return start;
}

static u32 number(char **at)
{
    u32 value = 0;

    text_number(field(at), &value);
    return value;
}

static char *load_sealed(const char *name, u32 *length, u32 *crc)
{
    char *text = (char *)read_file(name, LARGEST_LIST, length);

    return text && unseal(text, length, crc) ? text : 0;
}

/* ---- what the host asks for ---- */

static void load_ask(const char *name)
{
    char *value;
    u32 length, crc, i;
    char *at = load_sealed(name, &length, &crc);
    struct span *span;

    if (!at)
        fail(CODE_MANIFEST, "%s is missing or damaged", name);
    ask.host = next_value(&at);
    ask.login = next_value(&at);
    ask.from = next_value(&at);
    value = next_value(&at);
    ask.part = number(&value);
    root = number(&value);
    ask.list = hex32(next_value(&at));
    while (*at == 's' && ask.skips < MOST_SKIPPED)
        ask.skip[ask.skips++] = next_value(&at);
    while (*at && ask.spans < MOST_SPANS) {
        span = ask.span + ask.spans++;
        value = next_value(&at);
        for (i = 0; i < sizeof *span / sizeof(u32); i++)
            (&span->first)[i] = number(&value);
    }
}

/* ---- the list ---- */

/* A path as lists have it: / between names, %XX for what is not plain ASCII, and for the second byte of a
 * letter, which may be that of a backslash. */
static void put_path(const char *name)
{
    int trail = 0;

    for (; *name; name++) {
        if (*name == SYS_SLASH && !trail)
            writer_bytes("/", 1);
        else if (trail || *name <= ' ' || *name > '~' || *name == '%' || *name == '/')
            writer_text("%s%02X", "%", (u32)(u8)*name);
        else
            writer_bytes(name, 1);
        trail = !trail && sys_is_lead(*name);
    }
}

/* The first path of these, for opening, after what was asked for. */
static void take_path(const char *record)
{
    u32 at = root;
    u8 byte;
    char two[3];

    two[2] = '\0';
    for (; *record > ' '; record++) {
        path[at] = *record == '/' ? SYS_SLASH : *record;
        if (*record == '%' && record[1] && record[2]) {
            memcpy(two, record + 1, 2);
            if (text_hex(two, 'A', &byte, 1))
                path[at] = (char)byte;
            record += 2;
        }
        at++;
    }
    path[at] = '\0';
}

/* How a file stands now. */
struct standing {
    struct sys_found found;
    u32 there;
};

static void keep_found(void *context, const struct sys_found *found)
{
    struct standing *now = (struct standing *)context;

    now->found = *found;
    now->there = !(found->attributes & SYS_FOLDER);
}

static void look(struct standing *now)
{
    memset(now, 0, sizeof *now);
    sys_find(path, keep_found, now);
}

static int same_now(u32 length, u32 date)
{
    struct standing now;

    look(&now);
    return now.there && !now.found.large && now.found.length == length && now.found.date == date;
}

/* Reads the file at `path` through. 1 when it had so many bytes. */
static int sum(u32 length, u8 sha[32])
{
    struct sha256 whole;
    sys_file file;
    u32 got = 0, done = 0;

    if (sys_open(&file, path, SYS_READ) != SYS_OK)
        return 0;
    sha256_init(&whole);
    while (done < length && sys_read(file, buffer, BUFFER_SIZE, &got) == SYS_OK && got) {
        sha256_update(&whole, buffer, got);
        done += got;
        summed += got >> 10;
        if (sys_ticks() - shown >= 1000) {
            shown = sys_ticks();
            say("%u KB are summed\r", summed);
        }
    }
    sys_close(file);
    sha256_out(&whole, sha);
    return done == length;
}

/* The beginning of the record of the file at `path`, up to its paths; it is summed, again when it
 * changes meanwhile. Where it cannot be, a word stands in the place of its sum. */
static void put_file(u32 tries)
{
    static const char *const words[] = {"unreadable", "changing"};
    struct standing now;
    u8 sha[32];
    const char *word = "gone";
    int read, same = 0;

    while (!same) {
        look(&now);
        if (!now.there)
            break;
        word = "large";
        if (now.found.large)
            break;
        word = words[tries >= MOST_TRIES];
        if (tries++ >= MOST_TRIES)
            break;
        read = sum(now.found.length, sha);
        same = same_now(now.found.length, now.found.date);
        if (read && same)
            word = 0; /* else another program has it, or the disk is bad */
    }
    writer_text("file=%u ", now.found.length);
    if (word)
        writer_text("%s", word);
    else
        writer_sha(sha);
    writer_text(" %X %08X %u ", now.found.attributes, now.found.date, tries);
}

/* Puts a name into a path at `at`; where it ends. Windows itself has no path longer than 260. */
static u32 append(char *to, u32 at, const char *name)
{
    while (*name && at < LONGEST_PATH - 6)
        to[at++] = *name++;
    to[at] = '\0';
    must(*name ? SYS_ERROR : SYS_OK, to);
    return at;
}

static char long_path[LONGEST_PATH];
static u32 long_length;

static void walk(u32 at);

/* What GO.BAT and the helper keep in their own directory is nobody's: the host names it. */
static int is_ours(void)
{
    u32 i;

    for (i = 0; i < ask.skips; i++)
        if (text_same(path + root, ask.skip[i]))
            return 1;
    return 0;
}

/* The rest of a record: the paths. */
static void put_paths(const char *name)
{
    put_path(path + root);
    writer_text(" ");
    put_path(name);
    writer_text("\r\n");
}

static void each_found(void *context, const struct sys_found *found)
{
    u32 at = *(u32 *)context; /* where the name goes in `path` */
    u32 before = long_length;

    at = append(path, at, found->alias);
    long_length = append(long_path, long_length, found->name);
    if (found->attributes & SYS_FOLDER) {
        writer_text("folder=%X %08X ", found->attributes, found->date);
        put_paths(long_path);
        long_path[long_length++] = SYS_SLASH;
        path[at++] = SYS_SLASH;
        walk(at);
    } else if (!is_ours()) {
        put_file(0);
        put_paths(long_path);
    }
    long_length = before;
}

/* All of the folder whose path ends at `at`. */
static void walk(u32 at)
{
    memcpy(path + at, "*.*", 4);
    must(sys_find(path, each_found, &at), path);
}

static void begin_list(void)
{
    u32 ansi, oem;

    sys_code_pages(&ansi, &oem);
    writer_open(list_name);
    writer_text("deployment=%s\r\nfrom=%s\r\ncodepage=%u %u\r\n", job.id, ask.from, ansi, oem);
}

static void commit_list(void)
{
    list.crc = writer_crc();
    must(writer_seal(), list_name);
}

static void make_list(void)
{
    begin_list();
    must(sys_find(ask.from, each_found, &root), ask.from);
    commit_list();
}

#define IS_FILE(record) ((record)[1] == 'i') /* file= or folder= */

/* Takes the list that is here, if it is of this pull. */
static int take_list(void)
{
    char *at;
    u32 length;

    list.text = load_sealed(list_name, &length, &list.crc);
    if (!list.text)
        return 0;
    list.end = list.text + length;
    at = list.text;
    next_value(&at); /* of which deployment, which its name has said, and from where */
    next_value(&at);
    if (*at == 'c') /* an older GATHER98 did not write its code pages */
        next_value(&at);
    list.text = at;
    list.again = (u8 *)must_alloc(length); /* a record is longer than one byte */
    return 1;
}

/* The list once more, with the files in it that are to be summed again. */
static void mend_list(void)
{
    char *at = list.text;
    char *line, *value;
    u32 i = 0, tries, had_sum;

    begin_list();
    while (at < list.end) {
        line = at;
        while (*at++ != '\n')
            ;
        if (!IS_FILE(line) || !list.again[++i]) {
            writer_bytes(line, (u32)(at - line));
            continue;
        }
        value = next_value(&line);
        field(&value);
        had_sum = text_length(field(&value)) == 64; /* else the host asks for another try */
        field(&value);
        field(&value);
        tries = number(&value);
        if (!had_sum)
            tries = 0;
        take_path(value);
        put_file(tries);
        writer_bytes(value, text_length(value));
        writer_text("\r\n");
    }
    commit_list();
}

/* ---- parts ---- */

static struct {
    sys_file file;
    u32 open;      /* a part is: it has no end yet */
    u32 crc, size; /* of all its bytes so far */
    u32 count, most;
    u32 ended;     /* there was no room for all that is wanted */
    char name[NAME_SIZE];
} cut;

static int in_one_file(void)
{
    return !*ask.host;
}

static const char *part_of_pull(u32 i)
{
    join_name(cut.name, job.id, "PAA");
    cut.name[BASE_SIZE - 1 + 3] = (char)('A' + i);
    return cut.name;
}

static void cut_bytes(const void *bytes, u32 count)
{
    must(sys_write(cut.file, bytes, count), cut.name);
    cut.crc = crc32(cut.crc, (const u8 *)bytes, count);
    cut.size += count;
}

static void cut_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void cut_text(const char *format, ...)
{
    char text[80];
    va_list arguments;

    va_start(arguments, format);
    cut_bytes(text, text_format(text, sizeof text, format, arguments));
    va_end(arguments);
}

static void close_cut(void)
{
    must(sys_close(cut.file), cut.name);
    cut.file = SYS_NO_FILE;
}

static void end_part(void)
{
    if (!cut.open)
        return;
    cut_text("end=%08X\r\n", cut.crc);
    cut.open = 0;
    if (!in_one_file())
        close_cut();
}

/* Sees to a part with room in it. 0 when this round has its number of them. */
static int part_with_room(void)
{
    if (cut.open && cut.size < ask.part)
        return 1;
    end_part();
    if (cut.count == cut.most) {
        cut.ended = 1;
        return 0;
    }
    cut.crc = cut.size = 0;
    if (!in_one_file())
        must(sys_open(&cut.file, part_of_pull(cut.count), SYS_CREATE), cut.name);
    cut.count++;
    cut.open = 1;
    cut_text("part=%s %08X\r\n", job.id, list.crc);
    return 1;
}

/* Copies bytes of the file at `path` into parts, as many as this round has room for. 0 when it has not
 * these bytes. */
static int copy(u32 index, u32 from, u32 to)
{
    sys_file file;
    u32 left, want, got;
    int good = sys_open(&file, path, SYS_READ) == SYS_OK && sys_seek(file, from) == SYS_OK;

    while (from < to && part_with_room()) {
        left = to - from < ask.part - cut.size ? to - from : ask.part - cut.size;
        cut_text("file=%u %u %u\r\n", index, from, left);
        from += left;
        for (; left; left -= want) {
            want = left < BUFFER_SIZE ? left : BUFFER_SIZE;
            if (sys_read(file, buffer, want, &got) != SYS_OK || got != want)
                good = 0; /* other bytes fill its place, and the host will see by the sum */
            cut_bytes(buffer, want);
        }
    }
    sys_close(file);
    return good;
}

static void room_for_parts(void)
{
    u64 bytes;
    int at_least;
    u32 most, cluster;

    cut.most = in_one_file() ? MOST_PARTS_IN_ONE : MOST_PARTS_A_ROUND;
    if (sys_disk_free(&bytes, &cluster, &at_least) != SYS_OK || at_least)
        return;
    most = (u32)(bytes >> 10); /* KB */
    if (in_one_file())
        most = most > 128 ? (most - 128) / ((ask.part >> 10) + 1) : 0;
    else
        most /= (ask.part >> 10) + 64;
    if (!most)
        must(SYS_FULL, in_one_file() ? pull_dat : next_ftp);
    if (most < cut.most)
        cut.most = most;
}

/* Whether no file before this one has this sum, which stands in the list. */
static int is_first(const char *sum)
{
    static const char **known;
    u32 slots = (u32)(list.end - list.text) / 64 + 1; /* a record is longer */
    u32 slot = hex32(sum) % slots;

    if (!known)
        known = (const char **)must_alloc(slots * sizeof *known);
    for (; known[slot]; slot = (slot + 1) % slots)
        if (memcmp(known[slot], sum, 64) == 0)
            return 0;
    known[slot] = sum;
    return 1;
}

/* Cuts what the host wants, in the order of the list, until the round is full. Where it knows no list it
 * wants all: each content once, and no file that could not be summed. */
static void cut_parts(void)
{
    static char record[LONGEST_RECORD];
    const char *at = list.text;
    const char *line;
    char *value;
    const struct span *span = ask.span;
    u32 i, length, date, from, to;
    const char *sum;
    int wanted;

    room_for_parts();
    for (i = 0; at < list.end && span < ask.span + ask.spans;) {
        line = at;
        while (*at++ != '\n')
            ;
        if (!IS_FILE(line) || ++i < span->first)
            continue;
        memcpy(record, line, (u32)(at - line)); /* it is needed whole when the list is mended */
        record[at - line - 2] = '\0';
        value = record + 5;
        length = number(&value);
        sum = field(&value);
        field(&value);
        date = hex32(field(&value));
        field(&value);
        take_path(value);
        from = 0;
        to = length;
        wanted = 1;
        if (span->first == span->last) {
            from = span->from;
            to = span->to;
        } else if (!ask.list) {
            wanted = length && text_length(sum) == 64 && is_first(line + (sum - record));
        }
        if (wanted && (from >= to || to > length || !same_now(length, date) || !copy(i, from, to))) {
            list.again[i] = 1;
            list.agains++;
        }
        if (cut.ended)
            break;
        if (span->last == i)
            span++;
    }
    end_part();
}

/* ---- the round ---- */

static void write_script(int with_list)
{
    u32 i;

    writer_open(next_ftp);
    writer_text("open %s\r\nuser %s\r\nbinary\r\n", ask.host, ask.login);
    for (i = 0; i < cut.count; i++)
        writer_text("put %s\r\n", part_of_pull(i));
    if (with_list)
        writer_text("put %s\r\n", list_name);
    writer_text("bye\r\n");
    must(writer_commit(), next_ftp);
}

/* Adds a file to PULL.DAT. */
static void add(const char *name)
{
    sys_file file;
    u32 got;

    must(sys_open(&file, name, SYS_READ), name);
    do {
        must(sys_read(file, buffer, BUFFER_SIZE, &got), name);
        must(sys_write(cut.file, buffer, got), cut.name);
    } while (got);
    sys_close(file);
}

/* A round of a serial line: the list where the host lacks it, what it wants, the list again where a file
 * has changed; and `gather_end` adds the report when that is all. The numbers that the host asks by are
 * those of its own list. */
static int gather_in_one(void)
{
    int all;

    memcpy(cut.name, pull_dat, sizeof pull_dat);
    must(sys_open(&cut.file, pull_dat, SYS_CREATE), pull_dat);
    all = ask.list == list.crc;
    if (!all) {
        add(list_name);
        all = !ask.list && ask.spans;
    }
    if (all && ask.spans)
        cut_parts();
    if (list.agains) {
        mend_list();
        add(list_name);
    }
    return all && !cut.ended && !list.agains ? CODE_DONE : CODE_FETCH;
}

void gather_end(int code)
{
    if (cut.file == SYS_NO_FILE)
        return;
    if (code == CODE_DONE)
        add(result_txt);
    close_cut();
}

void gather_lines(void)
{
    if (list.crc)
        writer_text("gathered=%08X\r\n", list.crc);
}

int gather(const char *name)
{
    u32 i;

    join_name(list_name, job.id, "LST");
    must_delete(next_ftp);
    load_ask(name);
    if (!ask.part)
        fail(CODE_GAVE_UP, "nothing arrives at the host");
    memcpy(path, ask.from, text_length(ask.from) + 1);
    while (!take_list())
        make_list();
    cut.file = SYS_NO_FILE;
    if (in_one_file())
        return gather_in_one();
    if (ask.list != list.crc) {
        write_script(1);
        return CODE_FETCH;
    }
    if (!ask.spans) {
        for (i = 0; i < MOST_PARTS_A_ROUND; i++)
            sys_delete(part_of_pull(i));
        return CODE_DONE;
    }
    cut_parts();
    if (list.agains)
        mend_list();
    write_script(list.agains != 0);
    return CODE_FETCH;
}
