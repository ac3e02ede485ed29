/* distrusting: see distrusting.h. */
#include "distrusting.h"

#include "token/json.h"

typedef struct Refusal {
        int answer;
        unsigned status;
        const char *word, *detail;
} Refusal;

static const Refusal refusals[] = {
        { ISSUERS_E_UNKNOWN_ISSUER, 404, "unknown_issuer",
          "No issuer of that name is in authd.conf." },
        { ISSUERS_E_NOT_THERE, 409, "not_distrusted",
          "That key is not distrusted here; what distrust_kid of authd.conf names is taken back "
          "there." },
        { ISSUERS_E_FULL, 409, "too_many",
          "As many keys as may be are distrusted already, and this one is not; take back old "
          "ones." },
        { -EINVAL, 400, "bad_request", "No key has such a name; give its kid or its thumbprint." },
};

static char *dump(json_t *value)
{
        json_auto *owned = value;
        char *text = json_dumps(owned, JSON_COMPACT);
        char *copy = g_strdup(text);

        free(text);
        return copy;
}

static const Refusal *find_refusal(int answer)
{
        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (refusals[i].answer == answer)
                        return &refusals[i];
        return NULL;
}

bool distrusting_do(Issuers *issuers, const char *question, MainAnswer *ret)
{
        json_auto *asked = json_loads(question, 0, NULL);
        const char *issuer = json_string_value(json_object_get(asked, "issuer"));
        const char *key = json_string_value(json_object_get(asked, "key"));
        bool trust = json_is_true(json_object_get(asked, "trust"));
        int answer = issuers_distrust(issuers, issuer, key, !trust);
        const Refusal *refusal = find_refusal(answer);

        if (refusal) {
                *ret = (MainAnswer){
                        .status = refusal->status,
                        .body = dump(json_pack("{s:s, s:s}", "error", refusal->word, "detail",
                                               refusal->detail)),
                };
                return false;
        }
        *ret = (MainAnswer){
                .status = 200,
                .body = dump(json_pack("{s:s, s:s, s:b, s:b}", "issuer", issuer, "key", key,
                                       "distrusted", (int) !trust, "lasting",
                                       (int) (answer != ISSUERS_E_NOT_LASTING))),
        };
        return true;
}
