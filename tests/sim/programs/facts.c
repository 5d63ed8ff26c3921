/* Says what the system answers about itself, one name=value per line, and ends with 7. */
#include "k32.h"
void start(void)
{
    u32 v[37], m[8], a, b, c, d;
    char buf[300];
    v[0] = 148;
    show("version_ok", (u32)GetVersionExA(v));
    show("major", v[1]); show("minor", v[2]); show("build", v[3] & 0xffff); show("platform", v[4]);
    m[0] = 32;
    GlobalMemoryStatus(m);
    show("ram", m[2]);
    say("line="); say(GetCommandLineA()); say("\r\n");
    GetModuleFileNameA(0, buf, 300); say("module="); say(buf); say("\r\n");
    GetCurrentDirectoryA(300, buf); say("cwd="); say(buf); say("\r\n");
    GetEnvironmentVariableA("windir", buf, 300); say("windir="); say(buf); say("\r\n");
    show("nothing", GetEnvironmentVariableA("NOTHING", buf, 300)); show("error", GetLastError());
    show("wide", CreateFileW(buf, 0, 0, 0, 3, 0, 0) == BAD); show("wide_error", GetLastError());
    show("has_ex", GetProcAddress(GetModuleHandleA("kernel32"), "GetDiskFreeSpaceExA") != 0);
    show("has_new", GetProcAddress(GetModuleHandleA("kernel32"), "GetFileSizeEx") != 0);
    GetDiskFreeSpaceA(0, &a, &b, &c, &d);
    show("cluster", a * b); show("clusters", d);
    ExitProcess(7);
}
