/* How much memory there is: VirtualAlloc and HeapAlloc until they fail. */
#include "k32.h"
void start(void)
{
    u32 n = 0;
    char *p, *q;
    while ((p = VirtualAlloc(0, 1 << 20, 0x3000, 4)) != 0) { p[0] = 1; n++; }
    show("megabytes", n); show("error", GetLastError());
    p = HeapAlloc(GetProcessHeap(), 8, 100); show("heap", p != 0);
    ExitProcess(0);
}
