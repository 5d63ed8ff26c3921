/* main.c - the helper of a pull; the old PC knows it as DEPLOY98.EXE.
 *
 *     DEPLOY98 SELF | GATHER ASK | INFO
 *
 * A program of its own, so that the helper of a push carries nothing of it over a slow line; what both
 * have in common stands in shared.c. */
#include "../helper98/crc32.h"
#include "../helper98/info.h"
#include "../helper98/job.h"
#include "../helper98/writer.h"
#include "gather.h"

void join_name(char name[NAME_SIZE], const char *base, const char *extension)
{
    u32 length = text_length(base);

    memcpy(name, base, length);
    name[length] = '.';
    memcpy(name + length + 1, extension, 4);
}

/* Takes D7F3A21C from D7F3A21C.ASK, in any case. 1 when it is such a name. */
static int ask_name(const char *argument, char name[NAME_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    u32 i, j;

    for (i = 0; i < BASE_SIZE - 1 && argument[i]; i++) {
        job.id[i] = (char)fold(argument[i]);
        for (j = 0; digits[j] && digits[j] != job.id[i]; j++)
            ;
        if (!digits[j])
            return 0;
    }
    join_name(name, job.id, "ASK");
    return i == BASE_SIZE - 1 && job.id[0] == 'D' && text_same(argument, name);
}

int result_write(int code)
{
    writer_open(result_txt);
    writer_text("deployer-result=1\r\ndeployment=%s\r\nhelper=" HELPER_VERSION "\r\ncommand=%s\r\nexit=%u\r\n", job.id,
                job.command, (u32)code);
    if (job.reason[0])
        writer_text("reason=%s\r\n", job.reason);
    info_lines(sys_cpu_mhz());
    gather_lines();
    return writer_seal();
}

int sys_main(int argc, char **argv)
{
    char name[NAME_SIZE];
    int code, status;

    crc32_start();
    if (argc == 2 && text_same(argv[1], "SELF"))
        return self();
    if (argc == 2 && text_same(argv[1], "INFO"))
        return info();
    if (argc != 3 || !text_same(argv[1], "GATHER") || !ask_name(argv[2], name)) {
        say("DEPLOY98 " HELPER_VERSION ": GATHER D7F3A21C.ASK, or INFO, or SELF\r\n");
        return CODE_USE;
    }
    job.command = "GATHER";
    code = gather(name);
    status = result_write(code);
    if (code <= CODE_FETCH)
        must(status, result_txt);
    gather_end(code);
    return code;
}
