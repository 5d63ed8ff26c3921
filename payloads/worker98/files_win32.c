/* files_win32.c - folders, and what is in them. */
#include "pc.h"
#include "win98.h"
#include "words.h"

static void list_one(const struct find_data *found, file_line *line, void *context)
{
    static const char letters[] = "RHS\0DA";
    struct system_time at;
    char text[PATH_SIZE + 80], flags[8];
    u32 local[2];
    u32 i;
    u32 used = 0;

    for (i = 0; i < 6; i++)
        if (letters[i] && found->attributes >> i & 1)
            flags[used++] = letters[i];
    if (!used)
        flags[used++] = '-';
    flags[used] = '\0';
    FileTimeToLocalFileTime(found->written, local);
    FileTimeToSystemTime(local, &at);
    put(text, sizeof text, "%s\t%u\t%4u-%2u-%2u %2u:%2u:%2u\t%s\t%s\r\n", flags, found->length_low, (u32)at.year,
        (u32)at.month, (u32)at.day, (u32)at.hour, (u32)at.minute, (u32)at.second,
        *found->short_name ? found->short_name : found->name, found->name);
    line(context, text);
}

u32 files_list(const char *path, file_line *line, void *context)
{
    static struct find_data found;
    char pattern[PATH_SIZE];
    u32 attributes = GetFileAttributesA(path);
    u32 length = text_length(path);
    handle search;

    put(pattern, sizeof pattern - 4, "%s", path);
    if ((attributes != NO_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY) || (length && path[length - 1] == '\\'))
        add(pattern, sizeof pattern, length && path[length - 1] == '\\' ? "*.*" : "\\*.*");
    search = FindFirstFileA(pattern, &found);
    if (search == BAD_HANDLE)
        return GetLastError();
    do {
        if (!text_same(found.name, ".") && !text_same(found.name, ".."))
            list_one(&found, line, context);
    } while (FindNextFileA(search, &found));
    FindClose(search);
    return 0;
}

u32 files_remove(const char *path, int force)
{
    u32 attributes = GetFileAttributesA(path);
    int done;

    if (attributes == NO_ATTRIBUTES)
        return GetLastError();
    if (force && attributes & FILE_READ_ONLY)
        SetFileAttributesA(path, FILE_ATTRIBUTE_NORMAL);
    done = attributes & FILE_ATTRIBUTE_DIRECTORY ? RemoveDirectoryA(path) : DeleteFileA(path);
    return done ? 0 : GetLastError();
}
