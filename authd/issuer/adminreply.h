/* adminreply: what the Admin REST API answered, judged.
 *
 * Pure: text in, JSON out whose members have the types that admin.h promises; whatever has not is
 * refused whole, with a sentence. Any thread. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <jansson.h>

#define ADMIN_REPLY_DEPTH_MAX 16

typedef enum AdminItem {
        ADMIN_ITEM_USER,
        ADMIN_ITEM_GROUP,
        ADMIN_ITEM_ROLE,        /* "name" */
        ADMIN_ITEM_CLIENT,      /* "id", "clientId" */
        ADMIN_ITEM_CLIENT_ROLE, /* "role", "client": of ui-ext/effective-roles */
        ADMIN_ITEM_EVENT,
        _ADMIN_ITEM_MAX,
} AdminItem;

/* admin_reply_list: a new array with at most n_max items; NULL: *ret_trouble is a sentence. Of
 * groups and events only the members that matter are kept. */
json_t *admin_reply_list(Span body, AdminItem item, size_t n_max, char **ret_trouble);
/* admin_reply_item: one of them, with all its members, for it may be written back. */
json_t *admin_reply_item(Span body, AdminItem item, char **ret_trouble);
/* admin_reply_object: any object. */
json_t *admin_reply_object(Span body, char **ret_trouble);
/* admin_reply_refusal: what a 4xx says, in printable ASCII, "" if nothing; the caller frees. */
char *admin_reply_refusal(Span body);
/* admin_reply_id_allowed: UTF-8 of ADMIN_ID_SIZE_MAX bytes at most, not only dots, without control
 * characters and what a path of a URL gives a meaning, escaped or not. Keycloak's are UUIDs, but
 * those of an import are what it says, and those of a user federation are "f:UUID:NAME", with a
 * name that is what the federation says. */
bool admin_reply_id_allowed(const char *id);
