/* main.c - PROBE98, the program that a survey brings along.
 *
 *     PROBE98 COLLECT S7K2QAB0 | ASK QUESTION | SCRIPT FROM TO
 *     PROBE98 END CODE | SAY BYTES | MODE | WAIT | HOLD FILE      as a child of itself
 *
 * SURVEY.BAT starts it. It changes nothing outside the current directory. */
#include "../helper98/crc32.h"
#include "probe.h"
#include "text.h"

/* Writes so many bytes. */
static int say_bytes(u32 count)
{
    static const char line[] = "0123456789012345678901234567890123456789012345678\n";
    u32 length;

    for (; count; count -= length) {
        length = count < sizeof line - 1 ? count : sizeof line - 1;
        sys_out(line, length);
    }
    return CODE_DONE;
}

int sys_main(int argc, char **argv)
{
    u32 number = 0;

    crc32_start();
    if (argc == 3 && text_same(argv[1], "ASK"))
        return ask(argv[2]);
    if (argc == 4 && text_same(argv[1], "SCRIPT"))
        return make_script(argv[2], argv[3]) == SYS_OK ? CODE_DONE : CODE_ERROR;
    if (argc == 3 && text_same(argv[1], "END") && text_number(argv[2], &number))
        return (int)number;
    if (argc == 3 && text_same(argv[1], "SAY") && text_number(argv[2], &number))
        return say_bytes(number);
#ifdef _WIN32
    if (argc == 2 && text_same(argv[1], "MODE"))
        return mode_of_child();
    if (argc == 2 && text_same(argv[1], "WAIT")) {
        wait_long();
        return CODE_DONE;
    }
    if (argc == 3 && text_same(argv[1], "HOLD")) {
        hold(argv[2]);
        return CODE_DONE;
    }
#endif
    if (argc == 3 && text_same(argv[1], "COLLECT"))
        return collect(argv[2]);
    say("PROBE98 1.1: COLLECT RUN, ASK QUESTION, or SCRIPT FROM TO\r\n");
    return CODE_USE;
}
