/* fuzz_grant: any bytes as an answer to each kind of grant, with each status that may mean
 * something. What is granted is whole, printable and bounded; what names an error is not granted;
 * a sentence of ours is there exactly when nobody said anything usable, or we may not ask. */
#include "issuer/grantreply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_so)
{
        if (!is_so)
                abort();
}

static void check_text(Span text, size_t len_max)
{
        demand(text.len <= len_max);
        for (size_t i = 0; i < text.len; i++)
                demand(text.data[i] >= 0x20 && text.data[i] <= 0x7e);
}

static void check_url(const char *url)
{
        check_text(span_from(url), GRANT_TEXT_MAX);
        demand(!url || fetch_url_allowed(url, NULL));
}

static void check_granted(GrantKind kind, unsigned status, const GrantReply *reply)
{
        bool waits = kind == GRANT_KIND_DEVICE || kind == GRANT_KIND_PUSH;

        demand(status == 200 && !json_object_get(reply->object, "error"));
        demand(waits ? reply->code.len > 0 : reply->access_token.len > 0);
        demand((kind == GRANT_KIND_DEVICE) == (reply->verification_uri != NULL));
        demand((kind == GRANT_KIND_DEVICE) == (reply->user_code != NULL));
        demand(reply->expires_in_sec >= 0);
        if (waits)
                demand(reply->expires_in_sec >= 1 &&
                       reply->expires_in_sec <= GRANT_DEVICE_EXPIRES_MAX &&
                       reply->interval_sec >= 1 && reply->interval_sec <= GRANT_INTERVAL_SEC_MAX);
}

static void check(GrantKind kind, unsigned status, Span body)
{
        g_auto(GrantReply) reply = { 0 };

        grant_reply_read(kind, "authd", status, body, &reply);
        demand((reply.trouble != NULL) ==
               (reply.result == GRANT_UNAVAILABLE || reply.result == GRANT_NOT_PERMITTED));
        check_text(span_from(reply.error), GRANT_TEXT_MAX);
        demand(strlen(reply.description) <= GRANT_TEXT_MAX);
        check_text(reply.access_token, GRANT_SIZE_MAX);
        check_text(reply.code, GRANT_CODE_MAX);
        check_text(span_from(reply.user_code), GRANT_USER_CODE_MAX);
        check_url(reply.verification_uri);
        check_url(reply.verification_uri_complete);
        if (reply.result == GRANT_GRANTED)
                check_granted(kind, status, &reply);
        else
                demand(reply.access_token.len == 0 && reply.code.len == 0 && !reply.user_code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned statuses[] = { 200, 400, 401, 403, 500 };

        for (GrantKind kind = 0; kind < _GRANT_KIND_MAX; kind++)
                for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
                        check(kind, statuses[i], span_of(data, size));
        return 0;
}
