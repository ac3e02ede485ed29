/* mappers: see mappers.h. */
#include "doctor/mappers.h"

#include <string.h>

#define REALM          "realm"
#define GROUPS_DEFAULT "groups"
#define LIST_SHOWN_MAX 400 /* bytes of a list in one finding */
/* The client whose tokens a service gets is not known here. */
#define THAT_CLIENT "(the client that gets tokens for this service)"

/* ---- the life of a policy ---- */

static const char *const *list_copy(const char *const *list)
{
        return (const char *const *) g_strdupv((char **) list);
}

static void list_free(const char *const *list)
{
        g_strfreev((char **) list);
}

DoctorPolicy *doctor_policy_copy(const DoctorPolicy *policy)
{
        DoctorPolicy *copy = g_new0(DoctorPolicy, 1);

        *copy = (DoctorPolicy){
                .name = g_strdup(policy->name),
                .audience = list_copy(policy->audience),
                .scopes = list_copy(policy->scopes),
                .scopes_any = list_copy(policy->scopes_any),
                .roles = list_copy(policy->roles),
                .roles_all = list_copy(policy->roles_all),
                .groups = list_copy(policy->groups),
                .groups_all = list_copy(policy->groups_all),
                .groups_claim = g_strdup(policy->groups_claim),
                .subject_optional = policy->subject_optional,
                .introspects = policy->introspects,
        };
        return copy;
}

void doctor_policy_free(DoctorPolicy *policy)
{
        if (!policy)
                return;
        g_free((char *) policy->name);
        list_free(policy->audience);
        list_free(policy->scopes);
        list_free(policy->scopes_any);
        list_free(policy->roles);
        list_free(policy->roles_all);
        list_free(policy->groups);
        list_free(policy->groups_all);
        g_free((char *) policy->groups_claim);
        g_free(policy);
}

/* ---- what the token has ---- */

static void append_value(GString *text, TapeValue value)
{
        Span string = tape_string(value);

        if (string.len == 0 || text->len > LIST_SHOWN_MAX)
                return;
        if (text->len > 0)
                g_string_append(text, ", ");
        g_string_append_len(text, string.data, (gssize) MIN(string.len, LIST_SHOWN_MAX));
}

/* A string, or the strings of a list, for people. */
static char *value_text(TapeValue value)
{
        GString *text = g_string_new(NULL);

        append_value(text, value);
        if (tape_type(value) == TAPE_ARRAY)
                for (TapeValue one = tape_first(value); one.node; one = tape_next(value, one))
                        append_value(text, one);
        if (text->len == 0)
                g_string_append(text, "none");
        return g_string_free(text, FALSE);
}

static bool has_audience(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        return claims_has_audience(claims, span_from(wanted));
}

static TapeValue audience_value(const DoctorPolicy *policy, const Claims *claims,
                                const char *wanted)
{
        return claims_find(claims, "aud");
}

static bool has_scope(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        return claims_has_scope(claims, span_from(wanted));
}

static TapeValue scope_value(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        return claims_find(claims, "scope");
}

/* "orders:reader": the client, and *ret_role behind the last colon. NULL: the realm's own role. */
static char *role_client(const char *wanted, const char **ret_role)
{
        const char *colon = strrchr(wanted, ':');
        g_autofree char *client = colon ? g_strndup(wanted, (gsize) (colon - wanted)) : NULL;

        *ret_role = colon ? colon + 1 : wanted;
        return g_strcmp0(client, REALM) == 0 ? NULL : g_steal_pointer(&client);
}

static TapeValue role_value(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        const char *role;
        g_autofree char *client = role_client(wanted, &role);
        TapeValue root = claims_root(claims);
        TapeValue holder =
            client ? tape_member(tape_member(root, span_from("resource_access")), span_from(client))
                   : tape_member(root, span_from("realm_access"));

        return tape_member(holder, span_from("roles"));
}

static bool has_role(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        const char *role;

        g_free(role_client(wanted, &role));
        return tape_has_string(role_value(policy, claims, wanted), span_from(role));
}

static const char *groups_claim(const DoctorPolicy *policy)
{
        return policy->groups_claim ? policy->groups_claim : GROUPS_DEFAULT;
}

