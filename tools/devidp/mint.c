#include "mint.h"

#include "access.h"
#include "sign.h"

#include <openssl/rand.h>

#define OPAQUE_BYTES 32

typedef struct Order {
        const char *client;
        const char *user;
        const char *scope;
        const char *alg;
        const char *kid;
        json_t *claims;
        json_t *header;
        int forged;
        int raw;
        int opaque;
        int lightweight;
} Order;

/* Minted: all claims, those that the token shows, and who signs. */
typedef struct Minted {
        json_t *claims;
        json_t *shown;
        const SigningKey *key; /* NULL: opaque */
} Minted;

static bool order_read(json_t *json, Order *ret)
{
        Order order = { .lightweight = -1 };

        if (json_unpack_ex(json, NULL, JSON_STRICT,
                           "{s?s, s?s, s?s, s?s, s?s, s?o, s?o, s?b, s?b, s?b, s?b}", "client",
                           &order.client, "user", &order.user, "scope", &order.scope, "alg",
                           &order.alg, "kid", &order.kid, "claims", &order.claims, "header",
                           &order.header, "forged", &order.forged, "raw", &order.raw, "opaque",
                           &order.opaque, "lightweight", &order.lightweight) != 0)
                return false;
        if ((order.claims && !json_is_object(order.claims)) ||
            (order.header && !json_is_object(order.header)))
                return false;
        *ret = order;
        return true;
}

/* override: members of null go away, the others replace. */
static void override(json_t *target, const json_t *wanted)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(target, name);
                else
                        json_object_set(target, name, value);
        }
}

/* override_shown: of what a lightweight token shows; what it does not show stays so. */
static void override_shown(json_t *shown, const json_t *wanted)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(shown, name);
                else if (json_object_get(shown, name))
                        json_object_set(shown, name, value);
        }
}

/* --- the token --- */

static char *sign_order(const Order *order, const Minted *minted)
{
        g_autoptr(SigningKey) stranger = order->forged ? signing_key_new(minted->key->kind) : NULL;
        json_t *header = json_pack("{s:s}", "kid", minted->key->kid);

        json_object_update(header, order->header);
        char *token = sign_compact(stranger ? stranger : minted->key, header, minted->shown);
        json_decref(header);
        return token;
}

static char *random_words(void)
{
        unsigned char bytes[OPAQUE_BYTES];

        return RAND_bytes(bytes, sizeof(bytes)) == 1 ? sign_base64url(bytes, sizeof(bytes)) : NULL;
}

static void answer_minted(Idp *idp, const Order *order, const Minted *minted, Answer *answer)
{
        g_autofree char *token = minted->key ? sign_order(order, minted) : random_words();

        if (!token) {
                answer_error(answer, 400, "invalid_request", "such a token cannot be signed");
                return;
        }
        if (!order->forged)
                issued_remember(idp->issued, token, minted->key ? minted->key->kid : NULL,
                                json_incref(minted->claims));
        answer_json(answer, 200,
                    json_pack("{s:s, s:O}", "access_token", token, "claims", minted->shown));
}

static const SigningKey *signer_of(const Idp *idp, const Order *order, const char *alg)
{
        const SigningKey *key = order->kid
                                    ? keyring_find(idp->keyring, order->kid)
                                    : keyring_signer(idp->keyring, order->alg ? order->alg : alg);

        return key && !key->kind->encryption ? key : NULL;
}

static void mint_with(Idp *idp, const Order *order, const char *alg, Minted *minted, Answer *answer)
{
        minted->key = order->opaque ? NULL : signer_of(idp, order, alg);
        if (minted->key || order->opaque)
                answer_minted(idp, order, minted, answer);
        else
                answer_error(answer, 400, "invalid_request",
                             "no key for that algorithm, or no such kid");
}

/* --- the claims --- */

static void mint_raw(Idp *idp, const Order *order, Answer *answer)
{
        Minted minted = { .claims = json_object() };

        override(minted.claims, order->claims);
        minted.shown = minted.claims;
        mint_with(idp, order, idp->realm->default_alg, &minted, answer);
        json_decref(minted.claims);
}

static void mint_for(Idp *idp, const Order *order, const Access *access, Answer *answer)
{
        Minted minted = { .claims = access_claims(idp, access) };
        bool lightweight =
            order->lightweight >= 0 ? order->lightweight : access->client->lightweight;

        if (lightweight)
                minted.shown = access_lightweight(access, minted.claims);
        override(minted.claims, order->claims);
        if (lightweight)
                override_shown(minted.shown, order->claims);
        else
                minted.shown = json_incref(minted.claims);
        mint_with(idp, order, access->client->alg, &minted, answer);
        json_decref(minted.shown);
        json_decref(minted.claims);
}

void mint_answer(Idp *idp, json_t *json, Answer *answer)
{
        Order order;

        if (!json || !order_read(json, &order) || (order.raw && order.lightweight > 0)) {
                answer_error(answer, 400, "invalid_request", "see own.h for what mint takes");
                return;
        }
        if (order.raw) {
                mint_raw(idp, &order, answer);
                return;
        }
        const Client *client = realm_client(idp->realm, order.client);
        const Person *person = order.user ? realm_person(idp->realm, order.user)
                                          : (client ? client->service_account : NULL);
        g_autofree char *scope = client ? access_scope(client, order.scope) : NULL;
        if (!client || !person || !scope) {
                answer_error(answer, 400, "invalid_request", "no such client, user or scope");
                return;
        }
        g_autofree char *sid = order.user ? g_uuid_string_random() : NULL;
        mint_for(
            idp, &order,
            &(Access){ client, person, scope, sid, order.user ? "ro" : "cc", idp_now_sec(idp) },
            answer);
}
