/* kernels_engine_mmx.c - those with MMX */
#include "../llama98/kernels_mmx.c"
