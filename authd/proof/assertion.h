/* assertion: authd's own word on a token that it took, as a JWT for the services behind a proxy.
 *
 * An AssertionRule is what a policy says of it, immutable. An AssertionSigner is one thread's
 * scratch: it signs by ES256, and hands the same assertion out again for the same token and policy
 * until half of its life is over. Claims are hostile text, and are written as JSON by the tape. An
 * assertion is never good for longer than its token, and never longer than ASSERTION_SIZE_MAX: a
 * claim that does not fit is left out whole, and named in left_out. */
#pragma once

#include "base/secret.h"
#include "proof/assertionkeys.h"
#include "token/claims.h"

#define ASSERTION_SIZE_MAX       4096 /* bytes: proxies take answers' headers of 8 KiB and less */
#define ASSERTION_CLAIMS_MAX     32
#define ASSERTION_KEPT_MAX       4096 /* assertions that one signer keeps */
#define ASSERTION_CLAIMS_DEFAULT "preferred_username;email;groups"
#define ASSERTION_ISSUER_DEFAULT "authd"

typedef struct AssertionRule {
        char *issuer;
        char *audience;
        int64_t ttl_sec;
        char **claims; /* paths; each is a member of that very name */
} AssertionRule;

/* assertion_rule_init: copies. claims NULL: the default ones. On false rule may be deinited. */
bool assertion_rule_init(AssertionRule *rule, const char *issuer, const char *audience,
                         int64_t ttl_sec, char *const *claims, GError **error);
void assertion_rule_deinit(AssertionRule *rule);

typedef struct AssertionOrder {
        const AssertionRule *rule;
        const char *policy; /* interned */
        const Claims *claims;
        const Fingerprint *token; /* NULL: its claims may change, so nothing is kept */
        int64_t now_sec;
} AssertionOrder;

typedef struct AssertionSigner AssertionSigner;
AssertionSigner *assertion_signer_new(void); /* NULL: OpenSSL lacks something */
void assertion_signer_free(AssertionSigner *signer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AssertionSigner, assertion_signer_free)
/* assertion_signer_take: from now on by these keys (NULL: none), and with nothing kept. signer may
 * be NULL. */
void assertion_signer_take(AssertionSigner *signer, AssertionKeys *keys);
Span assertion_signer_jwks(const AssertionSigner *signer); /* borrowed */
/* assertion_sign: *ret is borrowed until the next call. 0; -ENOKEY; -E2BIG: not even what each
 * assertion has fits; -EIO: OpenSSL failed. */
int assertion_sign(AssertionSigner *signer, const AssertionOrder *order, Span *ret);
