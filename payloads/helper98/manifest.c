/* manifest.c - see manifest.h. Line by line: cut at blanks, check every field; END seals it all. */
#include "manifest.h"

#include "crc32.h"
#include "text.h"

struct manifest manifest;

/* As many as there can be records, so none ever lacks; pages that are not touched cost nothing. */
struct part parts[MOST_RECORDS + 2];
struct file files[MOST_RECORDS + 2];
const char *dirs[MOST_RECORDS + 2];

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
    int trail = 0;

    for (;;) {
        u8 byte = (u8)*in++;
        if (byte == 0 || byte == '/') {
            trail = 0;
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
        for (refused = "\\/:*?\"<>|\x7F"; !trail && *refused && (u8)*refused != byte; refused++)
            ;
        if ((!trail && *refused) || byte < ' ')
            return 0;
        trail = !trail && sys_is_lead((char)byte);
        *out++ = (char)byte;
    }
}

/* ---- fields: what a record consists of ---- */

static struct {
    char *text[3];
    u32 number[4];
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
    join_name(name, part->base, extension);
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

const char *work_name(const struct part *part)
{
    static char name[NAME_SIZE];

    join_name(name, part->base, "WRK");
    return name;
}

const char *path_of(const char *place)
{
    static char path[2 * LONGEST_PLACE + 4];
    char *out = path;
    const char *in;

    for (in = manifest.to; *in; in++)
        *out++ = *in;
    while ((*out++ = *place++) != '\0')
        ;
    return path;
}

/* ---- two hash tables: files by place, first parts by base ---- */

#define SLOTS 65536u /* a power of two, more than twice as many as files */
static struct file *by_place[SLOTS];
static struct part *by_base[SLOTS];

static u32 hash_of(const char *name)
{
    u32 hash = 0;

    for (; *name; name++)
        hash = hash * 33 + fold(*name);
    return hash;
}

int place_same(const char *a, const char *b)
{
    int trail = 0;

    for (; trail ? *a == *b : fold(*a) == fold(*b); a++, b++) {
        if (!*a)
            return 1;
        trail = !trail && sys_is_lead(*a);
    }
    return 0;
}

static struct file **file_slot(const char *place)
{
    u32 hash = hash_of(place);

    for (;; hash++) {
        struct file **slot = by_place + (hash & (SLOTS - 1));
        if (!*slot || place_same((*slot)->place, place))
            return slot;
    }
}

static struct part **base_slot(const char *base)
{
    u32 hash = hash_of(base);

    for (;; hash++) {
        struct part **slot = by_base + (hash & (SLOTS - 1));
        if (!*slot || text_same((*slot)->base, base))
            return slot;
    }
}

struct file *manifest_final(const char *place)
{
    return *file_slot(place);
}

struct part *manifest_working(const char *name, enum kind *kind)
{
    char base[BASE_SIZE];
    const char *dot = name;
    u32 number;
    struct part *part;

