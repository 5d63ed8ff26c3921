/* kernels_lookup_mmx.c - those with MMX that make tables */
#include "../llama98/kernels_tables_mmx.c"
