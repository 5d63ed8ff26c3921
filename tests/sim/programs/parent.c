/* Runs the command line behind its name with both outputs on a pipe and copies what comes. */
#include "k32.h"
void start(void)
{
    SA sa;
    SI si;
    PI pi;
    H rd, wr, rd2;
    u32 n, got, code, i, peeks = 0;
    char buf[100];
    sa.size = 12; sa.sd = 0; sa.inherit = 1;
    CreatePipe(&rd, &wr, &sa, 0);
    DuplicateHandle((H)-1, rd, (H)-1, &rd2, 0, 0, 3);
    for (i = 0; i < sizeof si / 4; i++) ((u32 *)&si)[i] = 0;
    si.cb = sizeof si; si.flags = 0x100; si.in = GetStdHandle(-10); si.out = wr; si.err = wr;
    if (!CreateProcessA(0, tail(), 0, 0, 1, 0, 0, 0, &si, &pi)) { show("not started", GetLastError()); ExitProcess(2); }
    CloseHandle(wr); CloseHandle(pi.thread);
    for (;;) {
        if (!PeekNamedPipe(rd2, 0, 0, 0, &n, 0)) break;
        peeks++;
        if (n) { ReadFile(rd2, buf, sizeof buf, &got, 0); say("["); WriteFile(GetStdHandle(-11), buf, got, &n, 0); say("]"); }
        else if (WaitForSingleObject(pi.process, 20) == 0) {
            if (!PeekNamedPipe(rd2, 0, 0, 0, &n, 0) || !n) break;
        }
    }
    GetExitCodeProcess(pi.process, &code);
    say("\r\n"); show("code", code);
    ExitProcess(peeks > 100000);
}
