/* command.h - what Windows has to be told to start a program. */
#ifndef PLATFORM_COMMAND_H
#define PLATFORM_COMMAND_H

#define COMMAND_PATH 260u

/* The command line that starts `command`: itself, with its program's path in `path`, or COMMAND.COM /C before
 * it where Windows cannot start the program by itself: a batch file, or a .COM that is named without it. NULL when
 * there is no such program in the current directory or where Windows looks. */
char *command_line(char *command, char path[COMMAND_PATH]);

#endif
