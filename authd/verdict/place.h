/* place: where a request goes, in the one spelling by which rules are looked up.
 *
 * A path is normalised once, here, and refused when two readers could understand it differently, so
 * that no rule is passed by by spelling it another way. In order:
 *   1. it begins with "/"; an absolute-form target loses its scheme and authority, which must be
 *      the host; "*" and others are refused. The query is not looked at.
 *   2. %XX of an unreserved character (RFC 3986 §2.3) is decoded, once; a "%" without two hex
 *      digits is refused; %2F, %5C, %00 and other controls are refused (encoded_slash = allow
 *      keeps %2F as it is, as one byte of its segment); the rest keeps its %XX in upper case.
 *   3. a raw control character, space, backslash, "#" or byte over 0x7e is refused.
 *   4. "//" becomes "/"; "." and ".." segments are resolved, and one that would leave the root is
 *      refused; a segment that is dots and more after decoding ("..;x", "%2e%2e") counts as its
 *      dots.
 *   5. ";" and what follows in a segment (path parameters) is cut; a segment's trailing dots are
 *      kept as they are written unless the whole segment is dots.
 * The host is lower-cased, its port cut, its trailing dot cut; a name that is none is refused.
 * Pure; any thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define PLACE_PATH_SIZE_MAX 8192
#define PLACE_HOST_SIZE_MAX 255

typedef struct Place {
        Span method;    /* as sent; borrowed */
        char *host;     /* "" when none was told */
        char *path;     /* normalised, begins with "/" */
        bool is_unsafe; /* not GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1) */
} Place;

typedef enum PlaceAnswer { PLACE_E_REFUSED = 1 } PlaceAnswer;

/* place_init: 0; PLACE_E_REFUSED and a static sentence in *ret_why. */
int place_init(Place *place, Span method, Span host, Span target, bool allow_encoded_slash,
               const char **ret_why);
void place_clear(Place *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)
bool place_method_is_unsafe(Span method); /* unknown and empty ones are */
