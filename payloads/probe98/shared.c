/* shared.c - what the program of a survey has in common with the helper of a push */
#include "../helper98/crc32.c"
#include "../helper98/info.c"
#include "../helper98/writer.c"
