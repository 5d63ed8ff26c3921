/* shared_win32.c - the same of the Windows back end */
#include "../agent98/base_win32.c"
#include "../agent98/net_win32.c"
#include "../agent98/process_win32.c"
#include "../agent98/start_win32.c"
#include "../agent98/texts_win32.c"