static TapeValue group_value(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        return claims_find(claims, groups_claim(policy));
}

static bool has_group(const DoctorPolicy *policy, const Claims *claims, const char *wanted)
{
        return tape_has_string(group_value(policy, claims, wanted), span_from(wanted));
}

/* ---- where to click ---- */

char *mappers_audience_advice(const char *client, const char *audience)
{
        g_autofree char *scope =
            client[0] == '(' ? g_strdup("NAME-dedicated") : g_strdup_printf("%s-dedicated", client);

        return g_strdup_printf(
            "Keycloak's admin console: Clients → %s → Client scopes → %s → Configure a new mapper "
            "→ "
            "Audience: Included Client Audience = %s (Included Custom Audience, if no client has "
            "that name), Add to access token = On.",
            client, scope, audience);
}

static char *audience_advice(const DoctorPolicy *policy, const MapperSample *sample,
                             const char *missing)
{
        g_autofree char *clicks = mappers_audience_advice(THAT_CLIENT, missing);

        return g_strdup_printf("%s If it has that mapper already, all is well: this is only %s's "
                               "own token.",
                               clicks, sample->client_id);
}

static char *scope_advice(const DoctorPolicy *policy, const MapperSample *sample,
                          const char *missing)
{
        return g_strdup_printf(
            "Keycloak's admin console: Client scopes → Create client scope: Name = %s, Include in "
            "token scope = On; then Clients → " THAT_CLIENT " → Client scopes → Add client scope → "
            "%s → Default, or Optional if its callers ask for it by scope=%s.",
            missing, missing, missing);
}

static char *role_advice(const DoctorPolicy *policy, const MapperSample *sample,
                         const char *missing)
{
        const char *role;
        g_autofree char *client = role_client(missing, &role);
        g_autofree char *place =
            client ? g_strdup_printf("Clients → %s → Roles", client) : g_strdup("Realm roles");

        return g_strdup_printf(
            "Keycloak's admin console: %s → Create role %s; give it to whom it is for: Users → "
            "(user) → Role mapping (a service account: Clients → NAME → Service accounts roles). "
            "It shows in tokens by the mapper %s of the client scope roles, which must be among "
            "the Default ones of Clients → " THAT_CLIENT " → Client scopes, and only if there, "
            "under NAME-dedicated → Scope, Full scope allowed is On or the role is listed.",
            place, role, client ? "User Client Role" : "User Realm Role");
}

static char *group_advice(const DoctorPolicy *policy, const MapperSample *sample,
                          const char *missing)
{
        return g_strdup_printf(
            "Keycloak's admin console: Clients → " THAT_CLIENT
            " → Client scopes → NAME-dedicated → "
            "Configure a new mapper → Group Membership: Token Claim Name = %s, Full group path = "
            "%s (the policy writes %s), Add to access token = On. A service account is in no group "
            "unless put there (Users → service-account-%s → Groups), so users' tokens may be well.",
            groups_claim(policy), missing[0] == '/' ? "On" : "Off", missing, sample->client_id);
}

/* ---- the table ---- */

typedef struct Want {
        const char *name; /* the setting */
        const char *where;
        size_t offset; /* of the list in DoctorPolicy */
        bool all;      /* all of it are needed, else one is enough */
        bool (*has)(const DoctorPolicy *policy, const Claims *claims, const char *wanted);
        TapeValue (*value)(const DoctorPolicy *policy, const Claims *claims, const char *wanted);
        char *(*advice)(const DoctorPolicy *policy, const MapperSample *sample,
                        const char *missing);
} Want;

#define LIST(member) G_STRUCT_OFFSET(DoctorPolicy, member)

static const Want wants[] = {
        { "audience", "aud", LIST(audience), false, has_audience, audience_value, audience_advice },
        { "scopes", "scope", LIST(scopes), true, has_scope, scope_value, scope_advice },
        { "scopes_any", "scope", LIST(scopes_any), false, has_scope, scope_value, scope_advice },
        { "roles", "roles", LIST(roles), false, has_role, role_value, role_advice },
        { "roles_all", "roles", LIST(roles_all), true, has_role, role_value, role_advice },
        { "groups", "groups", LIST(groups), false, has_group, group_value, group_advice },
        { "groups_all", "groups", LIST(groups_all), true, has_group, group_value, group_advice },
};

