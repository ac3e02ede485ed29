/* membership: see membership.h. */
#include "login/membership.h"

#define REALM "realm"

struct Membership {
        json_t *subject, *username;
        json_t *groups;
        json_t *realm_roles;
        json_t *clients; /* client -> {"roles": […]} */
        size_t n_roles;
};

unsigned membership_needs(const Policy *policy)
{
        bool by_roles = policy_groups_are_roles(policy);
        unsigned needs = 0;

        if (policy_demands_groups(policy))
                needs |= by_roles ? MEMBERSHIP_NEEDS_ROLES : MEMBERSHIP_NEEDS_GROUPS;
        if (policy_demands_roles(policy))
                needs |= MEMBERSHIP_NEEDS_ROLES;
        return needs;
}

Membership *membership_new(const char *subject, const char *username)
{
        Membership *membership = g_new0(Membership, 1);

        membership->subject = json_string(subject);
        membership->username = json_string(username);
        membership->groups = json_array();
        membership->realm_roles = json_array();
        membership->clients = json_object();
        return membership;
}

void membership_free(Membership *membership)
{
        if (!membership)
                return;
        json_decref(membership->subject);
        json_decref(membership->username);
        json_decref(membership->groups);
        json_decref(membership->realm_roles);
        json_decref(membership->clients);
        g_free(membership);
}

bool membership_add_group(Membership *membership, const char *path)
{
        return json_array_size(membership->groups) < MEMBERSHIP_MAX &&
               json_array_append_new(membership->groups, json_string(path)) == 0;
}

static json_t *roles_of_client(Membership *membership, const char *client)
{
        json_t *holder = json_object_get(membership->clients, client);

        if (holder)
                return json_object_get(holder, "roles");
        holder = json_pack("{s:[]}", "roles");
        json_object_set_new(membership->clients, client, holder);
        return json_object_get(holder, "roles");
}

bool membership_add_role(Membership *membership, const char *client, const char *role)
{
        json_t *roles = client ? roles_of_client(membership, client) : membership->realm_roles;

        return membership->n_roles++ < MEMBERSHIP_MAX &&
               json_array_append_new(roles, json_string(role)) == 0;
}

/* ---- what the directory tells ---- */

/* is_above: "/eng" is above "/eng/platform". Who is in both is taken to be in the lower one alone:
 * a policy that takes the upper one must not take everybody below it. */
static bool is_above(const char *path, const char *const *sources)
{
        size_t len = strlen(path);

        for (; *sources; sources++)
                if (strncmp(*sources, path, len) == 0 && (*sources)[len] == '/')
                        return true;
        return false;
}

/* add_role_source: at the last colon, as policies split them. */
static bool add_role_source(Membership *membership, const char *source)
{
        const char *colon = strrchr(source, ':');
        g_autofree char *client = colon ? g_strndup(source, (size_t) (colon - source)) : NULL;

        if (!client)
                return true;
        return membership_add_role(membership, strcmp(client, REALM) == 0 ? NULL : client,
                                   colon + 1);
}

static bool add_source(Membership *membership, const char *source, const char *const *sources)
{
        if (source[0] != '/')
                return add_role_source(membership, source);
        return is_above(source, sources) || membership_add_group(membership, source);
}

Membership *membership_of_sources(const char *subject, const char *username,
                                  const char *const *sources)
{
        g_autoptr(Membership) membership = membership_new(subject, username);

        for (size_t i = 0; sources[i]; i++)
                if (!add_source(membership, sources[i], sources))
                        return NULL;
        return g_steal_pointer(&membership);
}

/* ---- claims ---- */

/* A member whose own name holds the dots of a path is what claims_find tries first. */
static json_t *claims_object(const Membership *membership, const Policy *policy)
{
        json_t *object =
            json_pack("{s:O, s:O*, s:{s:O}, s:O}", "sub", membership->subject, "preferred_username",
                      membership->username, "realm_access", "roles", membership->realm_roles,
                      "resource_access", membership->clients);

        if (object && !policy_groups_are_roles(policy))
                json_object_set(object, policy_groups_claim(policy), membership->groups);
        return object;
}

Claims *membership_claims(const Membership *membership, const Policy *policy)
{
        json_t *object = claims_object(membership, policy);
        char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
        Claims *claims = NULL;

        if (text && claims_parse(span_from(text), SPAN_EMPTY, &claims, NULL) != 0)
                claims = NULL;
        free(text);
        json_decref(object);
        return claims;
}
