/* machine_hosted.c - pc.h for an ordinary POSIX program, and the agent's own machine_hosted.c.
 *
 * Keys are written down in KEYS.TXT, the time that was set in CLOCK.TXT. */
#include "../agent98/machine_hosted.c"

#include "pc.h"
#include "picture.h"

#include <dirent.h>
#include <fnmatch.h>

int machine_stub(void)
{
    return 4;
}

static void list_one(const char *path, const char *name, file_line *line, void *context)
{
    struct stat found;
    struct tm *at;
    char text[PATH_SIZE * 2];

    if (stat(path, &found) != 0)
        return;
    at = gmtime(&found.st_mtime);
    snprintf(text, sizeof text, "%s\t%lu\t%04d-%02d-%02d %02d:%02d:%02d\t%.12s\t%s\r\n",
             S_ISDIR(found.st_mode) ? "D" : "A", S_ISDIR(found.st_mode) ? 0 : (unsigned long)found.st_size,
             at->tm_year + 1900, at->tm_mon + 1, at->tm_mday, at->tm_hour, at->tm_min, at->tm_sec, name, name);
    line(context, text);
}

u32 files_list(const char *path, file_line *line, void *context)
{
    char folder[PATH_SIZE], whole[PATH_SIZE * 2];
    struct stat found;
    const char *pattern = "*";
    struct dirent *entry;
    DIR *open_folder;

    if (stat(path, &found) == 0 && !S_ISDIR(found.st_mode)) {
        list_one(path, last_name(path), line, context);
        return 0;
    }
    put(folder, sizeof folder, "%s", path);
    if (stat(path, &found) != 0) {
        pattern = last_name(path);
        folder[pattern > path ? pattern - path - 1 : 0] = '\0';
    }
    open_folder = opendir(*folder ? folder : ".");
    if (!open_folder)
        return 3;
    while ((entry = readdir(open_folder)) != 0)
        if (entry->d_name[0] != '.' && fnmatch(pattern, entry->d_name, 0) == 0) {
            snprintf(whole, sizeof whole, "%s/%s", *folder ? folder : ".", entry->d_name);
            list_one(whole, entry->d_name, line, context);
        }
    closedir(open_folder);
    return 0;
}

u32 files_remove(const char *path, int force)
{
    struct stat found;

    if (stat(path, &found) != 0)
        return 2;
    if (!force && !(found.st_mode & S_IWUSR))
        return 5;
    return remove(path) == 0 ? 0 : errno == ENOTEMPTY || errno == EEXIST ? 145 : machine_error();
}

void machine_report(file_line *line, void *context)
{
    line(context, "[processes]\r\nEXPLORER.EXE\r\n[windows]\r\n");
}

int screen_take(u32 *width, u32 *height)
{
    *width = 61;
    *height = 48;
    return !getenv("AGENT98_DOS");
}

int screen_rows(u32 first, u32 count, u8 *bytes)
{
    u32 row = picture_row(61);
    u32 i, j;

    for (i = 0; i < count; i++)
        for (j = 0; j < row; j++)
            bytes[i * row + j] = (u8)(first + i + j);
    return 1;
}

void screen_drop(void)
{
}

u32 machine_clock(const u32 part[6])
{
    char text[32];

    if (part[1] - 1 > 11 || part[2] - 1 > 30 || part[3] > 23 || part[4] > 59 || part[5] > 59)
        return ERROR_WORDS;
    put(text, sizeof text, "%4u%2u%2u%2u%2u%2u\n", part[0], part[1], part[2], part[3], part[4], part[5]);
    note("CLOCK.TXT", text, "a");
    return 0;
}

void machine_key(u32 key, char c, int pressed)
{
    char text[16];

    put(text, sizeof text, "%s%2X\n", pressed ? "+" : "-", key ? key : (u32)(u8)c);
    note("KEYS.TXT", text, "a");
}
