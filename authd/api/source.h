/* source: where a request carries its token: Authorization, and what its policy names beside it.
 *
 * token_from names header:NAME, cookie:NAME and query:NAME; what is not named is not looked at.
 * The first that is there counts, Authorization before all; two that hold different tokens are
 * nobody's word, and refused. Sources are immutable; any thread. */
#pragma once

#include "net/server.h"

#define SOURCES_MAX          8 /* a policy */
#define SOURCE_NAME_SIZE_MAX 128

typedef enum SourceAnswer {
        SOURCE_E_DIFFER = 1, /* two tokens */
        SOURCE_E_DOUBLED,    /* one place holds it twice, or not readably */
} SourceAnswer;

typedef struct Sources Sources;

/* sources_new: lines NULL: Authorization alone. The error is one sentence. */
Sources *sources_new(char *const *lines, GError **error);
void sources_free(Sources *sources);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sources, sources_free)

typedef struct FoundToken {
        Span token;   /* empty: none; borrows from the request, or from owned */
        char *owned;  /* NULL: none; the caller erases and frees it */
        bool by_dpop; /* "Authorization: DPoP TOKEN" (RFC 9449 §7.1) */
} FoundToken;

/* sources_find: query is that of the request that is judged. Another scheme than Bearer and DPoP is
 * no token of ours: the same as none. */
int sources_find(const Sources *sources, const Request *request, Span query, FoundToken *ret);
/* source_after: what follows "SCHEME " in an Authorization, the scheme in any case; false: another
 * scheme, or nothing behind it. */
bool source_after(Span authorization, const char *scheme, Span *ret_token);
