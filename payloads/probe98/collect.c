/* collect.c - see probe.h
 *
 * A run has a folder for each probe, P001 and so on. In it are MARK.ARM or MARK.RAN with the probe's name,
 * OUT with what it printed, and T, the folder that it worked in. Of each file the first bytes come along,
 * as long as the whole does not get too long. */
#include "../helper98/info.h"
#include "../helper98/writer.h"
#include "find.h"
#include "probe.h"
#include "sha256.h"
#include "text.h"

#define LONGEST_PATH 300u
#define SLOT_LENGTH 4u      /* P001 */
#define MOST_KEPT 4096u     /* bytes of a file that come along */
#define MOST_IN_ALL 600000u /* bytes of files that come along in all: OUTPUT.TXT ends at 1 MB */
#define MOST_SLOTS 999u
#define MOST_NAME 60u

static u8 bytes[16384];
static u32 kept; /* bytes that came along so far */
static char path[LONGEST_PATH];
static u32 inside; /* where in `path` the name below T begins */

static u32 append(u32 at, const char *text)
{
    while (*text && at < LONGEST_PATH - 6)
        path[at++] = *text++;
    path[at] = '\0';
    return at;
}

static void put_quoted(const u8 *from, u32 count)
{
    for (; count; count--, from++)
        if (*from <= ' ' || *from > '~' || *from == '%')
            writer_text("%s%02X", "%", (u32)*from);
        else
            writer_bytes(from, 1);
}

/* The length of the file at `path`, its SHA-256 where it is wanted, and its first bytes. What cannot be
 * opened is empty. */
static void put_file(int summed)
{
    struct sha256 sum;
    u8 digest[32];
    static u8 first[MOST_KEPT];
    sys_file file;
    u32 got, length = 0, have = 0, i;

    sha256_init(&sum);
    if (sys_open(&file, path, SYS_READ) == SYS_OK) {
        while (sys_read(file, bytes, sizeof bytes, &got) == SYS_OK && got) {
            sha256_update(&sum, bytes, got);
            for (i = 0; i < got && have < MOST_KEPT && kept < MOST_IN_ALL; i++, kept++)
                first[have++] = bytes[i];
            length += got;
        }
        sys_close(file);
    }
    writer_text("%u ", length);
    if (summed) {
        sha256_out(&sum, digest);
        for (i = 0; i < sizeof digest; i++)
            writer_text("%02x", (u32)digest[i]);
        writer_text(" ");
    }
    put_quoted(first, have);
    writer_text("\r\n");
}

/* ---- what T holds: all folders first, then all files ---- */

struct walk {
    u32 at; /* where the name of an entry goes in `path` */
    int folders;
};

static void each_found(void *context, const struct sys_found *found);

static void walk(u32 at, int folders)
{
    struct walk level;
    char pattern[LONGEST_PATH]; /* `path` changes while this one is in use */

    level.at = at;
    level.folders = folders;
    append(at, "*.*");
    memcpy(pattern, path, sizeof pattern);
    sys_find(pattern, each_found, &level);
}

static void each_found(void *context, const struct sys_found *found)
{
    const struct walk *level = (const struct walk *)context;
    u32 end = append(level->at, found->name);

    if (found->attributes & SYS_FOLDER) {
        if (level->folders) {
            writer_text("folder=");
            put_quoted((const u8 *)path + inside, end - inside);
            writer_text("\r\n");
        }
        path[end++] = SYS_SLASH;
        path[end] = '\0';
        walk(end, level->folders);
    } else if (!level->folders) {
        writer_text("file=");
        put_quoted((const u8 *)path + inside, end - inside);
        writer_text(" ");
        put_file(1);
    }
}

/* ---- one probe ---- */

/* The first line of the file at `path`; 0 where there is no such file. */
static int first_line(char name[MOST_NAME])
{
    sys_file file;
    u32 got = 0, i;

    if (sys_open(&file, path, SYS_READ) != SYS_OK)
        return 0;
    sys_read(file, name, MOST_NAME - 1, &got);
    sys_close(file);
    for (i = 0; i < got && name[i] > ' '; i++)
        ;
    name[i] = '\0';
    return 1;
}

/* The probe whose folder's path ends at `at`; nothing when it was never armed. A mark that a power cut
 * left empty has no name: then nobody knows which probe it was. */
static void put_probe(u32 at)
{
    char name[MOST_NAME];
    const char *end = "ran";
    u32 start = at - SLOT_LENGTH;

    append(at, SYS_SLASH == '\\' ? "\\MARK.RAN" : "/MARK.RAN");
    if (!first_line(name)) {
        end = "stopped";
        append(at + 1, "MARK.ARM");
        if (!first_line(name))
            return;
    }
    if (!*name)
        return;
    path[at] = '\0';
    writer_text("probe=%s %s %s\r\nprinted=", path + start, end, name);
    path[at] = SYS_SLASH;
    append(at + 1, "OUT");
    put_file(0);
    inside = append(at + 1, "T");
    path[inside++] = SYS_SLASH;
    walk(inside, 1);
    walk(inside, 0);
}

/* The directory that this program lies in. */
static void put_place(void)
{
    u32 end;

    writer_text("at=");
    if (sys_own_path(path, sizeof path) == SYS_OK) {
        for (end = text_length(path); end && path[end] != SYS_SLASH; end--)
            ;
        put_quoted((const u8 *)path, end);
    }
    writer_text("\r\n");
}

int collect(const char *run)
{
    char name[16];
    u32 length = text_length(run);
    u32 number, at;

    if (length != 8)
        return CODE_USE;
    memcpy(name, run, length);
    memcpy(name + length, ".TXT", 5);
    writer_open(name);
    writer_text("deployer-survey=1\r\nrun=%s\r\n", run);
    put_place();
    info_lines(sys_cpu_mhz());
    at = append(0, run);
    path[at++] = SYS_SLASH;
    path[at++] = 'P';
    for (number = 1; number <= MOST_SLOTS; number++) {
        path[at] = (char)('0' + number / 100);
        path[at + 1] = (char)('0' + number / 10 % 10);
        path[at + 2] = (char)('0' + number % 10);
        put_probe(at + 3);
    }
    if (writer_seal() != SYS_OK)
        return CODE_ERROR;
    say("%s is written\r\n", name);
    return CODE_DONE;
}
