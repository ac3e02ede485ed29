/* assertion: see assertion.h. */
#include "proof/assertion.h"

#include "token/base64url.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>

#define HALF_SIZE          32 /* of r and of s (RFC 7518 §3.4) */
#define SIGNATURE_SIZE     (2 * HALF_SIZE)
#define SIGNATURE_DER_MAX  80
#define SIGNATURE_TEXT_LEN 86
#define DIGEST_SIZE        32
#define JTI_SIZE           16

typedef struct Kept {
        Fingerprint token;
        const char *policy;
        int64_t until_sec; /* half of its life */
        char *text;        /* NULL: an empty slot */
} Kept;

struct AssertionSigner {
        AssertionKeys *keys;
        EVP_MD *digest;
        EVP_PKEY_CTX *signing; /* of the key in use; NULL: none */
        GString *payload;
        GString *text;
        Kept *kept; /* a slot a token; made when first needed */
};

/* ---- the rule ---- */

/* What authd says itself, and what would make an assertion look like another kind of token. */
static const char *const own_members[] = { "iss",   "aud",    "sub", "azp",      "client_id",
                                           "scope", "policy", "iat", "exp",      "nbf",
                                           "jti",   "typ",    "cnf", "left_out", "events" };

static bool refuse_claim(GError **error, const char *path, const char *why)
{
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                    "assertion_claims: %s %s", path, why);
        return false;
}

static bool check_claims(char *const *claims, GError **error)
{
        for (size_t i = 0; claims[i]; i++) {
                if (i == ASSERTION_CLAIMS_MAX)
                        return refuse_claim(error, claims[i], "is one too many; remove some");
                if (claims[i][0] == '\0')
                        return refuse_claim(error, "\"\"", "is no claim; remove it");
                for (size_t j = 0; j < G_N_ELEMENTS(own_members); j++)
                        if (strcmp(claims[i], own_members[j]) == 0)
                                return refuse_claim(error, claims[i],
                                                    "is the assertion's own; remove it");
                for (size_t j = 0; j < i; j++)
                        if (strcmp(claims[i], claims[j]) == 0)
                                return refuse_claim(error, claims[i], "is there twice; remove one");
        }
        return true;
}

bool assertion_rule_init(AssertionRule *rule, const char *issuer, const char *audience,
                         int64_t ttl_sec, char *const *claims, GError **error)
{
        *rule = (AssertionRule){
                .issuer = g_strdup(issuer),
                .audience = g_strdup(audience),
                .ttl_sec = ttl_sec,
                .claims = claims ? g_strdupv((char **) claims)
                                 : g_strsplit(ASSERTION_CLAIMS_DEFAULT, ";", -1),
        };
        return check_claims(rule->claims, error);
}

void assertion_rule_deinit(AssertionRule *rule)
{
        g_clear_pointer(&rule->issuer, g_free);
        g_clear_pointer(&rule->audience, g_free);
        g_clear_pointer(&rule->claims, g_strfreev);
}

/* ---- the payload ---- */

static void write_name(GString *out, const char *name)
{
        g_string_append_c(out, out->len == 0 ? '{' : ',');
        tape_write_string(span_from(name), out);
        g_string_append_c(out, ':');
}

static void write_text(GString *out, const char *name, Span value)
{
        if (value.len == 0)
                return;
        write_name(out, name);
        tape_write_string(value, out);
}

static void write_number(GString *out, const char *name, int64_t number)
{
        write_name(out, name);
        tape_write_integer(number, out);
}

static void write_claim(GString *out, const Claims *claims, const char *path)
{
        TapeValue value = claims_find(claims, path);

        if (tape_type(value) == TAPE_ABSENT || tape_type(value) == TAPE_NULL)
                return;
        write_name(out, path);
        tape_write(value, out);
}

/* A payload's letters become four for three. */
static size_t payload_room(const AssertionKey *key)
{
        return (ASSERTION_SIZE_MAX - strlen(key->header_text) - SIGNATURE_TEXT_LEN - 2) / 4 * 3;
}

