/* kernels_p3_mmx.c - the kernels of kernels_stream.h for a Pentium III: with PREFETCHNTA,
 * which takes nothing of the second-level cache, and needs no support by Windows. Chosen by CPUID; no other file has the instruction. */
#include "llama98.h"

#define NAME(kernel) kernel##_p3
#if defined(__i386__) || defined(__x86_64__)
#define PREFETCH(offset, base, index) "prefetchnta " offset "(%[" base "],%[" index "])\n\t"
#endif
#include "kernels_stream.h"
