/* demand: see demand.h. */
#include "verdict/demand.h"

#include "verdict/policy.h"
#include "verdict/setting.h"

#include <stdio.h>

#define REALM_PREFIX "realm"
#define WANTED_MAX   160 /* bytes of a list shown to people; more is cut */

typedef struct KindFacts {
        const char *setting;
        const char *subject;
        Reason reason;
        bool all; /* all items are needed, else one is enough */
        bool (*parse)(DemandItem *item, GError **error);
        bool (*matches)(const Demand *demand, const DemandItem *item, const Claims *claims);
        const char *(*found)(const Demand *demand, const DemandItem *item, const Claims *claims,
                             char *buffer, size_t size);
} KindFacts;

static const KindFacts kinds[_DEMAND_MAX];

/* ---- what was found, for people ---- */

#define FOUND_NONE "none"

/* List: a buffer that texts are appended to, comma between; whatever does not fit is cut. */
typedef struct List {
        char *buffer;
        size_t size, used;
} List;

static void list_add(List *list, Span text)
{
        static const char comma[] = ", ";
        size_t comma_len = list->used > 0 ? strlen(comma) : 0;

        if (list->used + comma_len + 5 > list->size) /* room for "..." and a byte at least */
                return;
        memcpy(list->buffer + list->used, comma, comma_len);
        list->used += comma_len;
        verdict_printable(text, list->buffer + list->used, list->size - list->used);
        list->used += strlen(list->buffer + list->used);
}

static const char *type_text(TapeType type)
{
        static const char *const texts[] = {
                [TAPE_ABSENT] = FOUND_NONE, [TAPE_NULL] = "null",    [TAPE_FALSE] = "false",
                [TAPE_TRUE] = "true",       [TAPE_INTEGER] = "",     [TAPE_REAL] = "a number",
                [TAPE_STRING] = "",         [TAPE_ARRAY] = "a list", [TAPE_OBJECT] = "an object",
        };

        return texts[type];
}

static void list_add_value(List *list, TapeValue value)
{
        char number[32];

        if (tape_type(value) == TAPE_STRING) {
                list_add(list, tape_string(value));
        } else if (tape_type(value) == TAPE_INTEGER) {
                snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, tape_integer(value));
                list_add(list, span_from(number));
        } else {
                list_add(list, span_from(type_text(tape_type(value))));
        }
}

static const char *describe_value(TapeValue value, char *buffer, size_t size)
{
        List list = { .buffer = buffer, .size = size };

        buffer[0] = '\0';
        if (tape_type(value) == TAPE_ARRAY)
                for (TapeValue element = tape_first(value); element.node;
                     element = tape_next(value, element))
                        list_add_value(&list, element);
        else if (value.node)
                list_add_value(&list, value);
        if (list.used == 0)
                g_strlcpy(buffer, FOUND_NONE, size);
        return buffer;
}

static const char *describe_span(Span text, char *buffer, size_t size)
{
        return verdict_printable(text.len > 0 ? text : span_from(FOUND_NONE), buffer, size);
}

/* ---- plain words: audience, azp ---- */

static bool parse_word(DemandItem *item, GError **error)
{
        return item->text[0] != '\0' ||
               setting_refuse(error,
                              "an element of the list is empty; remove the superfluous \";\"");
}

static bool audience_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return claims_has_audience(claims, span_from(item->text));
}

static const char *audience_found(const Demand *demand, const DemandItem *item,
                                  const Claims *claims, char *buffer, size_t size)
{
        return describe_value(claims_find(claims, "aud"), buffer, size);
}

static bool party_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return span_equal_string(claims_party(claims), item->text);
}

static const char *party_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                               char *buffer, size_t size)
{
        return describe_span(claims_party(claims), buffer, size);
}

/* ---- type: Keycloak's claim, or the header's (RFC 9068 §2.1) ---- */

#define HEADER_TYPE_PREFIX "application/"

/* RFC 7515 §4.1.9: media types are compared without case, and "application/" may be left out. */
static const char *media_type_core(const char *type)
{
        size_t prefix_len = strlen(HEADER_TYPE_PREFIX);

        return g_ascii_strncasecmp(type, HEADER_TYPE_PREFIX, prefix_len) == 0 ? type + prefix_len
                                                                              : type;
}