static void leave_out(GString *left_out, const char *path)
{
        g_string_append_c(left_out, left_out->len == 0 ? '[' : ',');
        tape_write_string(span_from(path), left_out);
}

/* write_claims: those that fit into room, and the names of the others. */
static void write_claims(GString *out, const AssertionOrder *order, size_t room)
{
        g_autoptr(GString) left_out = g_string_new(NULL);

        for (char *const *path = order->rule->claims; *path; path++) {
                size_t before = out->len;

                write_claim(out, order->claims, *path);
                if (out->len <= room)
                        continue;
                g_string_truncate(out, before);
                leave_out(left_out, *path);
        }
        if (left_out->len == 0)
                return;
        write_name(out, "left_out");
        g_string_append_len(out, left_out->str, (gssize) left_out->len);
        g_string_append_c(out, ']');
}

static size_t names_room(char *const *claims)
{
        size_t room = strlen(",\"left_out\":[]");

        for (; *claims; claims++)
                room += strlen(*claims) + strlen(",\"\"");
        return room;
}

static int64_t expiry(const AssertionOrder *order)
{
        int64_t end_sec = order->now_sec + order->rule->ttl_sec,
                exp_sec = claims_expiry(order->claims);

        return exp_sec == CLAIMS_TIME_NONE ? end_sec : MIN(end_sec, exp_sec);
}

static int write_payload(GString *out, const AssertionOrder *order, size_t room)
{
        uint8_t jti[JTI_SIZE];
        char jti_text[BASE64URL_ENCODED_MAX(JTI_SIZE)];
        const AssertionRule *rule = order->rule;

        if (RAND_bytes(jti, sizeof(jti)) != 1)
                return -EIO;
        g_string_truncate(out, 0);
        write_text(out, "iss", span_from(rule->issuer));
        write_text(out, "aud", span_from(rule->audience));
        write_text(out, "jti",
                   span_of(jti_text, base64url_encode(span_of(jti, JTI_SIZE), jti_text)));
        write_text(out, "policy", span_from(order->policy));
        write_number(out, "iat", order->now_sec);
        write_number(out, "exp", expiry(order));
        write_text(out, "sub", claims_subject(order->claims));
        write_text(out, "azp", claims_party(order->claims));
        write_claim(out, order->claims, "scope");
        if (out->len + names_room(rule->claims) + 1 > room)
                return -E2BIG;
        write_claims(out, order, room - names_room(rule->claims) - 1);
        g_string_append_c(out, '}');
        return 0;
}

/* ---- the signature ---- */

/* raw_signature: r and s of a fixed size each, where OpenSSL gives them as DER. */
static bool raw_signature(const uint8_t *der, size_t len, uint8_t ret[SIGNATURE_SIZE])
{
        const unsigned char *cursor = der;
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &cursor, (long) len);
        bool good = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret, HALF_SIZE) == HALF_SIZE &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret + HALF_SIZE, HALF_SIZE) == HALF_SIZE;

        ECDSA_SIG_free(pair);
        return good;
}

static bool sign_text(AssertionSigner *signer, Span text, uint8_t ret[SIGNATURE_SIZE])
{
        uint8_t digest[DIGEST_SIZE], der[SIGNATURE_DER_MAX];
        size_t len = sizeof(der);

        return EVP_Digest(text.data, text.len, digest, NULL, signer->digest, NULL) == 1 &&
               EVP_PKEY_sign(signer->signing, der, &len, digest, sizeof(digest)) == 1 &&
               raw_signature(der, len, ret);
}

static void append_base64url(GString *out, Span bytes)
{
        size_t before = out->len;

        g_string_set_size(out, before + BASE64URL_ENCODED_MAX(bytes.len));
        g_string_truncate(out, before + base64url_encode(bytes, out->str + before));
}

