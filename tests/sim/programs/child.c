/* A child: says its number of times a word, slowly; `child big` writes more than a pipe holds, `child fill`
 * fills its output until there is a file STOP.TXT, `child deaf` lives for a minute and never reads,
 * `child hour` says 70,000 bytes and sleeps for an hour. */
#include "k32.h"
void start(void)
{
    char *t = tail();
    int i;
    u32 n, j;
    static char block[10000];
    if (t[0] == 'b') {
        for (i = 0; i < 10000; i++) block[i] = '.';
        WriteFile(GetStdHandle(-11), block, 10000, &n, 0);
        ExitProcess(n == 10000 ? 40 : 41);
    }
    if (t[0] == 'l') for (;;) ;
    if (t[0] == 'f') {
        for (i = 0; i < 10000; i++) block[i] = i % 100 < 98 ? 'x' : i % 100 == 98 ? '\r' : '\n';
        while (GetFileAttributesA("STOP.TXT") == 0xFFFFFFFF) WriteFile(GetStdHandle(-11), block, 10000, &n, 0);
        ExitProcess(3);
    }
    if (t[0] == 'd') {
        for (i = 0; i < 60; i++) Sleep(1000);
        say("a minute\r\n");
        ExitProcess(7);
    }
    if (t[0] == 'h') {
        for (i = 0; i < 10000; i++) block[i] = 'x';
        for (i = 0; i < 7; i++) WriteFile(GetStdHandle(-11), block, 10000, &n, 0);
        Sleep(3600000);
        say("an hour\r\n");
        ExitProcess(5);
    }
    if (t[0] == 'i') {                    /* reads what the parent's keyboard says */
        ReadFile(GetStdHandle(-10), block, 100, &n, 0);
        WriteFile(GetStdHandle(-11), block, n, &j, 0);
        ExitProcess(n);
    }
    for (i = 0; i < 3; i++) { say("word "); Sleep(30); }
    ExitProcess(0x12345678);
}