static bool parse_type(DemandItem *item, GError **error)
{
        if (!parse_word(item, error))
                return false;
        if (g_ascii_strcasecmp(media_type_core(item->text), "JWT") == 0)
                return setting_refuse(error,
                                      "JWT names no kind of token, any token's header may say so; "
                                      "write type = any, or leave type out for access tokens");
        if (strcmp(item->text, "any") == 0)
                return setting_refuse(error, "any stands alone: remove the other words or the any");
        return true;
}

typedef struct TypeWord {
        const char *word;
        TokenKind kind;
        bool header; /* a word of the header's typ, else of Keycloak's claim */
} TypeWord;

static const TypeWord type_words[] = {
        { "Bearer", TOKEN_KIND_ACCESS },
        { "ID", TOKEN_KIND_ID },
        { "Refresh", TOKEN_KIND_REFRESH },
        { "Offline", TOKEN_KIND_OFFLINE },
        { "Logout", TOKEN_KIND_LOGOUT },
        { "DPoP", TOKEN_KIND_BOUND },
        { "at+jwt", TOKEN_KIND_ACCESS, true },
        { "logout+jwt", TOKEN_KIND_LOGOUT, true },
        { "dpop+jwt", TOKEN_KIND_DPOP, true },
        { "authd-assertion+jwt", TOKEN_KIND_ASSERTION, true },
};

static const TypeWord *type_word_find(const char *word)
{
        for (size_t i = 0; i < G_N_ELEMENTS(type_words); i++)
                if (type_words[i].header
                        ? g_ascii_strcasecmp(media_type_core(word), type_words[i].word) == 0
                        : strcmp(word, type_words[i].word) == 0)
                        return &type_words[i];
        return NULL;
}

/* The kind that header and claim make together must be the word's, so that a token which
 * contradicts itself matches neither. */
static bool type_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        const TypeWord *known = type_word_find(item->text);
        TapeValue claim = claims_find(claims, "typ");

        if (claims_kind(claims) != (known ? known->kind : TOKEN_KIND_OTHER))
                return false;
        if (known && known->header)
                return claims_header_kind(claims) == known->kind;
        return tape_type(claim) == TAPE_STRING && tape_has_string(claim, span_from(item->text));
}

static const char *type_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                              char *buffer, size_t size)
{
        TapeValue claim = claims_find(claims, "typ");

        return claim.node
                   ? describe_value(claim, buffer, size)
                   : describe_span(span_from(token_kind_text(claims_kind(claims))), buffer, size);
}

/* ---- scopes ---- */

static bool parse_scope(DemandItem *item, GError **error)
{
        if (!parse_word(item, error))
                return false;
        return !strchr(item->text, ' ') ||
               setting_refuse(error, "\"%s\" holds a space; separate scopes by \";\"", item->text);
}

static bool scope_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return claims_has_scope(claims, span_from(item->text));
}

static const char *scope_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                               char *buffer, size_t size)
{
        return describe_value(claims_find(claims, "scope"), buffer, size);
}

/* ---- roles: Keycloak's realm_access and resource_access ---- */

static bool parse_role(DemandItem *item, GError **error)
{
        const char *colon = strrchr(item->text, ':');

        if (!colon || colon == item->text || colon[1] == '\0')
                return setting_refuse(error,
                                      "\"%s\" is no role; write CLIENT:ROLE, or realm:ROLE for a "
                                      "realm's own",
                                      item->text);
        item->left = g_strndup(item->text, (gsize) (colon - item->text));
        item->right = g_strdup(colon + 1);
        if (strcmp(item->left, REALM_PREFIX) == 0)
                g_clear_pointer(&item->left, g_free);
        return true;
}

/* A client's name is taken as it is: one with dots in it is no path. */
static TapeValue roles_of(const DemandItem *item, const Claims *claims)
{
        TapeValue root = claims_root(claims);
        TapeValue holder = item->left ? tape_member(tape_member(root, span_from("resource_access")),
                                                    span_from(item->left))
                                      : tape_member(root, span_from("realm_access"));

        return tape_member(holder, span_from("roles"));
}