static int write_assertion(AssertionSigner *signer, const AssertionOrder *order)
{
        const AssertionKey *key = assertion_keys_signing(signer->keys);
        GString *text = signer->text;
        uint8_t signature[SIGNATURE_SIZE];
        int r = write_payload(signer->payload, order, payload_room(key));

        if (r < 0)
                return r;
        g_string_assign(text, key->header_text);
        g_string_append_c(text, '.');
        append_base64url(text, span_of(signer->payload->str, signer->payload->len));
        if (!sign_text(signer, span_of(text->str, text->len), signature))
                return -EIO;
        g_string_append_c(text, '.');
        append_base64url(text, span_of(signature, sizeof(signature)));
        g_assert(text->len <= ASSERTION_SIZE_MAX);
        return 0;
}

/* ---- what is kept: one slot a token, the newer one stays ---- */

static Kept *slot_of(AssertionSigner *signer, const Fingerprint *token)
{
        size_t index;

        memcpy(&index, token->bytes, sizeof(index));
        if (!signer->kept)
                signer->kept = g_new0(Kept, ASSERTION_KEPT_MAX);
        return &signer->kept[index % ASSERTION_KEPT_MAX];
}

static bool kept_serves(const Kept *kept, const AssertionOrder *order)
{
        return kept->text && order->now_sec < kept->until_sec && kept->policy == order->policy &&
               fingerprint_equal(&kept->token, order->token);
}

static void keep(AssertionSigner *signer, const AssertionOrder *order)
{
        Kept *kept = slot_of(signer, order->token);
        int64_t life_sec = expiry(order) - order->now_sec;

        g_free(kept->text);
        *kept = (Kept){ .token = *order->token,
                        .policy = order->policy,
                        .until_sec = order->now_sec + life_sec / 2,
                        .text = g_strndup(signer->text->str, signer->text->len) };
}

static void forget(AssertionSigner *signer)
{
        for (size_t i = 0; signer->kept && i < ASSERTION_KEPT_MAX; i++)
                g_free(signer->kept[i].text);
        g_clear_pointer(&signer->kept, g_free);
}

int assertion_sign(AssertionSigner *signer, const AssertionOrder *order, Span *ret)
{
        int r;

        if (!signer->signing)
                return -ENOKEY;
        if (order->token) {
                const Kept *kept = slot_of(signer, order->token);

                if (kept_serves(kept, order)) {
                        *ret = span_from(kept->text);
                        return 0;
                }
        }
        r = write_assertion(signer, order);
        if (r < 0)
                return r;
        if (order->token)
                keep(signer, order);
        *ret = span_of(signer->text->str, signer->text->len);
        return 0;
}

/* ---- the signer ---- */

AssertionSigner *assertion_signer_new(void)
{
        g_autoptr(AssertionSigner) signer = g_new0(AssertionSigner, 1);

        signer->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
        signer->payload = g_string_new(NULL);
        signer->text = g_string_new(NULL);
        return signer->digest ? g_steal_pointer(&signer) : NULL;
}

static EVP_PKEY_CTX *signing_new(const AssertionSigner *signer)
{
        EVP_PKEY_CTX *signing =
            EVP_PKEY_CTX_new_from_pkey(NULL, assertion_keys_signing(signer->keys)->pkey, NULL);

        if (signing && EVP_PKEY_sign_init(signing) == 1 &&
            EVP_PKEY_CTX_set_signature_md(signing, signer->digest) == 1)
                return signing;
        EVP_PKEY_CTX_free(signing);
        return NULL;
}

void assertion_signer_take(AssertionSigner *signer, AssertionKeys *keys)
{
        if (!signer)
                return;
        EVP_PKEY_CTX_free(g_steal_pointer(&signer->signing));
        forget(signer);
        g_clear_pointer(&signer->keys, assertion_keys_unref);
        signer->keys = keys ? assertion_keys_ref(keys) : NULL;
        if (keys)
                signer->signing = signing_new(signer);
}

Span assertion_signer_jwks(const AssertionSigner *signer)
{
        return assertion_keys_jwks(signer->keys);
}

void assertion_signer_free(AssertionSigner *signer)
{
        if (!signer)
                return;
        assertion_signer_take(signer, NULL);
        EVP_MD_free(signer->digest);
        g_string_free(signer->payload, TRUE);
        g_string_free(signer->text, TRUE);
        g_free(signer);
}
