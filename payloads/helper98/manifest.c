/* manifest.c - see manifest.h. Line by line: cut at blanks, check every field; END seals it all. */
#include "manifest.h"

#include "crc32.h"
#include "text.h"

struct manifest manifest;

/* As many as there can be records, so none ever lacks; pages that are not touched cost nothing. */
struct part parts[MOST_RECORDS + 2];
struct file files[MOST_RECORDS + 2];

/* ---- names ---- */

static int plain(char c)
{
    return (u32)c - 'A' < 26 || (u32)c - '0' < 10 || c == '_' || c == '-';
}

static u32 plain_span(const char *text)
{
    u32 span = 0;

    while (plain(text[span]))
        span++;
    return span;
}

/* Whether a name is that of a device, whatever stands behind its dot (facts C7). */
static int is_device(const char *name)
{
    const char *device = "CON.PRN.AUX.NUL.COM#.LPT#.CLOCK$.CONFIG$.";
    const char *c;

    while (*device) {
        for (c = name; *device == '#' ? (u32)*c - '0' < 10 : fold(*c) == (u32)*device && *c != '.'; c++)
            device++;
        if (*device == '.' && (!*c || *c == '.'))
            return 1;
        while (*device++ != '.')
            ;
    }
    return 0;
}

/* 1-8 of A-Z 0-9 _ -, perhaps a dot and 1-3 of them; no device (facts C6, C7). */
static int name_ok(const char *name)
{
    u32 base = plain_span(name);
    u32 extension;

    if (base - 1 > 7 || is_device(name))
        return 0;
    if (!name[base])
        return 1;
    extension = plain_span(name + base + 1);
    return name[base] == '.' && extension - 1 < 3 && !name[base + 1 + extension];
}

int id_ok(const char *id)
{
    u8 ignored[4];
    u32 digits = text_length(id);

    return digits == 8 && *id == 'D' && text_hex(id, 'A', ignored, 4);
}

/* 1-16 letters, digits and dots: what FTP.EXE takes as one word, an address among them. */
static int word_ok(const char *word)
{
    u32 length;

    for (length = 0; word[length] == '.' || plain((char)fold(word[length])); length++)
        ;
    return length - 1 < 16 && !word[length];
}

/* Decodes a PLACE in place: %XX to its byte, / to SYS_SLASH. 0 when it is refused: a way out of the
 * directory, or a name that Windows 98 cannot have or would change without a word (a dot or a
 * blank at its end). */
static int place_decode(char *text)
{
    char *start = text;   /* of the current name */
    char *out = text;
    const char *in = text;
    const char *refused;

    for (;;) {
        u8 byte = (u8)*in++;
        if (byte == 0 || byte == '/') {
            *out = '\0';
            if (out == start || out[-1] == '.' || out[-1] == ' ' || is_device(start))
                return 0;
            if (byte == 0)
                return out - text <= (int)LONGEST_PLACE;
            *out++ = SYS_SLASH;
            start = out;
            continue;
        }
        if (byte == '%') {
            char hex[3];
            hex[0] = in[0];
            hex[1] = hex[0] ? in[1] : '\0';
            hex[2] = '\0';
            if (!text_hex(hex, 'A', &byte, 1))
                return 0;
            in += 2;
        }
        for (refused = "\\/:*?\"<>|\x7F"; *refused && (u8)*refused != byte; refused++)
            ;
        if (*refused || byte < ' ')
            return 0;
        *out++ = (char)byte;
    }
}

/* ---- fields: what a record consists of ---- */

static struct {
    char *text[3];
    u32 number[2];
    u8 sha[32];
} fields;

/* Cuts the next word off `*line`, which becomes NULL behind the last one. */
static char *cut(char **line)
{
    char *word = *line;
    char *c = word;

    while (*c && *c != ' ')
        c++;
    *line = *c ? c + 1 : 0;
    *c = '\0';
    return word;
}

/* Takes a line apart by a pattern of one letter per field, texts and numbers in their order:
 * N 8.3 name, W word, T any text, U number, X CRC-32, H SHA-256, S the rest of the line. */