static const char *const *want_list(const Want *want, const DoctorPolicy *policy)
{
        return G_STRUCT_MEMBER(const char *const *, policy, want->offset);
}

/* NULL: the want is met. */
static const char *want_missing(const Want *want, const DoctorPolicy *policy, const Claims *claims)
{
        const char *const *list = want_list(want, policy);

        for (size_t i = 0; list[i]; i++)
                if (want->has(policy, claims, list[i]) != want->all)
                        return want->all ? list[i] : NULL;
        return want->all ? NULL : list[0];
}

static char *list_text(const Want *want, const char *const *list)
{
        g_autofree char *joined = g_strjoinv(", ", (char **) list);

        if (strlen(joined) > LIST_SHOWN_MAX)
                joined[LIST_SHOWN_MAX] = '\0';
        if (!list[0] || !list[1])
                return g_steal_pointer(&joined);
        return g_strdup_printf("%s %s", want->all ? "all of" : "one of", joined);
}

/* The token does not say it, introspection does. */
static char *light_advice(const DoctorPolicy *policy)
{
        return g_strdup_printf(
            "Introspection knows what the token does not say: is it a lightweight one? Keycloak's "
            "admin console: Clients → " THAT_CLIENT " → Advanced → Always use lightweight access "
            "token = Off, or Add to lightweight access token = On in the mapper. Or write "
            "introspect "
            "= always, or max-age 30s, in [policy %s].",
            policy->name);
}

static char *want_advice(const Want *want, const DoctorPolicy *policy, const MapperSample *sample,
                         const char *missing)
{
        if (sample->answer && !want_missing(want, policy, sample->answer))
                return light_advice(policy);
        return want->advice(policy, sample, missing);
}

static void want_look(const Want *want, const DoctorPolicy *policy, const MapperSample *sample,
                      const Claims *claims, Findings *findings)
{
        const char *missing = want_missing(want, policy, claims);
        const char *const *list = want_list(want, policy);
        g_autofree char *check = g_strdup_printf("policy %s: %s", policy->name, want->name);
        g_autofree char *wanted = list_text(want, list);
        g_autofree char *found =
            value_text(want->value(policy, claims, missing ? missing : list[0]));

        findings_add(findings, check, missing ? DOCTOR_WARNING : DOCTOR_OK,
                     g_strdup_printf("%s of the service account of %s: %s; wanted: %s", want->where,
                                     sample->client_id, found, wanted),
                     missing ? want_advice(want, policy, sample, missing) : NULL);
}

static char *subject_advice(const DoctorPolicy *policy, const MapperSample *sample)
{
        return g_strdup_printf(
            "Keycloak's admin console: Clients → " THAT_CLIENT
            " → Client scopes → Add client scope "
            "→ basic → Default; Advanced → Always use lightweight access token = Off. Or leave its "
            "tokens light and let introspection of %s say who they are of, or write subject = "
            "optional in [policy %s].",
            sample->client_id, policy->name);
}

static void subject_look(const DoctorPolicy *policy, const MapperSample *sample,
                         const Claims *claims, Findings *findings)
{
        g_autofree char *check = g_strdup_printf("policy %s: subject", policy->name);
        bool missing = claims_subject(claims).len == 0;

        if (policy->subject_optional)
                return;
        findings_add(findings, check, missing ? DOCTOR_WARNING : DOCTOR_OK,
                     g_strdup_printf("sub of the service account of %s: %s", sample->client_id,
                                     missing ? "none" : "there"),
                     missing ? subject_advice(policy, sample) : NULL);
}

void mappers_look(const DoctorPolicy *policy, const MapperSample *sample, Findings *findings)
{
        bool light = claims_subject(sample->own).len == 0;
        const Claims *claims =
            sample->answer && (policy->introspects || light) ? sample->answer : sample->own;

        for (size_t i = 0; i < G_N_ELEMENTS(wants); i++)
                if (want_list(&wants[i], policy))
                        want_look(&wants[i], policy, sample, claims, findings);
        subject_look(policy, sample, claims, findings);
}
