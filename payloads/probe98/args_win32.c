/* args_win32.c - the helper's own, smaller args_split */
#include "../helper98/args_win32.c"
