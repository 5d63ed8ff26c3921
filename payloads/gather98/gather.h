/* gather.h - GATHER: the other direction, from this PC to the host. docs/pull.md has the files' forms. */
#ifndef HELPER_GATHER_H
#define HELPER_GATHER_H

/* Does what the host asks for in `ask`, a name such as D7F3A21C.ASK: makes the sealed list D7F3A21C.LST of
 * everything that its pattern names, and cuts the bytes that it wants into the parts D7F3A21C.PAA and so
 * on. CODE_FETCH: NEXT.FTP sends what was made. CODE_DONE: the host has all. Ends by `fail` else.
 *
 * Over a serial line all of it is PULL.DAT, and nothing is sent by itself. CODE_DONE: with that file the
 * host has all. CODE_FETCH: it will ask for more. */
int gather(const char *ask);

/* After RESULT.TXT was written: it closes PULL.DAT, of which the report is the end when that is all. */
void gather_end(int code);

/* gathered=<CRC-32 of the list>, for RESULT.TXT, once there is one. */
void gather_lines(void);

#endif
