/* introspect: RFC 7662 for whoever speaks it, answered locally.
 *
 * On the Unix socket for all; on TCP only with a client's credentials (§2.1). The policy is the one
 * of the path (/introspect/POLICY), on TCP the client's own, else "default". What is refused is
 * {"active":false} and no more (§2.2); could-not-ask is 503 and never "inactive". */
#include "api/doors.h"

#include "api/clients.h"
#include "api/judge.h"
#include "api/routes.h"

#define BASIC_SIZE_MAX 2048

static void answer_error(Exchange *exchange, unsigned status, const char *word, const char *detail)
{
        exchange_problem(exchange, status, word, "%s", detail);
}

/* introspection_member: those that §2.2 defines and we fill in; a claim of that name does not
 * stand. */
static bool is_ours(Span name)
{
        static const char *const ours[] = { "active", "client_id", "username", "token_type" };

        for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
                if (span_equal_string(name, ours[i]))
                        return true;
        return false;
}

static void append_member(GString *out, const char *name, TapeValue value)
{
        if (!value.node)
                return;
        g_string_append_printf(out, ",\"%s\":", name);
        tape_write(value, out);
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
        append_member(body, "client_id", party.node ? party : claims_find(claims, "client_id"));
        append_member(body, "username", claims_find(claims, "preferred_username"));
        append_claims(body, claims);
        g_string_append_c(body, '}');
        exchange_answer(exchange, 200, NULL, 0, span_of(body->str, body->len));
}

static void introspect_judged(Exchange *exchange, Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        AnswerHeader reason = { "X-Authd-Reason", words->word };

        if (words->verdict == CLASS_VALID)
                answer_active(exchange, verdict->claims);
        else if (words->verdict == CLASS_UNAVAILABLE)
                answer_error(exchange, 503, "temporarily_unavailable",
                             verdict->detail[0] ? verdict->detail : words->sentence);
        else
                exchange_answer(exchange, 200, &reason, 1, span_from("{\"active\":false}"));
}

/* find_basic: "Basic" credentials, each part form-encoded (RFC 6749 §2.3.1). The parts are split
 * before they are decoded, as a colon in a name is %3A. */
static const Client *find_basic(Exchange *exchange, Span encoded)
{
        g_autofree char *text = g_strndup(encoded.data, encoded.len);
        gsize len = 0;
        guchar *bytes = encoded.len <= BASIC_SIZE_MAX ? g_base64_decode_inplace(text, &len) : NULL;
        char *colon = bytes ? memchr(bytes, ':', len) : NULL;
        const Client *client = NULL;

        if (colon) {
                Span name = span_of(bytes, (size_t) (colon - (char *) bytes));
                g_autofree char *id = request_decode_form(name);
                g_autofree char *secret =
                    request_decode_form(span_of(colon + 1, len - name.len - 1));

                if (id && secret)
                        client =
                            clients_find(exchange->api->clients, span_from(id), span_from(secret));
                if (secret)
                        secret_erase(secret, strlen(secret));
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
        return find_basic(
            exchange, span_of(header.data + sizeof(scheme) - 1, header.len - (sizeof(scheme) - 1)));
}

/* choose_policy: false when a problem was answered. On TCP a client's own policy is all that it may
 * ask by. */
static bool choose_policy(Exchange *exchange)
{
        Span named = route_rest(exchange->route, request_path(exchange->request));
        const Client *client;

        if (request_peer(exchange->request)->unix_socket)
                return judge_policy(exchange, named);
        client = find_client(exchange);
        if (!client) {
                answer_error(exchange, 401, "invalid_client",
                             "Introspection over TCP needs the credentials of a [client NAME].");
                return false;
        }
        if (named.len > 0 &&
            !span_equal_string(named, client->policy ? client->policy : CLIENT_POLICY_DEFAULT)) {
                answer_error(exchange, 403, "access_denied",
                             "This client may not ask by that policy.");
                return false;
        }
        return judge_policy(exchange,
                            span_from(client->policy ? client->policy : CLIENT_POLICY_DEFAULT));
}

void door_introspect(Exchange *exchange)
{
        int r = request_form_value(exchange->request, "token", &exchange->form_token);

        if (r != 0 || exchange->form_token[0] == '\0') {
                answer_error(
                    exchange, 400, "invalid_request",
                    "The form needs one parameter token (application/x-www-form-urlencoded).");
                return;
        }
        exchange->token = span_from(exchange->form_token);
        exchange->judged = introspect_judged;
        if (choose_policy(exchange))
                judge_token(exchange);
}
