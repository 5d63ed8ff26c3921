/* Does the wrong thing that its argument names. */
#include "k32.h"
#define APART __attribute__((noinline))
static APART u32 deep(u32 n) { volatile char room[2000]; room[0] = (char)n; room[1999] = 1; return n ? deep(n - 1) + room[0] : 0; }
static const u32 constant = 5;
static APART void far(void) { volatile char room[40000]; room[0] = 1; }
void start(void)
{
    char *t = tail();
    volatile u32 n;
    volatile u32 zero = 0;
    switch (t[0]) {
    case 'r': n = *(volatile u32 *)4; break;
    case 'w': *(volatile u32 *)&constant = 6; break;
    case 's': __asm__ volatile("addps %xmm0, %xmm1"); break;
    case 'd': n = 1234567 / zero; break;
    case 'h': __asm__ volatile("hlt"); break;
    case 'k': ReadFile(GetStdHandle(-10), (void *)16, 4, (u32 *)&n, 0); break;
    case 'j': ((void (*)(void))zero)(); break;
    case 'g': show("deep", deep(200)); ExitProcess(0); break;          /* grows the stack rightly */
    case 'o': deep(1000000); break;
    case 'f': far(); break;
    case 'l': for (;;) ;
    case 'q': for (;;) say("0123456789abcdef");
    case 'x': for (;;) Sleep(0xffffffffu);
    }
    ExitProcess(1);
}