static int scan(char *line, const char *pattern)
{
    char **text = fields.text;
    u32 *number = fields.number;
    u8 crc[4];
    int ok = 1;

    for (; *pattern && ok; pattern++) {
        char *word = line;
        if (!line)
            return 0;
        if (*pattern == 'S')
            line = 0;
        else
            cut(&line);
        *text = word;
        switch (*pattern) {
        case 'U':
            ok = text_number(word, number++);
            continue;
        case 'X':
            ok = text_hex(word, 'A', crc, 4);
            *number++ = (u32)crc[0] << 24 | (u32)crc[1] << 16 | (u32)crc[2] << 8 | crc[3];
            continue;
        case 'H':
            ok = text_hex(word, 'a', fields.sha, 32);
            continue;
        case 'N':
            ok = name_ok(word);
            break;
        case 'W':
            ok = word_ok(word);
            break;
        default:
            ok = *word && *word != ' ';
        }
        text++;
    }
    return ok && !line;
}

/* ---- working names ---- */

void join_name(char name[NAME_SIZE], const char *base, const char *extension)
{
    while (*base)
        *name++ = *base++;
    *name++ = '.';
    memcpy(name, extension, 4);
}

/* STORI260.002 or, counting the hundreds from 'A', STORI260.A02. */
static const char *numbered(char name[NAME_SIZE], const struct part *part, u32 zero)
{
    char extension[4];

    extension[0] = (char)(zero + part->number / 100);
    extension[1] = (char)('0' + part->number / 10 % 10);
    extension[2] = (char)('0' + part->number % 10);
    extension[3] = '\0';
    join_name(name, part->file->base, extension);
    return name;
}

const char *part_name(const struct part *part)
{
    static char name[NAME_SIZE];

    return numbered(name, part, '0');
}

const char *temp_name(const struct part *part)
{
    static char name[NAME_SIZE];

    return numbered(name, part, 'A');
}

const char *work_name(const struct file *file)
{
    static char name[NAME_SIZE];

    join_name(name, file->base, "WRK");
    return name;
}

/* ---- two hash tables: by final place, by base ---- */

#define SLOTS 65536u /* a power of two, more than twice as many as files */
static struct file *slots[2 * SLOTS];

static struct file **slot(const char *name, u32 by_base)
{
    u32 hash = 0;
    const char *c;

    for (c = name; *c; c++)
        hash = hash * 33 + fold(*c);
    for (;; hash++) {
        struct file **slot = slots + (hash & (SLOTS - 1)) + by_base;
        if (!*slot || text_same(by_base ? (*slot)->base : (*slot)->place, name))
            return slot;
    }
}

struct file *manifest_final(const char *name)
{
    return *slot(name, 0);
}

struct file *manifest_working(const char *name, struct part **part, u32 *temporary)
{
    char base[BASE_SIZE];
    const char *dot = name;
    u32 number;
    struct file *file;

    for (number = 0; number < BASE_SIZE - 1 && *dot && *dot != '.'; number++)
        base[number] = *dot++;
    base[number] = '\0';
    file = *slot(base, SLOTS);
    *part = 0;
    if (!file || text_same(dot, ".WRK"))
        return file;
    if (text_length(dot) != 4)
        return 0;
    number = fold(dot[1]);
    *temporary = number >= 'A';
    if (*temporary)
        number -= 'A' - '0';
    number = number * 100 + (u32)dot[2] * 10 + (u32)dot[3] - '0' * 111 - 1;
    if (number >= (u32)(file->end - file->part))
        return 0;
    *part = file->part + number;
    return text_same(name, *temporary ? temp_name(*part) : part_name(*part)) ? file : 0;
}

/* ---- records: each returns NULL, or what is wrong ---- */

static const char *take_part(char *line)
{
    struct file *file = manifest.files_end; /* the one that is to come */
    struct part *part = manifest.parts_end++;

    if (!scan(line, "NUX") || !fields.number[0])
        return "bad PART";
    if (!file->part) {
        file->part = part;
        memcpy(file->base, fields.text[0], plain_span(fields.text[0]));
    }
    part->file = file;
    part->length = fields.number[0];
    part->crc = fields.number[1];
    part->number = (u32)(part - file->part) + 1;
    part->offset = file->length; /* which so far is that of the parts before */
    file->length += part->length;
    if (part->number > MOST_PARTS || !text_same(fields.text[0], part_name(part)) || file->length > 0x7FFFFFFFu ||
        (part > file->part && (part[-1].length != file->part->length || part->length > file->part->length)))
        return "parts are out of order";
    return 0;
}

static const char *take_file(char *line)
{
    struct file *file = manifest.files_end++;

    if (!scan(line, "NUHUTS"))
        return "bad FILE";
    file->name = file->place = fields.text[0];
    file->end = manifest.parts_end;
    if (!file->part)
        file->part = file->end;
    memcpy(file->sha, fields.sha, sizeof file->sha);
    if (fields.number[0] != file->length || fields.number[1] != (u32)(file->end - file->part) ||
        !text_same(fields.text[1], file->length ? part_name(file->part) : "-"))
        return "parts do not fit";
    return 0;
}

