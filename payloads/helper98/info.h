/* info.h - the lines that INFO.TXT and RESULT.TXT have in common: what machine this is. */
#ifndef HELPER_INFO_H
#define HELPER_INFO_H

#include "sys.h"

/* Writes system=, cpu=, cpu_mhz= (unless 0), cpu_features=, memory=, disk_free= by the writer. */
void info_lines(u32 mhz);

#endif
