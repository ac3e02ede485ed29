/* json: jansson, wrapped strict.
 *
 * The whole text is one value; refused are: trailing bytes, duplicate members, invalid UTF-8, a NUL
 * in a string, numbers out of range, text over size_max, nesting over depth_max. Pure; any thread.
 */
#pragma once

#include "base/span.h"

#include <jansson.h>

typedef enum JsonAnswer {
        JSON_E_SYNTAX = 1,
        JSON_E_SIZE,
        JSON_E_DEPTH,
        JSON_E_DUPLICATE, /* one name twice in an object */
        JSON_E_UTF8,
        JSON_E_RANGE, /* a number that neither int64 nor double holds */
        JSON_E_TYPE,  /* not the type that the caller asked for */
} JsonAnswer;

typedef struct JsonLimits {
        size_t size_max;    /* bytes of text */
        unsigned depth_max; /* 1: a flat object */
} JsonLimits;

/* json_parse: 0 and a new reference, or JSON_E_*, or -ENOMEM. */
int json_parse(Span text, const JsonLimits *limits, json_t **ret);
/* json_parse_object: the same, and the value must be an object (JSON_E_TYPE). */
int json_parse_object(Span text, const JsonLimits *limits, json_t **ret);
const char *json_answer_text(int answer);

/* json_member_string: borrows from object. 0; JSON_E_TYPE if it is there and no string; -ENOENT. */
int json_member_string(const json_t *object, const char *name, Span *ret);

static inline void json_decref_pointer(json_t **value)
{
        json_decref(*value);
}
#define json_auto __attribute__((cleanup(json_decref_pointer))) json_t
