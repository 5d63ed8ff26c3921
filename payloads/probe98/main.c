/* main.c - PROBE98, the program that a survey brings along.
 *
 *     PROBE98 COLLECT S7K2QAB0
 *
 * SURVEY.BAT starts it. It changes nothing outside the current directory. */
#include "../helper98/crc32.h"
#include "probe.h"
#include "text.h"

int sys_main(int argc, char **argv)
{
    crc32_start();
    if (argc == 3 && text_same(argv[1], "COLLECT"))
        return collect(argv[2]);
    say("PROBE98 1.0: COLLECT RUN\r\n");
    return CODE_USE;
}
