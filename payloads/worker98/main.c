/* main.c - AGENT98W: see worker.h */
#include "worker.h"

int sys_main(int argc, char **argv)
{
    if (argc > 1 && text_same(argv[1], "/RUN"))
        return machine_stub();
    return argc > 3 && machine_begin() ? worker_do(argv[2], argv[3]) : 4;
}
