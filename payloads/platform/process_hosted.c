/* process_hosted.c - beginning, end and memory of a hosted program; apart from the rest, because a test
 * or a fuzzer that calls sys_main many times in one process brings its own. */
#define _POSIX_C_SOURCE 200809L
#include "sys.h"
#include "sys_hosted.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    sys_exit(sys_main(argc, argv));
}

void sys_exit(int code)
{
    const char *path = getenv("SYS_COUNT");
    FILE *file = path ? fopen(path, "w") : 0;
    long changes, writes;

    if (file) {
        sys_hosted_counts(&changes, &writes);
        fprintf(file, "%ld %ld\n", changes, writes);
        fclose(file);
    }
    exit(code & 0xFF);
}

void *sys_alloc(usize bytes)
{
    return calloc(1, bytes ? bytes : 1);
}

void sys_free(void *block, usize bytes)
{
    (void)bytes;
    free(block);
}
