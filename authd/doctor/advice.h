/* advice: what a provider's refusals are likely to mean, and what to do, as tables of words.
 *
 * Pure; any thread. ADVICE_CLIENT_WORD stands for the client's name where a console shows it. */
#pragma once

#include "issuer/clientauth.h"
#include "token/jwk.h"

#include <glib.h>
#include <jansson.h>

#define ADVICE_CLIENT_WORD "CLIENT_ID"
#define ADVICE_FILE        "Give authd's user the right to read the file, or name another."
#define ADVICE_TOKEN                                                                               \
        "Tokens like this are refused: compare algorithms with Keycloak's Clients "                \
        "→ " ADVICE_CLIENT_WORD                                                                    \
        " → Advanced → Access token signature algorithm, and the keys above."

/* What a token endpoint's refusal means. Keycloak says unauthorized_client both of a wrong secret
 * and of a client without service account; its description tells them apart. */
typedef struct RefusalWords {
        const char *error;
        const char *description; /* a part of it; NULL: any */
        bool is_known;           /* the client was believed */
        const char *found;
        const char *advice;
} RefusalWords;

char *advice_of_error(int error);        /* a negative errno of a call */
char *advice_of_status(unsigned status); /* of an HTTP answer that is not 200 */
char *advice_of_key(int answer);         /* a JwkAnswer */
const char *advice_of_method(ClientAuthMethod method);
const RefusalWords *refusal_find(const json_t *object); /* takes NULL; NULL: unknown */
