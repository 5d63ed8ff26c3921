/* shared.c - what the helper of a pull has in common with that of a push */
#include "../helper98/crc32.c"
#include "../helper98/fail.c"
#include "../helper98/info.c"
#include "../helper98/job.c"
#include "../helper98/self.c"
#include "../helper98/writer.c"
