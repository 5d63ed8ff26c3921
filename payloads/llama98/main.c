/* main.c - the program; everything is in run.c, so that the fuzzer and the scorer can link it too. */
#include "llama98.h"

int sys_main(int argc, char **argv)
{
    return llama98_run(argc, argv);
}
