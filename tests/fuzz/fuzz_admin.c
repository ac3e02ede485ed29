/* fuzz_admin: a walk through the Admin API whose answers are any bytes. The first byte chooses the
 * walk; then each line is an answer: its first byte chooses the status, the rest is the body. What
 * is told has the types that admin.h promises, no request leaves the realm, and each walk ends in a
 * result with a sentence, or in one without. */
#include "issuer/adminwalk.h"

#include <stdlib.h>

#define BASE      "https://sso.example.com/admin/realms/a/"
#define STEPS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_so)
{
        if (!is_so)
                abort();
}

/* No dots but in a name, no path that climbs, nothing that is not escaped. */
static void check_request(const AdminWalk *walk)
{
        g_autofree char *url = admin_walk_url(walk, "https://sso.example.com/admin/realms/a");
        char *body = admin_walk_body(walk);

        demand(g_str_has_prefix(url, BASE));
        demand(!strstr(url, "/../") && !strstr(url, "/./") && !strstr(url + strlen(BASE), "//"));
        for (const char *at = url; *at; at++)
                demand(*at > 0x20 && *at < 0x7f);
        free(body);
}

static void check_item(AdminWalkKind kind, const json_t *item)
{
        demand(json_is_object(item));
        if (kind == ADMIN_WALK_EVENTS || kind == ADMIN_WALK_EVENTS_KEPT ||
            kind == ADMIN_WALK_USER_ROLES)
                return;
        demand(admin_reply_id_allowed(json_string_value(json_object_get(item, "id"))));
        demand(json_is_string(json_object_get(item, "username")) ||
               json_is_string(json_object_get(item, "name")));
        if (kind == ADMIN_WALK_GROUPS && json_object_get(item, "path"))
                demand(!strchr(json_string_value(json_object_get(item, "name")), '/'));
}

static void check_outcome(AdminWalkKind kind, const AdminOutcome *outcome)
{
        const json_t *item;
        size_t index;

        demand((outcome->trouble != NULL) == (outcome->result != ADMIN_OK));
        demand(!outcome->goes_on || outcome->result == ADMIN_OK);
        demand(outcome->is_silent || outcome->trouble || outcome->items);
        json_array_foreach (outcome->items, index, item)
                check_item(kind, item);
        if (json_is_object(outcome->items))
                check_item(kind, outcome->items);
}

/* False: the walk is at its end. */
static bool step(AdminWalk *walk, AdminWalkKind kind, Span line)
{
        static const unsigned statuses[] = { 200, 204, 400, 401, 403, 404, 409, 500 };
        unsigned status = statuses[line.len > 0 ? (uint8_t) line.data[0] % 8 : 0];
        Span body = line.len > 0 ? span_of(line.data + 1, line.len - 1) : line;
        g_auto(AdminOutcome) outcome = { 0 };

        check_request(walk);
        admin_walk_take(walk, "authd", status, body, &outcome);
        check_outcome(kind, &outcome);
        return outcome.goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AdminWalkKind kind = size > 0 ? data[0] % _ADMIN_WALK_MAX : 0;
        json_t *wanted = json_pack("{s:s}", "uidNumber", "70001");
        const AdminWalkAsked asked = {
                .id = "x",
                .name = "a/b",
                .client = size > 1 && data[0] >= 128 ? "shop" : NULL,
                .wanted = wanted,
        };
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk = admin_walk_new(kind, &asked, &trouble);
        Span rest = span_of(data + MIN(size, 1), size - MIN(size, 1));
        bool goes_on = asked.client == NULL || kind == ADMIN_WALK_ROLE_USERS ||
                       kind == ADMIN_WALK_ROLE_GROUPS; /* others are of no client */

        demand(walk != NULL);
        for (unsigned i = 0; goes_on && i < STEPS_MAX; i++) {
                const char *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;
                size_t len = end ? (size_t) (end - rest.data) : rest.len;

                goes_on = step(walk, kind, span_of(rest.data, len));
                len = MIN(len + 1, rest.len);
                rest = span_of(rest.data + len, rest.len - len);
        }
        json_decref(wanted);
        return 0;
}