static const char *take_place(char *line)
{
    struct file *file = manifest.files_end - 1;

    if (!scan(line, "NS") || file < files || !text_same(file->name, fields.text[0]) || file->place != file->name)
        return "misplaced PLACE";
    if (!place_decode(fields.text[1]))
        return "refused path";
    file->place = fields.text[1];
    return 0;
}

static const char *take_record(char *line)
{
    const char *kind = cut(&line);

    if (!line)
        return "unknown or bad record";
    if (manifest.line == 1) {
        if (!text_same(kind, "DEPLOY98") || !scan(line, "UT") || fields.number[0] != 1 || !id_ok(fields.text[0]))
            return "not a manifest of this version";
        manifest.id = fields.text[0];
        return 0;
    }
    if (text_same(kind, "PART"))
        return take_part(line);
    if (text_same(kind, "FILE"))
        return take_file(line);
    if (text_same(kind, "PLACE"))
        return take_place(line);
    if (text_same(kind, "RUN") && !manifest.run && scan(line, "S")) {
        manifest.run = line;
        return 0;
    }
    if (!text_same(kind, "HOST") || manifest.host || !scan(line, "WWW"))
        return "unknown or bad record";
    manifest.host = fields.text[0];
    manifest.login = fields.text[1];
    manifest.token = fields.text[2];
    return 0;
}

/* ---- the whole ---- */

/* Names that the helper, GO.BAT and FTP.EXE use in the same directory. */
static int is_ours(const char *place)
{
    const char *names = "GO.BAT\0DEPLOY98.EXE\0RESULT.TXT\0RESULT.TMP\0OUTPUT.TXT\0INFO.TXT\0INFO.TMP\0NEXT.FTP\0"
                        "NEXT.TMP\0FIRST.FTP\0SEND.FTP\0READY.FTP\0HERE.TXT\0GOTIT.TXT\0OUTPUT.TMP\0FIRST.LOG\0"
                        "FULL.FTP\0HOSTUP.FTP\0HOSTUP.TXT\0";
    struct part *part;
    u32 i;

    for (; *names; names += text_length(names) + 1)
        if (text_same(names, place))
            return 1;
    for (i = 0; i < 8 && fold(place[i]) == (u32)manifest.id[i]; i++)
        ;
    return (i == 8 && place[8] == '.') || manifest_working(place, &part, &i) != 0;
}

static const char *check_names(void)
{
    struct file *file;

    EACH_FILE(file)
    {
        struct file **place = slot(file->place, 0);
        struct file **base = slot(file->base, SLOTS);
        if (*place || *base)
            return "two files with one name";
        *place = file;
        if (file->base[0])
            *base = file;
    }
    EACH_FILE(file)
        if (is_ours(file->place))
            return "reserved name";
    return manifest.host ? 0 : "no HOST";
}

/* The end of the line that begins at `line`: where its CR stands, which becomes NUL. NULL when there
 * is no such line. */
static char *line_end(char *line, const char *end)
{
    char *c = line;

    while (c < end && *c >= ' ' && *c <= '~')
        c++;
    if (end - c < 2 || c[0] != '\r' || c[1] != '\n' || c - line > (int)LONGEST_LINE)
        return 0;
    *c = '\0';
    return c;
}

/* The END record at `line` seals the lines before it, and nothing stands behind it. */
static const char *take_end(char *line, int is_last)
{
    if (!is_last || manifest.files_end->part || !scan(line, "UX") || fields.number[0] != manifest.line - 1 ||
        fields.number[1] != manifest.crc)
        return "cut off or mangled on the way";
    return check_names();
}

int manifest_parse(char *text, u32 length)
{
    const char *end = text + length;
    char *line = text;
    char *next;
    u32 crc;

    manifest.parts_end = parts;
    manifest.files_end = files;
    do {
        manifest.line++;
        next = line_end(line, end);
        if (!next || manifest.line > MOST_RECORDS + 1) {
            manifest.why = "cut off or mangled on the way";
            break;
        }
        next += 2;
        crc = crc32(manifest.crc, line, (u32)(next - 2 - line));
        crc = crc32(crc, "\r\n", 2);
        if (memcmp(line, "END ", 4) == 0) {
            manifest.why = take_end(line + 4, next == end);
            break;
        }
        manifest.why = take_record(line);
        manifest.crc = crc;
        line = next;
    } while (!manifest.why);
    return !manifest.why;
}