static bool role_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return tape_has_string(roles_of(item, claims), span_from(item->right));
}

static const char *role_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                              char *buffer, size_t size)
{
        return describe_value(roles_of(item, claims), buffer, size);
}

/* ---- groups ---- */

static bool group_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return tape_has_string(claims_find(claims, demand->claim), span_from(item->text));
}

static const char *group_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                               char *buffer, size_t size)
{
        return describe_value(claims_find(claims, demand->claim), buffer, size);
}

/* ---- claims by path, with or without a value ---- */

static bool parse_claim(DemandItem *item, GError **error)
{
        const char *equals = strchr(item->text, '=');

        if (equals == item->text || item->text[0] == '\0')
                return setting_refuse(error, "\"%s\" names no claim; write PATH or PATH=VALUE",
                                      item->text);
        item->left =
            equals ? g_strndup(item->text, (gsize) (equals - item->text)) : g_strdup(item->text);
        g_strchomp(item->left);
        item->right = equals ? g_strchug(g_strdup(equals + 1)) : NULL;
        return true;
}

static bool value_is(TapeValue value, const char *wanted)
{
        char number[32];

        if (tape_type(value) == TAPE_TRUE || tape_type(value) == TAPE_FALSE)
                return strcmp(wanted, type_text(tape_type(value))) == 0;
        if (tape_type(value) == TAPE_INTEGER) {
                snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, tape_integer(value));
                return strcmp(wanted, number) == 0;
        }
        return tape_has_string(value, span_from(wanted));
}

static bool claim_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        TapeValue value = claims_find(claims, item->left);

        if (tape_type(value) <= TAPE_NULL)
                return false;
        return !item->right || value_is(value, item->right);
}

static const char *claim_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                               char *buffer, size_t size)
{
        return describe_value(claims_find(claims, item->left), buffer, size);
}

/* ---- acr ---- */

/* It stands between quotes, and beside others by spaces, in a challenge (RFC 9470 §3). */
static bool parse_acr(DemandItem *item, GError **error)
{
        if (!parse_word(item, error))
                return false;
        for (const char *at = item->text; *at; at++)
                if (!g_ascii_isgraph(*at) || *at == '"' || *at == '\\')
                        return setting_refuse(error,
                                              "\"%s\" holds a space, a quote or what is not ASCII",
                                              item->text);
        return true;
}

static bool acr_matches(const Demand *demand, const DemandItem *item, const Claims *claims)
{
        return span_equal_string(tape_string(claims_find(claims, "acr")), item->text);
}

static const char *acr_found(const Demand *demand, const DemandItem *item, const Claims *claims,
                             char *buffer, size_t size)
{
        return describe_value(claims_find(claims, "acr"), buffer, size);
}

/* ---- the table ---- */

static const KindFacts kinds[_DEMAND_MAX] = {
        [DEMAND_AUDIENCE] = { "audience", "audience (aud)", VERDICT_WRONG_AUDIENCE, false,
                              parse_word, audience_matches, audience_found },
        [DEMAND_PARTY] = { "azp", "authorized party (azp)", VERDICT_WRONG_PARTY, false, parse_word,
                           party_matches, party_found },
        [DEMAND_TYPE] = { "type", "type (typ)", VERDICT_WRONG_TYPE, false, parse_type, type_matches,
                          type_found },
        [DEMAND_SCOPES] = { "scopes", "scope", VERDICT_MISSING_SCOPE, true, parse_scope,
                            scope_matches, scope_found },
        [DEMAND_SCOPES_ANY] = { "scopes_any", "scope", VERDICT_MISSING_SCOPE, false, parse_scope,
                                scope_matches, scope_found },
        [DEMAND_ROLES] = { "roles", "role", VERDICT_MISSING_ROLE, false, parse_role, role_matches,
                           role_found },
        [DEMAND_ROLES_ALL] = { "roles_all", "role", VERDICT_MISSING_ROLE, true, parse_role,
                               role_matches, role_found },
        [DEMAND_GROUPS] = { "groups", "group", VERDICT_MISSING_GROUP, false, parse_word,
                            group_matches, group_found },
        [DEMAND_GROUPS_ALL] = { "groups_all", "group", VERDICT_MISSING_GROUP, true, parse_word,
                                group_matches, group_found },
        [DEMAND_CLAIMS] = { "claims", "claim", VERDICT_MISSING_CLAIM, true, parse_claim,
                            claim_matches, claim_found },
        [DEMAND_ACR] = { "acr", "authentication context (acr)", VERDICT_ACR_TOO_LOW, false,
                         parse_acr, acr_matches, acr_found },
};

