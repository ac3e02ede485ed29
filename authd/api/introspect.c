/* introspect: RFC 7662 for whoever speaks it, answered locally.
 *
 * On the Unix socket for all; on TCP only with a client's credentials (§2.1). The policy is the one
 * of the path (/introspect/POLICY), on TCP the client's own, else "default". What is refused is
 * {"active":false} and no more (§2.2); could-not-ask is 503 and never "inactive". Such a client
 * tells no method, so the request that it judges may change something: under introspect = writes
 * the issuer is asked. */
#include "api/doors.h"

#include "api/clients.h"
#include "api/judge.h"
#include "api/routes.h"
#include "base/secret.h"
#include "token/json.h"

#define BASIC_SIZE_MAX  2048
#define BASIC_CHALLENGE "Basic realm=\"authd\", charset=\"UTF-8\"" /* RFC 7617 §2.1 */
#define BASE64_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* is_ours: members of §2.2 that we fill in; a claim of that name does not stand. */
static bool is_ours(Span name)
{
        static const char *const ours[] = { "active", "client_id", "scope", "token_type",
                                            "username" };

        for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
                if (span_equal_string(name, ours[i]))
                        return true;
        return false;
}

/* append_string: what §2.2 wants as a string is left out when the claim is none. */
static void append_string(GString *out, const char *name, TapeValue value)
{
        if (tape_type(value) != TAPE_STRING)
                return;
        g_string_append_printf(out, ",\"%s\":", name);
        tape_write(value, out);
}

/* append_scope: a string of words; some issuers write an array of them. */
static void append_scope(GString *out, const Claims *claims)
{
        TapeValue scope = claims_find(claims, "scope");
        g_autoptr(GString) words = g_string_new(NULL);
        json_auto *text = NULL;
        g_autofree char *written = NULL;

        if (tape_type(scope) != TAPE_ARRAY) {
                append_string(out, "scope", scope);
                return;
        }
        for (TapeValue word = tape_first(scope); word.node; word = tape_next(scope, word)) {
                Span span = tape_string(word);

                g_string_append_printf(words, "%s", words->len > 0 && span.len > 0 ? " " : "");
                g_string_append_len(words, span.data, (gssize) span.len);
        }
        text = json_stringn(words->str, words->len);
        written = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
        if (written)
                g_string_append_printf(out, ",\"scope\":%s", written);
}

static void append_claims(GString *out, const Claims *claims)
{
        TapeValue root = claims_root(claims);

        for (TapeValue claim = tape_first(root); claim.node; claim = tape_next(root, claim)) {
                if (is_ours(tape_name(claim)))
                        continue;
                g_string_append_c(out, ',');
                tape_write_name(claim, out);
                g_string_append_c(out, ':');
                tape_write(claim, out);
        }
}

static void answer_active(Exchange *exchange, const Claims *claims)
{
        g_autoptr(GString) body = g_string_sized_new(claims_size(claims) + 128);
        TapeValue party = claims_find(claims, "azp");

        g_string_append(body, "{\"active\":true,\"token_type\":\"Bearer\"");
        append_string(body, "client_id", party.node ? party : claims_find(claims, "client_id"));
        append_string(body, "username", claims_find(claims, "preferred_username"));
        append_scope(body, claims);
        append_claims(body, claims);
        g_string_append_c(body, '}');
        exchange_answer(exchange, 200, NULL, 0, span_of(body->str, body->len));
}

static void introspect_judged(Exchange *exchange, Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);

        if (words->verdict == CLASS_VALID)
                answer_active(exchange, verdict->claims);
        else if (words->verdict == CLASS_UNAVAILABLE)
                exchange_refuse(exchange, 503, "temporarily_unavailable",
                                verdict->detail[0] ? verdict->detail : words->sentence);
        else /* §2.2: no word about why */
                exchange_answer(exchange, 200, NULL, 0, span_from("{\"active\":false}"));
}

