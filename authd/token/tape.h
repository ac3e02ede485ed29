/* tape: a JSON value laid out flat in one block of memory.
 *
 * A tree of jansson takes six times its text; a daemon that keeps the claims of ten thousand tokens
 * wants about the text itself. A node is eight bytes, in document order, a container's followed by
 * what is inside; names that tokens usually have are numbers of a table, other strings lie behind
 * the nodes. Made from a value that json_parse accepted; immutable, so any thread may read it;
 * reading allocates nothing. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <jansson.h>
#include <stdint.h>

#define TAPE_DEPTH_MAX 32
#define TAPE_ARENA_MAX 65535 /* offsets are 16 bits; a text of half of this always fits */
#define TAPE_NODES_MAX 32767

typedef enum TapeType {
        TAPE_ABSENT, /* no value: what a search that found nothing gives */
        TAPE_NULL,
        TAPE_FALSE,
        TAPE_TRUE,
        TAPE_INTEGER,
        TAPE_REAL,
        TAPE_STRING,
        TAPE_ARRAY,
        TAPE_OBJECT,
} TapeType;

typedef struct Tape Tape;
typedef struct TapeNode TapeNode;

/* TapeValue: borrows from its tape. */
typedef struct TapeValue {
        const Tape *tape;
        const TapeNode *node; /* NULL: absent */
} TapeValue;

#define TAPE_VALUE_ABSENT ((TapeValue){ NULL, NULL })

/* tape_new: 0, -E2BIG (deeper or larger than the limits), -ENOMEM. */
int tape_new(const json_t *value, Tape **ret);
void tape_free(Tape *tape);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tape, tape_free)
size_t tape_size(const Tape *tape); /* bytes of memory */

TapeValue tape_root(const Tape *tape);
TapeType tape_type(TapeValue value);
Span tape_string(TapeValue value);     /* empty unless a string */
int64_t tape_integer(TapeValue value); /* 0 unless an integer */
double tape_number(TapeValue value);   /* 0 unless an integer or a real */
/* tape_first, tape_next: the elements of an array, the members of an object; absent past the last.
 */
TapeValue tape_first(TapeValue container);
TapeValue tape_next(TapeValue container, TapeValue element);
size_t tape_count(TapeValue container);
Span tape_name(TapeValue member); /* a member's name; empty for elements and the root */
TapeValue tape_member(TapeValue object, Span name);
/* tape_has_string: value is that string, or an array that holds it. */
bool tape_has_string(TapeValue value, Span wanted);
/* tape_write: appends it as JSON text without white space; control characters and those that end a
 * line (U+2028, U+2029) escaped. */
void tape_write(TapeValue value, GString *out);
void tape_write_name(TapeValue member, GString *out); /* quoted */
/* tape_write_string: any text as a JSON string; it must be UTF-8. */
void tape_write_string(Span text, GString *out);
void tape_write_integer(int64_t number, GString *out);
