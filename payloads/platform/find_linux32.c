/* find_linux32.c - see find.h; local time is UTC here, and a name matches itself or any wildcards. */
#include "find.h"

static i32 call(u32 number, const void *a, u32 b, u32 c)
{
    i32 answer;

    __asm__ __volatile__("int $0x80" : "=a"(answer) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory", "cc");
    return answer;
}

#define C_OPEN 5u
#define C_CLOSE 6u
#define C_STAT64 195u
#define C_GETDENTS64 220u
#define O_DIRECTORY 0200000u
#define MODE_KIND 0170000u
#define MODE_FOLDER 0040000u
#define MODE_WRITE 0200u
#define DAY 86400u

struct entry { /* linux_dirent64 */
    u64 inode, offset;
    u16 size;
    u8 kind;
    char name[1];
} __attribute__((packed));

struct status { /* stat64 of the kernel, in words */
    u32 before[4], mode, between[6], length_low, length_high, rest[5], written[2], after[4];
};

static u32 dos_date(u32 seconds)
{
    u32 days = seconds / DAY + 719468u; /* since the first of March of the year 0 */
    u32 era = days / 146097u;
    u32 day = days % 146097u;
    u32 year = (day - day / 1460u + day / 36524u - day / 146096u) / 365u;
    u32 in_year = day - (365u * year + year / 4u - year / 100u);
    u32 month = (5u * in_year + 2u) / 153u;

    day = in_year - (153u * month + 2u) / 5u + 1u;
    month = month < 10u ? month + 3u : month - 9u;
    year += era * 400u + (month < 3u);
    seconds %= DAY;
    return (year - 1980u) << 25 | month << 21 | day << 16 | seconds / 3600u << 11 | seconds / 60u % 60u << 5 |
           seconds % 60u / 2u;
}

static int matches(const char *pattern, const char *name)
{
    const char *p;

    for (p = pattern; *p; p++)
        if (*p == '*' || *p == '?')
            return 1;
    for (; *pattern && *pattern == *name; pattern++)
        name++;
    return *pattern == *name;
}

static void tell(const char *path, const char *name, sys_each_found *each, void *context)
{
    struct sys_found found;
    struct status s;

    if (call(C_STAT64, path, (u32)&s, 0) < 0)
        return;
    found.name = found.alias = name;
    found.attributes = ((s.mode & MODE_KIND) == MODE_FOLDER ? SYS_FOLDER : 0u) | (s.mode & MODE_WRITE ? 0u : 1u);
    found.length = s.length_low;
    found.large = s.length_high;
    found.date = dos_date(s.written[0]);
    each(context, &found);
}

int sys_find(const char *pattern, sys_each_found *each, void *context)
{
    u8 buffer[1024];
    char path[600];
    const struct entry *entry;
    u32 cut = 0, i;
    i32 fd, got, at;

    for (i = 0; pattern[i]; i++) {
        path[i] = pattern[i];
        if (pattern[i] == SYS_SLASH)
            cut = i + 1;
    }
    path[cut] = '\0';
    fd = call(C_OPEN, cut ? path : ".", O_DIRECTORY, 0);
    if (fd < 0)
        return SYS_ERROR;
    while ((got = call(C_GETDENTS64, (const void *)fd, (u32)buffer, sizeof buffer)) > 0)
        for (at = 0; at < got; at += entry->size) {
            entry = (const struct entry *)(buffer + at);
            for (i = 0; (path[cut + i] = entry->name[i]) != '\0'; i++)
                ;
            if (!(path[cut] == '.' && (i == 1 || (i == 2 && path[cut + 1] == '.'))) &&
                matches(pattern + cut, entry->name))
                tell(path, entry->name, each, context);
        }
    call(C_CLOSE, (const void *)fd, 0, 0);
    return SYS_OK;
}