const char *demand_setting(DemandKind kind)
{
        return kinds[kind].setting;
}

const char *demand_subject(DemandKind kind)
{
        return kinds[kind].subject;
}

Reason demand_reason(DemandKind kind)
{
        return kinds[kind].reason;
}

/* ---- the life of a demand ---- */

static char *wanted_text(const Demand *demand, char *const *words)
{
        g_autofree char *joined = g_strjoinv(", ", (char **) words);
        const char *prefix = demand->n_items == 1      ? ""
                             : kinds[demand->kind].all ? "all of "
                                                       : "one of ";
        g_autofree char *whole = g_strconcat(prefix, joined, NULL);
        char printable[WANTED_MAX];

        return g_strdup(verdict_printable(span_from(whole), printable, sizeof(printable)));
}

static bool demand_add(Demand *demand, const char *word, GError **error)
{
        DemandItem *item = &demand->items[demand->n_items++];

        item->text = g_strdup(word);
        if (kinds[demand->kind].parse(item, error))
                return true;
        g_prefix_error(error, "%s: ", demand_setting(demand->kind));
        return false;
}

bool demand_init(Demand *demand, DemandKind kind, char *const *words, const char *groups_claim,
                 GError **error)
{
        size_t n_words = words ? g_strv_length((char **) words) : 0;

        *demand = (Demand){ .kind = kind };
        if (n_words > POLICY_LIST_MAX)
                return setting_refuse(error, "%s has more than %d elements", demand_setting(kind),
                                      POLICY_LIST_MAX);
        if (words && n_words == 0)
                return setting_refuse(error, "%s is empty; remove it or say what is wanted",
                                      demand_setting(kind));
        demand->claim = g_strdup(groups_claim);
        demand->items = g_new0(DemandItem, n_words);
        for (size_t i = 0; i < n_words; i++)
                if (!demand_add(demand, words[i], error))
                        return false;
        demand->wanted = n_words > 0 ? wanted_text(demand, words) : g_strdup("anything");
        return true;
}

void demand_deinit(Demand *demand)
{
        for (size_t i = 0; i < demand->n_items; i++) {
                g_free(demand->items[i].text);
                g_free(demand->items[i].left);
                g_free(demand->items[i].right);
        }
        g_free(demand->items);
        g_free(demand->claim);
        g_free(demand->wanted);
        *demand = (Demand){ .kind = demand->kind };
}

static const DemandItem *first_item(const Demand *demand, const Claims *claims, bool matching)
{
        for (size_t i = 0; i < demand->n_items; i++)
                if (kinds[demand->kind].matches(demand, &demand->items[i], claims) == matching)
                        return &demand->items[i];
        return NULL;
}

bool demand_met(const Demand *demand, const Claims *claims, const DemandItem **ret_missing)
{
        const DemandItem *missing = NULL;

        if (demand->n_items == 0)
                return true;
        if (kinds[demand->kind].all)
                missing = first_item(demand, claims, false);
        else if (!first_item(demand, claims, true))
                missing = &demand->items[0];
        if (missing)
                *ret_missing = missing;
        return !missing;
}

const char *demand_found(const Demand *demand, const Claims *claims, const DemandItem *item,
                         char *buffer, size_t size)
{
        return kinds[demand->kind].found(demand, item ? item : &demand->items[0], claims, buffer,
                                         size);
}

const char *demand_wanted(const Demand *demand, const DemandItem *missing)
{
        return missing && kinds[demand->kind].all ? missing->text : demand->wanted;
}