    for (number = 0; number < BASE_SIZE - 1 && *dot && *dot != '.'; number++)
        base[number] = *dot++;
    base[number] = '\0';
    part = *base_slot(base);
    *kind = KIND_WORK_FILE;
    if (!part || text_same(dot, ".WRK"))
        return part;
    if (text_length(dot) != 4)
        return 0;
    number = fold(dot[1]);
    *kind = KIND_PART;
    if (number >= 'A') {
        number -= 'A' - '0';
        *kind = KIND_TEMP;
    }
    number = number * 100 + (u32)dot[2] * 10 + (u32)dot[3] - '0' * 111 - 1;
    if (number >= (u32)(manifest.parts_end - part) || !text_same(part[number].base, base))
        return 0;
    part += number;
    return text_same(name, *kind == KIND_TEMP ? temp_name(part) : part_name(part)) ? part : 0;
}

/* ---- records: each returns NULL, or what is wrong ---- */

static struct part *first; /* of the file that is to come, or NULL */
static struct part *pack;  /* that is being filled, or NULL */
static u32 filled;         /* bytes of it */

/* Whether the last pack has all its files. */
static int pack_is_full(void)
{
    return !pack || filled == pack->length;
}

/* A PART or a PACK. Those of one file, and packs in a row with one base, are numbered from 001 on. */
static const char *take_part(char *line, u32 is_pack)
{
    struct part *part = manifest.parts_end++;
    struct part *before = part - 1;
    u32 span;
    int follows;

    if (!scan(line, "NUX") || !fields.number[0] || !pack_is_full() || (is_pack && first))
        return "bad PART or PACK";
    span = plain_span(fields.text[0]);
    if (fields.text[0][span])
        fields.text[0][span++] = '\0';
    follows = is_pack ? pack == before && pack && text_same(pack->base, fields.text[0]) : first != 0;
    part->base = fields.text[0];
    part->file = manifest.files_end;
    part->length = fields.number[0];
    part->crc = fields.number[1];
    part->number = 1;
    if (follows) {
        part->number += before->number;
        if (!is_pack)
            part->offset = before->offset + before->length;
    }
    pack = 0;
    if (is_pack) {
        pack = part;
        filled = 0;
    } else if (!first) {
        first = part;
    }
    if (part->number > MOST_PARTS || !text_same(fields.text[0] + span, part_name(part) + span) ||
        part->offset + part->length > 0x7FFFFFFFu ||
        (follows && !is_pack && (!text_same(part->base, first->base) || before->length != first->length ||
                                 part->length > first->length)))
        return "parts are out of order";
    if (follows)
        part->base = before->base; /* the very same: so parts in a row are told */
    return 0;
}

static const char *place_of(char *text)
{
    return place_decode(text) ? 0 : "refused path";
}

/* C:/Program Files/Game: a drive and at least one directory. */
static const char *take_to(char *line)
{
    static char to[LONGEST_PLACE + 5];
    char *out = to;
    const char *why = "refused path";

    if (fold(line[0]) - 'A' < 26 && line[1] == ':' && line[2] == '/')
        why = place_of(line + 3);
    if (why)
        return why;
    memcpy(out, SYS_DRIVE, sizeof SYS_DRIVE - 1);
    if (SYS_DRIVE[0] == 'C')
        *out = line[0];
    out += sizeof SYS_DRIVE - 1;
    for (line += 3; (*out = *line++) != '\0'; out++)
        ;
    *out = SYS_SLASH;
    manifest.to = to;
    return 0;
}

static const char *take_file(char *line)
{
    struct file *file = manifest.files_end++;
    const char *from = "-";

    if (!scan(line, "NUHXUUTS") || fields.number[2] > 7)
        return "bad FILE";
    file->name = fields.text[0];
    file->place = fields.text[2];
    file->length = fields.number[0];
    file->date = fields.number[1];
    file->attributes = fields.number[2];
    memcpy(file->sha, fields.sha, sizeof file->sha);
    file->part = first ? first : manifest.parts_end;
    file->end = manifest.parts_end;
    if (first) {
        from = part_name(first);
        if (file->length != file->end[-1].offset + file->end[-1].length)
            return "parts do not fit";
    } else if (pack) {
        from = part_name(pack);
        file->pack = pack;
        file->offset = filled;
        filled += file->length;
        if (file->length > pack->length || filled > pack->length)
            return "parts do not fit";
    } else if (file->length) {
        return "parts do not fit";
    }
    if (fields.number[3] != (u32)(file->end - file->part) || !text_same(fields.text[1], from))
        return "parts do not fit";
    first = 0;
    return place_of(fields.text[2]);
}

static const char *take_record(char *line)
{
    const char *kind = cut(&line);

    if (!line)
        return "unknown or bad record";
    if (manifest.line == 1) {
        if (!text_same(kind, "DEPLOY98") || !scan(line, "UT") || fields.number[0] != 2 || !id_ok(fields.text[0]))
            return "not a manifest of this version";
        manifest.id = fields.text[0];
        return 0;
    }
    if (text_same(kind, "PART"))
        return take_part(line, 0);
    if (text_same(kind, "PACK"))
        return take_part(line, 1);
    if (text_same(kind, "FILE"))
        return take_file(line);
    if (text_same(kind, "DIR")) {
        *manifest.dirs_end++ = line;
        return place_of(line);
    }
    if (text_same(kind, "RUN") && !manifest.run && scan(line, "S")) {
        manifest.run = line;
        return 0;
    }
    if (text_same(kind, "RULES") && !manifest.overwrite && scan(line, "WW")) {
        manifest.overwrite = fields.text[0][0];
        manifest.remove = fields.text[1][0] == 'd';
        return 0;
    }
    if (text_same(kind, "TO") && !*manifest.to && manifest.files_end == files)
        return take_to(line);
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
    enum kind kind;
    u32 i;

    for (; *names; names += text_length(names) + 1)
        if (text_same(names, place))
            return 1;
    for (i = 0; i < 8 && fold(place[i]) == (u32)manifest.id[i]; i++)
        ;
    return (i == 8 && place[8] == '.') || manifest_working(place, &kind) != 0;
}

static const char *check_names(void)
{
    struct file *file;
    struct part *part;

    EVERY_PART(part)
        if (part->number == 1) {
            struct part **base = base_slot(part->base);
            if (*base)
                return "two files with one name";
            *base = part;
        }
    EACH_FILE(file)
    {
        struct file **place = file_slot(file->place);
        if (*place)
            return "two files with one name";
        *place = file;
        if (!*manifest.to && is_ours(file->place))
            return "reserved name";
    }
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
    if (!is_last || first || !pack_is_full() || !scan(line, "UX") || fields.number[0] != manifest.line - 1 ||
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
    manifest.dirs_end = dirs;
    manifest.to = "";
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
