/* settings.h - whose agent this is: AGENT98.INI, or the same text after the end of the program's own file. No I/O. */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include "words.h"

#define SETTINGS_MOST 1024u /* bytes of the text */

struct settings {
    char host[16];
    char also[16];  /* the host's other address, perhaps empty */
    u32 port;
    char id[11];    /* A- and eight hexadecimal digits */
    char token[33];
    char name[33];  /* for people, perhaps empty */
    u32 stay;       /* 1: start with Windows */
};

/* Reads the text. 1 when it names a host by its number, an id and a token. */
int settings_read(struct settings *settings, const char *text, u32 length);

/* Takes the other address of the host, where it has two: it is called at both in turn. */
void settings_turn(struct settings *settings);

/* The text of an .INI, in at most SETTINGS_MOST bytes. Its length. */
u32 settings_write(const struct settings *settings, char *text);

#endif
