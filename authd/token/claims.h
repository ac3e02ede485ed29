/* claims: what a verified token says (RFC 7519 §4), or its provider of it (RFC 7662), parsed once
 * and then immutable.
 *
 * claims_parse is called only after verify_jws said yes. Registered claims are typed
 * and checked here: a wrong type or a NumericDate out of range makes the token malformed. Strings
 * are hostile text until encoded for where they go. Counted by references (atomic); any thread. */
#pragma once

#include "token/tape.h"

#include <glib.h>
#include <stdint.h>

#define CLAIMS_DEPTH_MAX     16
#define CLAIMS_AUDIENCES_MAX 256
#define CLAIMS_TIME_MAX      INT64_C(253402300799) /* 9999-12-31: later is a malformed NumericDate */
#define CLAIMS_TIME_NONE     INT64_C(-1)

typedef enum ClaimsAnswer { CLAIMS_E_MALFORMED = 1 } ClaimsAnswer;

/* TokenKind: from the header's typ and Keycloak's typ claim. */
typedef enum TokenKind {
        TOKEN_KIND_UNMARKED, /* neither says anything beyond JWT */
        TOKEN_KIND_ACCESS,   /* claim typ Bearer (Keycloak), or header at+jwt (RFC 9068) */
        TOKEN_KIND_ID,
        TOKEN_KIND_REFRESH,
        TOKEN_KIND_OFFLINE,
        TOKEN_KIND_LOGOUT, /* claim typ Logout, header logout+jwt, or the logout event */
        TOKEN_KIND_DPOP,   /* header dpop+jwt: a proof, no token */
        TOKEN_KIND_BOUND,  /* claim typ DPoP (Keycloak), or an answer's token_type: an access token
                            * that  is bound to a key, no bearer token */
        TOKEN_KIND_ASSERTION, /* header authd-assertion+jwt: an authd's word, no token of a provider
                               */
        TOKEN_KIND_OTHER,     /* a mark that we do not know */
} TokenKind;

typedef struct Claims Claims;

/* claims_parse: payload is the decoded JSON; typ the header's (may be empty). On CLAIMS_E_MALFORMED
 * *ret_trouble (may be NULL) is a static sentence. 0, CLAIMS_E_MALFORMED, -ENOMEM. */
int claims_parse(Span payload, Span typ, Claims **ret, const char **ret_trouble);

/* claims_merge: what a provider says of a token that it was asked about (RFC 7662 §2.2).
 * *ret_active is the answer's active, which must be true or false; when false, *ret is NULL and
 * nothing else of the answer was looked at. own: the claims of the token itself, whose signature
 * held; they win, and iss, sub, jti, azp and client_id that both have must be equal. NULL: the
 * token is opaque, the answer is all there is, a missing iss is the issuer that was asked, and
 * token_type tells the kind: Bearer is an access token, DPoP is bound to a key, another word is
 * unknown. A token in the answer (Keycloak's member jwt) is left out. 0, CLAIMS_E_MALFORMED,
 * -ENOMEM, as above. */
int claims_merge(const Claims *own, Span answer, Span issuer, bool *ret_active, Claims **ret,
                 const char **ret_trouble);
Claims *claims_ref(Claims *claims);
void claims_unref(Claims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claims, claims_unref)

TapeValue claims_root(const Claims *claims); /* all of them; tape_write gives their JSON text */
size_t claims_size(const Claims *claims);    /* bytes of memory held, for the cache's bound */
TokenKind claims_kind(const Claims *claims);
TokenKind claims_header_kind(const Claims *claims); /* what the header's typ alone says */
const char *token_kind_text(TokenKind kind);

Span claims_issuer(const Claims *claims);  /* empty: absent */
Span claims_subject(const Claims *claims); /* empty: absent */
Span claims_party(const Claims *claims); /* azp, or client_id where azp is absent (RFC 9068 §2.2) */
Span claims_jti(const Claims *claims);
Span claims_sid(const Claims *claims);
int64_t claims_expiry(const Claims *claims);     /* exp; CLAIMS_TIME_NONE: absent */
int64_t claims_not_before(const Claims *claims); /* nbf */
int64_t claims_issued_at(const Claims *claims);  /* iat */
size_t claims_n_audiences(const Claims *claims);
Span claims_audience(const Claims *claims, size_t index);
bool claims_has_audience(const Claims *claims, Span audience);
/* claims_has_scope: one word of the space-separated scope claim (RFC 8693 §4.2; an array of strings
 * is read alike). */
bool claims_has_scope(const Claims *claims, Span scope);

/* claims_find: a claim by dotted path ("realm_access.roles"); a member whose own name holds the
 * dots is tried first at each level ("https://example.com/x"). Absent when there is none. Allocates
 * nothing. */
TapeValue claims_find(const Claims *claims, const char *path);
