/* learn: see learn.h. */
#include "users/learn.h"

#include "users/numbers.h"

#define REALM_ROLES   "realm_access.roles"
#define CLIENT_ACCESS "resource_access"
#define ROLES         "roles"
#define REALM         "realm"
#define GROUPS        "groups"

/* ---- facts ---- */

static char *text_of(Span span)
{
        return g_strndup(span.data, span.len);
}

/* claim_or: a claim that is no string, or empty, says nothing. */
static char *claim_or(const Claims *claims, const char *name, const char *known)
{
        Span text = tape_string(tape_member(claims_root(claims), span_from(name)));

        return text.len > 0 ? text_of(text) : g_strdup(known);
}

static char *email_of(const Claims *claims, const char *known)
{
        TapeValue root = claims_root(claims);

        if (!tape_member(root, span_from("email")).node)
                return g_strdup(known);
        if (tape_type(tape_member(root, span_from("email_verified"))) != TAPE_TRUE)
                return g_strdup("");
        return claim_or(claims, "email", "");
}

Facts *learn_facts(const Claims *claims, const Facts *known)
{
        static const Facts nothing = { "", "", "", "", "", true };
        g_autofree char *subject = text_of(claims_subject(claims));
        g_autofree char *username = NULL, *email = NULL, *full_name = NULL;

        if (!known)
                known = &nothing;
        username = claim_or(claims, "preferred_username", known->username);
        email = email_of(claims, known->email);
        full_name = claim_or(claims, "name", known->full_name);
        return facts_new(
            &(Facts){ subject, username, email, full_name, known->attributes, known->enabled });
}

/* ---- groups ---- */

/* Numbers: a set that is being made. */
typedef struct Numbers {
        const Learning *learning;
        GHashTable *set;
} Numbers;

static void put(Numbers *numbers, const GroupEntry *entry)
{
        if (entry && !entry->group.local)
                g_hash_table_add(numbers->set, GUINT_TO_POINTER(entry->number));
}

/* is_taken: some rule is about it. */
static bool is_taken(const Naming *naming, const char *source)
{
        return naming_takes(naming, source) ||
               (naming_has_within(naming) && naming_within(naming, source));
}

static GroupEntry *find_or_add(const Learning *learning, const char *key, const char *source)
{
        GroupEntry *entry = roster_group(learning->roster, key);

        if (entry || !is_taken(learning->naming, source))
                return entry;
        return learning->add(key, source, learning->userdata);
}

/* ---- roles ---- */

/* role_list: absent: the claims say nothing about such roles. */
static TapeValue role_list(const Claims *claims, const char *role, const char **ret_name)
{
        const char *colon = strchr(role, ':');
        Span party = span_of(role, (size_t) (colon - role));
        TapeValue access;

        *ret_name = colon + 1;
        if (span_equal_string(party, REALM))
                return claims_find(claims, REALM_ROLES);
        access = tape_member(claims_root(claims), span_from(CLIENT_ACCESS));
        return tape_member(tape_member(access, party), span_from(ROLES));
}

static void learn_role(Numbers *numbers, const char *role)
{
        const Learning *learning = numbers->learning;
        const char *name;
        TapeValue list = role_list(learning->claims, role, &name);
        GroupEntry *entry;

        if (tape_type(list) != TAPE_ARRAY)
                return;
        if (tape_has_string(list, span_from(name))) {
                put(numbers, find_or_add(learning, role, role));
                return;
        }
        entry = learning->alone ? roster_group(learning->roster, role) : NULL;
        if (entry)
                g_hash_table_remove(numbers->set, GUINT_TO_POINTER(entry->number));
}

static void learn_roles(Numbers *numbers)
{
        g_autoptr(GPtrArray) roles = naming_roles(numbers->learning->naming);

        for (size_t i = 0; i < roles->len; i++)
                learn_role(numbers, g_ptr_array_index(roles, i));
}

/* ---- paths ---- */

static bool is_path(const GroupEntry *entry)
{
        return entry->group.source[0] == '/';
}

/* index_groups: by path; two that share one are NULL there. */
static GHashTable *index_groups(const Roster *roster)
{
        GHashTable *index = g_hash_table_new(g_str_hash, g_str_equal);

        for (size_t i = 0; i < roster_n_groups(roster); i++) {
                GroupEntry *entry = roster_group_at(roster, i);
                char *path = entry->group.source;

                if (!entry->group.local && is_path(entry))
                        g_hash_table_insert(index, path,
                                            g_hash_table_contains(index, path) ? NULL : entry);
        }
        return index;
}

static void forget_paths(Numbers *numbers)
{
        GHashTableIter iter;
        void *number;

        g_hash_table_iter_init(&iter, numbers->set);
        while (g_hash_table_iter_next(&iter, &number, NULL)) {
                const GroupEntry *entry =
                    roster_group_numbered(numbers->learning->roster, GPOINTER_TO_UINT(number));

                if (!entry || is_path(entry))
                        g_hash_table_iter_remove(&iter);
        }
}

static void learn_path(Numbers *numbers, GHashTable *index, Span text)
{
        g_autofree char *path = text_of(text);
        g_autofree char *key = g_strconcat(LEARN_PATH_KEY, path, NULL);
        GroupEntry *entry = g_hash_table_lookup(index, path);

        put(numbers, entry ? entry : find_or_add(numbers->learning, key, path));
}

/* are_paths: one that is none among them: none is taken for one. */
static bool are_paths(TapeValue list)
{
        for (TapeValue element = tape_first(list); element.node;
             element = tape_next(list, element)) {
                Span text = tape_string(element);

                if (text.len < 2 || text.data[0] != '/' || text.len > RECORD_TEXT_MAX)
                        return false;
        }
        return true;
}

static void learn_list(Numbers *numbers, TapeValue list)
{
        g_autoptr(GHashTable) index = index_groups(numbers->learning->roster);

        forget_paths(numbers);
        for (TapeValue element = tape_first(list); element.node; element = tape_next(list, element))
                learn_path(numbers, index, tape_string(element));
}

static GArray *sorted(GHashTable *set)
{
        GArray *list = numbers_new();
        GHashTableIter iter;
        void *member;

        g_hash_table_iter_init(&iter, set);
        while (g_hash_table_iter_next(&iter, &member, NULL)) {
                uint32_t number = GPOINTER_TO_UINT(member);

                g_array_append_val(list, number);
        }
        return numbers_sort(list);
}

GArray *learn_groups(const Learning *learning, const uint32_t *known, size_t n_known)
{
        g_autoptr(GHashTable) set = g_hash_table_new(NULL, NULL);
        Numbers numbers = { learning, set };
        TapeValue list = tape_member(claims_root(learning->claims), span_from(GROUPS));

        for (size_t i = 0; i < n_known; i++)
                g_hash_table_add(set, GUINT_TO_POINTER(known[i]));
        if (tape_type(list) == TAPE_ARRAY && are_paths(list))
                learn_list(&numbers, list);
        learn_roles(&numbers);
        return sorted(set);
}
