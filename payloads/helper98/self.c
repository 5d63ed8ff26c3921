/* self.c - what needs no manifest. INFO: what machine this is, into INFO.TXT. SELF: whether this
 * program is the one that was built, every byte of its file.
 *
 * tools/seal.py chooses the last four bytes of the finished file so that the CRC-32 of all of it is
 * SEAL. Whatever is damaged, cut off or added, the sum is another. */
#include "crc32.h"
#include "info.h"
#include "job.h"
#include "writer.h"

#define SEAL 0x2144DF1Cu /* the CRC-32 of any bytes with their own CRC-32 behind them */

int self(void)
{
    char path[300];
    u32 length;
    const u8 *bytes;
    int whole;

    must(sys_own_path(path, sizeof path), "own name");
    bytes = read_file(path, 1u << 20, &length);
    whole = bytes && crc32(0, bytes, length) == SEAL;
    say("DEPLOY98 " HELPER_VERSION " is %s\r\n", whole ? "whole" : "DAMAGED");
    return whole ? CODE_SELF : CODE_WRONG;
}

int info(void)
{
    writer_open(info_txt);
    writer_text("deployer-info=1\r\nhelper=" HELPER_VERSION "\r\n");
    info_lines(sys_cpu_mhz());
    must(writer_seal(), info_txt);
    say("%s is written\r\n", info_txt);
    return CODE_DONE;
}
