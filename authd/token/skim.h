/* skim: one string member of a JSON object, read without building the object.
 *
 * For a payload that nobody has verified yet. The whole text must be one object that closes where
 * the text ends, at most SKIM_DEPTH_MAX deep; the member must stand at its top level, once, and be
 * a string. Names and values are compared and returned with their escapes undone, as jansson would.
 * Allocates nothing, recurses nowhere. Pure; any thread. */
#pragma once

#include "base/span.h"

#define SKIM_DEPTH_MAX 16 /* of nested values below the object itself */

/* skim_string: *ret borrows from object, or from buffer where the text had escapes; a value over
 * buffer_size bytes is refused either way. */
bool skim_string(Span object, const char *name, char *buffer, size_t buffer_size, Span *ret);
