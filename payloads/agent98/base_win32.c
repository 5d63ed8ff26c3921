/* base_win32.c - what the agent and its worker share of machine.h for Windows 95 and later. */
#include "windows_win32.h"
#include "words.h"

char home[PATH_SIZE];

void home_set(void)
{
    put(home, sizeof home, "%s", "C:\\DEPLOY");
}

int machine_begin(void)
{
    static u8 data[512]; /* WSADATA is 400 bytes */

    home_set();
    return WSAStartup(0x0101, data) == 0;
}

u32 machine_error(void)
{
    u32 error = GetLastError();

    return error ? error : 1;
}

int files_make(const char *folder)
{
    char path[PATH_SIZE];
    u32 attributes;
    u32 i;

    put(path, sizeof path, "%s", folder);
    for (i = 3; path[i]; i++)
        if (path[i] == '\\') {
            path[i] = '\0';
            CreateDirectoryA(path, 0);
            path[i] = '\\';
        }
    CreateDirectoryA(path, 0);
    attributes = GetFileAttributesA(path);
    return attributes != NO_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}
