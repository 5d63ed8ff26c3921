/* find_hosted.c - see find.h; a file's attributes here are those of its rights. */
#define _POSIX_C_SOURCE 200809L
#include "find.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static u32 dos_date(time_t when)
{
    struct tm tm;

    localtime_r(&when, &tm);
    return (u32)(tm.tm_year - 80) << 25 | (u32)(tm.tm_mon + 1) << 21 | (u32)tm.tm_mday << 16 |
           (u32)tm.tm_hour << 11 | (u32)tm.tm_min << 5 | (u32)tm.tm_sec / 2;
}

int sys_find(const char *pattern, sys_each_found *each, void *context)
{
    char path[600], whole[900];
    struct dirent *entry;
    struct sys_found found;
    struct stat s;
    const char *last = strrchr(pattern, SYS_SLASH);
    DIR *directory;

    last = last ? last + 1 : pattern;
    snprintf(path, sizeof path, "%.*s", (int)(last - pattern), pattern);
    directory = opendir(*path ? path : ".");
    if (!directory)
        return SYS_ERROR;
    while ((entry = readdir(directory)) != 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (strcmp(last, "*.*") != 0 && fnmatch(last, entry->d_name, 0) != 0)
            continue;
        snprintf(whole, sizeof whole, "%s%s", path, entry->d_name);
        if (stat(whole, &s) < 0)
            continue;
        found.name = found.alias = entry->d_name;
        found.attributes = (S_ISDIR(s.st_mode) ? SYS_FOLDER : 0u) | (s.st_mode & 0200 ? 0u : 1u);
        found.length = (u32)s.st_size;
        found.large = (u32)(s.st_size >> 31 >> 1);
        found.date = dos_date(s.st_mtime);
        each(context, &found);
    }
    closedir(directory);
    return SYS_OK;
}
