/* kernels.c - the kernels of the engine that need nothing else of it */
#include "../llama98/kernels_c.c"
#include "../llama98/kernels_x87.c"
#include "../llama98/checks.c"
#include "../llama98/tables.c"