/* is_base64: RFC 4648 §4, padded; GLib's decoder skips what is not. */
static bool is_base64(const char *text)
{
        size_t len = strlen(text), digits = strspn(text, BASE64_ALPHABET);

        return len > 0 && len % 4 == 0 && len - digits <= 2 &&
               strspn(text + digits, "=") == len - digits;
}

/* find_encoded: "name:secret", each form-encoded (RFC 6749 §2.3.1). Split before it is decoded, as
 * a colon in a name is %3A. */
static const Client *find_encoded(const Clients *clients, Span pair)
{
        const char *colon = memchr(pair.data, ':', pair.len);
        size_t name_len = colon ? (size_t) (colon - pair.data) : 0;
        g_autofree char *name = request_decode_form(span_of(pair.data, name_len));
        g_autofree char *secret = NULL;
        const Client *client = NULL;

        if (!colon || !name)
                return NULL;
        secret = request_decode_form(span_of(colon + 1, pair.len - name_len - 1));
        if (secret) {
                client = clients_find(clients, span_from(name), span_from(secret));
                secret_erase(secret, strlen(secret));
        }
        return client;
}

static const Client *find_basic(const Clients *clients, Span encoded)
{
        g_autofree char *text = NULL;
        const Client *client = NULL;
        gsize len = 0;

        if (encoded.len > BASIC_SIZE_MAX)
                return NULL;
        text = g_strndup(encoded.data, encoded.len);
        if (is_base64(text)) {
                g_base64_decode_inplace(text, &len);
                client = find_encoded(clients, span_of(text, len));
        }
        secret_erase(text, encoded.len);
        return client;
}

static const Client *find_post(Exchange *exchange)
{
        g_autofree char *id = NULL, *secret = NULL;
        const Client *client = NULL;

        if (request_form_value(exchange->request, "client_id", &id) == 0 &&
            request_form_value(exchange->request, "client_secret", &secret) == 0)
                client = clients_find(exchange->api->clients, span_from(id), span_from(secret));
        if (secret)
                secret_erase(secret, strlen(secret));
        return client;
}

static const Client *find_client(Exchange *exchange)
{
        static const char scheme[] = "Basic ";
        Span header = request_header(exchange->request, "Authorization");

        if (!header.data)
                return find_post(exchange);
        if (header.len < sizeof(scheme) ||
            g_ascii_strncasecmp(header.data, scheme, sizeof(scheme) - 1) != 0)
                return NULL;
        return find_basic(exchange->api->clients, span_of(header.data + sizeof(scheme) - 1,
                                                          header.len - (sizeof(scheme) - 1)));
}

/* choose_policy: false when a problem was answered. On TCP a client's own policy is all that it may
 * ask by. */
static bool choose_policy(Exchange *exchange)
{
        Span named = route_rest(exchange->route, request_path(exchange->request)), own;
        const Client *client;

        if (request_peer(exchange->request)->unix_socket)
                return judge_policy(exchange, named);
        client = find_client(exchange);
        if (!client) {
                exchange->challenge = BASIC_CHALLENGE;
                exchange_problem(
                    exchange, 401, "invalid_client",
                    "Introspection over TCP needs the credentials of a [client NAME].");
                return false;
        }
        own = span_from(client->policy ? client->policy : CLIENT_POLICY_DEFAULT);
        if (named.len > 0 && !span_equal(named, own)) {
                exchange_problem(exchange, 403, "access_denied",
                                 "This client may not ask by that policy.");
                return false;
        }
        return judge_policy(exchange, own);
}

void door_introspect(Exchange *exchange)
{
        if (!choose_policy(exchange))
                return;
        if (request_form_value(exchange->request, "token", &exchange->form_token) != 0 ||
            exchange->form_token[0] == '\0') {
                exchange_problem(
                    exchange, 400, "invalid_request",
                    "The form needs one parameter token (application/x-www-form-urlencoded).");
                return;
        }
        exchange->token = span_from(exchange->form_token);
        exchange->judged = introspect_judged;
        exchange->hands_nothing_on = true;
        judge_token(exchange);
}
