/* container.h - what the parts of the program that read a container share. docs/formats.md describes the file. */
#ifndef LLAMA98_CONTAINER_H
#define LLAMA98_CONTAINER_H

#include "llama98.h"

enum section_kind {
    SECTION_TOKENIZER = 1, SECTION_CHAT = 2, SECTION_ROPE = 3, SECTION_PREFIX = 4, SECTION_FINAL = 16,
    SECTION_TABLE = 17, SECTION_CLASSIFIER = 18, SECTION_LAYER = 32
};

/* ---- container.c ----------------------------------------------------------------------------- */
/* Do these first bytes of a file say that it is one? */
int container_is(const u8 *first, u32 got);
/* Reads and judges the head and all volumes; m->file is open. */
int container_open(struct model *m, const char *path);
void container_close(struct model *m);
/* The section, or NULL. */
const struct section *container_find(const struct model *m, u32 kind, u32 index);
/* Sets m->file to a byte of a section. */
int container_seek(struct model *m, const struct section *s, u32 offset);
/* Complain that a read failed; that a section differs from its check. */
int container_stopped(struct model *m);
int container_differs(struct model *m, const struct section *s);

/* ---- checks (checks.c) ----------------------------------------------------------------------- */
u32 crc32_of(const u8 *bytes, usize count);
/* The check of sections of weights: two lanes of sums, and sums of these. */
struct sums {
    u32 sums[4];
};
u32 sums_check(const struct sums *s);

/* ---- reading (sections.c) -------------------------------------------------------------------- */
/* Reads `count` bytes from where m->file stands, adding them to the sums unless these are NULL. */
int section_read(struct model *m, u8 *to, u32 count, struct sums *sums);
/* Reads a whole section to `to` and compares its check. */
int section_load(struct model *m, const struct section *s, u8 *to);
/* The same into new memory, which is the caller's. */
int section_take(struct model *m, const struct section *s, u8 **to);

/* ---- the weights (stream.c) ------------------------------------------------------------------ */
/* model_load for a container: what fits into m->room comes into memory. */
int container_load(struct model *m, const char *path);

/* ---- where things are in a layer (parts.c) --------------------------------------------------- */
/* Where each part begins (NULL while counting) and what it takes. */
struct layer_parts {
    u8 *at[PARTS_OF_LAYER];
    u64 bytes[PARTS_OF_LAYER];
    u64 vectors[PARTS_OF_LAYER]; /* of these, the vectors, which come before the matrices */
};
/* Sets all of `w`, and parts->bytes. 0 when an encoding is none. */
int layer_point(const struct config *c, struct layer *w, const u8 *encodings, struct layer_parts *parts);
u64 layer_bytes(const struct layer_parts *parts);

#endif
