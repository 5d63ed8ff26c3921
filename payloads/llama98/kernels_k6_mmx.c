/* kernels_k6_mmx.c - the kernels of kernels_stream.h for an AMD K6-2: with PREFETCH,
 * 3DNow!, without its numbers: no register of the FPU changes. Chosen by CPUID; no other file has the instruction. */
#include "llama98.h"

#define NAME(kernel) kernel##_k6
#if defined(__i386__) || defined(__x86_64__)
#define PREFETCH(offset, base, index) "prefetch " offset "(%[" base "],%[" index "])\n\t"
#endif
#include "kernels_stream.h"
