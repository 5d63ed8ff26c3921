/* Heap blocks are apart, zeroed when asked, and come back after they were freed. */
#include "k32.h"
void start(void)
{
    H h = GetProcessHeap();
    u32 i, bad = 0;
    unsigned char *p[100];
    for (i = 0; i < 100; i++) {
        u32 j, size = i * 37 + 1;
        p[i] = HeapAlloc(h, 8, size);
        for (j = 0; j < size; j++) { bad += p[i][j]; p[i][j] = (unsigned char)i; }
    }
    for (i = 0; i < 100; i++) { bad += p[i][0] != i || p[i][i * 37] != i; HeapFree(h, 0, p[i]); }
    show("bad", bad);
    show("free_twice", (u32)HeapFree(h, 0, p[5]));
    ExitProcess(0);
}
