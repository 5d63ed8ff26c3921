/* pace.h - one round of a kernel of the engine */
#ifndef PROBE_PACE_H
#define PROBE_PACE_H

#include "sys.h"

#define PACE_ROWS 32
#define PACE_COLUMNS 256

enum paced { PACED_X87, PACED_INT8_C, PACED_INT8_MMX, PACED_INT4_MMX, PACED_TERNARY_MMX };

/* A matrix of PACE_ROWS rows times a vector. All three have 16 KB and more. */
void kernel_round(enum paced kernel, u8 *weights, u8 *inputs, u8 *results);

#endif
