/* Exercises files; prints each answer. */
#include "k32.h"
void start(void)
{
    u32 n;
    int high = 0;
    char buf[64];
    FD fd;
    H h, f;
    show("mkdir", (u32)CreateDirectoryA("Sub Dir", 0));
    show("again", (u32)CreateDirectoryA("SUBDIR~1", 0)); show("error", GetLastError());
    h = CreateFileA("Sub Dir\\A long name.text", GENERIC_READ | GENERIC_WRITE, 0, 0, 2, 0, 0);
    show("opened", h != BAD);
    WriteFile(h, "0123456789", 10, &n, 0); show("written", n);
    show("shared", CreateFileA("Sub Dir\\A long name.text", GENERIC_READ, 3, 0, 3, 0, 0) != BAD);
    show("error", GetLastError());
    show("seek", SetFilePointer(h, 4, 0, 0));
    ReadFile(h, buf, 60, &n, 0); show("read", n);
    show("before", SetFilePointer(h, -1, 0, 0)); show("error", GetLastError());
    SetFilePointer(h, 3, &high, 0); SetEndOfFile(h); show("size", GetFileSize(h, 0));
    CloseHandle(h);
    show("move", (u32)MoveFileA("Sub Dir\\ALONGN~1.TEX", "Sub Dir\\b.txt"));
    h = CreateFileA("c.txt", GENERIC_WRITE, 0, 0, 1, 0, 0); CloseHandle(h);
    show("move_onto", (u32)MoveFileA("c.txt", "sub dir\\B.TXT")); show("error", GetLastError());
    f = FindFirstFileA("Sub Dir\\*.*", &fd);
    do { say(fd.name); say(" "); num(fd.size); say("\r\n"); } while (FindNextFileA(f, &fd));
    show("end", GetLastError()); FindClose(f);
    show("missing", CreateFileA("no\\x", GENERIC_READ, 0, 0, 3, 0, 0) != BAD); show("error", GetLastError());
    show("other_drive", CreateFileA("D:\\X", GENERIC_READ, 0, 0, 3, 0, 0) != BAD); show("error", GetLastError());
    h = CreateFileA("sub dir\\nul.txt", GENERIC_WRITE, 0, 0, 2, 0, 0);
    WriteFile(h, buf, 60, &n, 0); show("nul", n);
    h = CreateFileA("c.txt", GENERIC_READ, 1, 0, 3, 0, 0);
    show("delete_open", (u32)DeleteFileA("c.txt")); show("gone", GetFileAttributesA("c.txt") == 0xffffffffu);
    ExitProcess(0);
}
