/* job.c - the data of the one job; see job.h */
#include "job.h"

struct job job;
u8 buffer[BUFFER_SIZE];
const char next_ftp[] = "NEXT.FTP";
const char result_txt[] = "RESULT.TXT";
const char info_txt[] = "INFO.TXT";
