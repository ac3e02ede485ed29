/* grantreply: what a token, device or push endpoint answered, read.
 *
 * Pure: status and body in, a GrantReply out, which owns what the answers of grant.h borrow. What
 * names an error is never granted, whatever its status says or else it holds. Any thread. */
#pragma once

#include "issuer/grant.h"

#include <jansson.h>

#define GRANT_DEPTH_MAX 8

typedef enum GrantKind {
        GRANT_KIND_CLIENT,
        GRANT_KIND_PASSWORD,
        GRANT_KIND_DEVICE,
        GRANT_KIND_DEVICE_POLL,
        GRANT_KIND_PUSH,
        GRANT_KIND_PUSH_POLL,
        _GRANT_KIND_MAX,
} GrantKind;

/* GrantReply: members of the kinds that the question was not of are empty. */
typedef struct GrantReply {
        GrantResult result;
        json_t *object; /* what the spans and texts below point into; NULL: nothing usable */
        Span access_token, refresh_token, id_token;
        Span code; /* device_code or auth_req_id */
        const char *user_code, *verification_uri, *verification_uri_complete;
        int64_t expires_in_sec, interval_sec;
        const char *error, *description; /* printable ASCII, or any text; "" */
        char *trouble;                   /* UNAVAILABLE and NOT_PERMITTED have one, no other */
} GrantReply;

/* grant_reply_read: client_id is for sentences. */
void grant_reply_read(GrantKind kind, const char *client_id, unsigned status, Span body,
                      GrantReply *ret);
/* grant_reply_unavailable: nobody answered; trouble is taken. */
void grant_reply_unavailable(char *trouble, GrantReply *ret);
void grant_reply_clear(GrantReply *reply); /* erases */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GrantReply, grant_reply_clear)
