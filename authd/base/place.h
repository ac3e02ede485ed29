/* place: where a request goes, in the one spelling by which rules are looked up.
 *
 * A path is normalised once, here, and refused when two readers could understand it differently, so
 * that no rule is passed by by spelling the path another way:
 *   1. Of an absolute-form target (RFC 9112 §3.2.2) scheme and authority are cut; the authority
 *      must be the host. What does not begin with "/" then is refused. The query is not looked at.
 *   2. Raw controls, spaces, backslashes, "#", and bytes over 0x7e are refused.
 *   3. %XX is decoded where it stands for an unreserved character (RFC 3986 §2.3), once, and stays
 *      in upper case elsewhere. Refused are: "%" without two hex digits, encoded controls,
 *      backslashes and bytes over 0x7e that are no UTF-8, an encoded "%" before two hex digits
 *      (encoded twice), and an encoded slash, unless allowed; then it is a byte of its segment.
 *   4. ";" and what follows in a segment (path parameters) is cut. A segment of which nothing or
 *      "." is left then is refused: who knows no parameters takes it for a name.
 *   5. Empty segments ("//") and "." go. ".." is refused: a service that gets the raw path may
 *      resolve it otherwise, or not at all, and clients resolve it before they send. So is another
 *      segment that ends in a dot, which some file systems cut.
 *   6. A slash at the end is cut: /orders/ and /orders are one place.
 * Letters keep their case. A host is lower-cased; its port and a dot at its end are cut. Pure; any
 * thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define PLACE_PATH_SIZE_MAX 8192
#define PLACE_HOST_SIZE_MAX 255

typedef struct Place {
        Span method;    /* as sent; borrowed */
        char *host;     /* "" when none was told */
        unsigned port;  /* 0 when none was told */
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
