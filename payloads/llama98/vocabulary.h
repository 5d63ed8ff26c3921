/* vocabulary.h - the tokenizer of a container: texts to tokens, and back. docs/formats.md describes its section.
 *
 * Nothing is copied or sorted: all tables stand in the section as they are used. */
#ifndef LLAMA98_VOCABULARY_H
#define LLAMA98_VOCABULARY_H

#include "llama98.h"

enum token_type { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };
enum split_rule { SPLIT_NONE = 0, SPLIT_GPT2, SPLIT_SMOLLM, SPLIT_QWEN2, SPLIT_LLAMA3, SPLIT_DEFAULT };
enum class_bit { CLASS_LETTER = 1, CLASS_NUMBER = 2, CLASS_SPACE = 4, CLASS_PUNCTUATION = 8 };

#define VOCABULARY_BOS 1u
#define VOCABULARY_BLANK 2u /* stands before each text */
#define VOCABULARY_WHOLE 4u /* a word that is a token is that token, whatever its pairs */
#define VOCABULARY_RANKS 8u
#define NO_TOKEN (-1)

struct vocabulary {
    u8 *memory;
    u32 memory_bytes;
    i32 count;
    int scored;        /* SentencePiece: pairs merge by the score of what they make */
    enum split_rule rule;
    u32 flags;
    i32 bos, eos, unknown;
    u32 n_pairs, n_specials, n_ranges, n_shown, id_bytes;
    const u32 *offsets;  /* (count + 1) */
    const i32 *bytes;    /* (256) the token of a single byte */
    const u32 *typed;    /* (256) a byte of the PC's code page in Unicode */
    const u32 *shown;    /* (n_shown) code point, and its byte << 24 */
    const u32 *ranges;   /* (n_ranges) first code point, and class << 24 */
    const i32 *specials; /* (n_specials) */
    const i32 *sorted;   /* (count) by their texts */
    const float *scores; /* (count) */
    const u32 *ranks;    /* (n_pairs) or NULL */
    const u8 *pairs;     /* (n_pairs) left, right, result */
    const u8 *types;     /* (count) */
    const u8 *texts;
};

int vocabulary_load(struct vocabulary *v, struct model *m);
void vocabulary_close(struct vocabulary *v);

/* The token with this text, or NO_TOKEN. */
i32 vocabulary_find(const struct vocabulary *v, const u8 *text, u32 count);
/* What two tokens merge to, or NO_TOKEN; lower ranks merge first. */
i32 vocabulary_pair(const struct vocabulary *v, i32 left, i32 right, u32 *rank);
u32 vocabulary_class(const struct vocabulary *v, u32 point);

/* ---- texts to tokens (encode.c, split.c) ----------------------------------------------------- */
/* Tokens in memory of their own. */
struct tokens {
    i32 *at;
    u32 count, room;
};
/* Room for what a text of so many bytes becomes at most, added to what is there already. */
int tokens_room(struct tokens *tokens, u32 bytes);
void tokens_close(struct tokens *tokens);
/* Adds the tokens of a text. Special tokens are found in it, but control tokens not from byte `plain` on for
 * `plain_count` bytes: what a user types. */
enum encode_how { ENCODE_FIRST = 1 /* a text of its own */, ENCODE_BOS = 2 /* with BOS before it, if the model wants it */ };
int vocabulary_encode(const struct vocabulary *v, struct tokens *tokens, const u8 *text, u32 count, u32 plain,
                      u32 plain_count, unsigned how);
/* Marks where words end: ends[i] = 1 when one ends before point i. */
void split_words(const struct vocabulary *v, const u32 *points, u8 *ends, u32 count);

/* ---- characters (characters.c) --------------------------------------------------------------- */
/* The code point at `text`, `count` > 0 bytes long, and how many bytes it takes; U+FFFD and 1 where none is. */
u32 character_read(const u8 *text, u32 count, u32 *used);
/* Writes at most 4 bytes; returns how many. */
u32 character_write(u8 *to, u32 point);

/* ---- tokens to text (decode.c) --------------------------------------------------------------- */
/* What of a text is not yet complete, and how it is shown. */
#define RECORD 0x1E /* begins what is not an answer, where --marks asks for it; see chat.c */

struct shower {
    const struct vocabulary *v;
    int utf8;
    int blank; /* the first blank is not shown */
    u8 pending[4];
    u32 n_pending;
};
void shower_start(struct shower *s, const struct vocabulary *v, int utf8);
/* Writes the text of one token, as far as its characters are complete; control tokens have none. */
void shower_show(struct shower *s, i32 token);
void shower_end(struct shower *s);
/* A text as it came from the PC's keyboard or command line becomes UTF-8; `to` holds 4 times as many. Returns the bytes. */
u32 text_typed(const struct vocabulary *v, const u8 *from, u32 count, u8 *to, int utf8);

#endif
