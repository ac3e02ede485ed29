/* template: a header's value, made of claims ("{preferred_username}", "{groups|join:,}").
 *
 * Literal text and {path} or {path|filter:argument} parts; "{{" and "}}" are braces. Filters:
 * join:SEP (arrays; the default separator is ","), default:TEXT, map:LEFT=RIGHT,LEFT=RIGHT (the
 * right of the first pair whose left the claim is, or holds), url (all but RFC 3986's unreserved
 * characters as %XX) and base64url (each string's bytes). A claim that is absent, null or an object
 * gives "". What comes out is printable ASCII: every byte outside 0x20..0x7e, and '%'
 * itself, of a claim is written as %XX (RFC 3986 §2.1), an element's own separator too when joined,
 * and leading and trailing spaces; so a claim can inject neither a header nor a list element. */
#pragma once

#include "token/claims.h"

#define TEMPLATE_SIZE_MAX  1024
#define TEMPLATE_PARTS_MAX 32
#define TEMPLATE_VALUE_MAX                                                                         \
        (8 * 1024) /* bytes of one value; a longer one is cut at an element's or escape's edge,    \
                      never within */
#define HEADERS_DEFAULT_MAX 8

typedef struct Template Template;

Template *template_new(const char *text, GError **error);
void template_free(Template *template);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Template, template_free)
/* template_expand: appends to out. */
void template_expand(const Template *template, const Claims *claims, GString *out);
