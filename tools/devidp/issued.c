#include "issued.h"

struct Issued {
        GHashTable *entries; /* SHA-256 in hex → Entry */
        GQueue order;        /* the keys, oldest first; borrowed from entries */
};

typedef struct Entry {
        GList *place; /* in order */
        char *digest;
        char *kid;
        json_t *claims;
} Entry;

static void entry_free(Entry *entry)
{
        g_free(entry->digest);
        g_free(entry->kid);
        json_decref(entry->claims);
        g_free(entry);
}

static char *digest_of(const char *token)
{
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
}

Issued *issued_new(void)
{
        Issued *issued = g_new0(Issued, 1);

        issued->entries =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) entry_free);
        g_queue_init(&issued->order);
        return issued;
}

void issued_free(Issued *issued)
{
        if (!issued)
                return;
        g_queue_clear(&issued->order);
        g_hash_table_destroy(issued->entries);
        g_free(issued);
}

void issued_remember(Issued *issued, const char *token, const char *kid, json_t *claims)
{
        Entry *entry = g_new0(Entry, 1);

        entry->digest = digest_of(token);
        entry->kid = g_strdup(kid);
        entry->claims = claims;
        if (g_hash_table_contains(issued->entries,
                                  entry->digest)) { /* Ed25519: the same words twice */
                entry_free(entry);
                return;
        }
        if (g_queue_get_length(&issued->order) >= ISSUED_MAX)
                g_hash_table_remove(issued->entries, g_queue_pop_head(&issued->order));
        g_hash_table_insert(issued->entries, entry->digest, entry);
        g_queue_push_tail(&issued->order, entry->digest);
        entry->place = g_queue_peek_tail_link(&issued->order);
}

const json_t *issued_find(const Issued *issued, const char *token, const char **ret_kid)
{
        g_autofree char *digest = digest_of(token);
        const Entry *entry = g_hash_table_lookup(issued->entries, digest);

        if (!entry)
                return NULL;
        *ret_kid = entry->kid;
        return entry->claims;
}

static void forget(Issued *issued, Entry *entry)
{
        g_queue_delete_link(&issued->order, entry->place);
        g_hash_table_remove(issued->entries, entry->digest);
}

unsigned issued_revoke(Issued *issued, const char *claim, const char *value)
{
        g_autoptr(GList) all = g_hash_table_get_values(issued->entries);
        unsigned n_revoked = 0;

        for (GList *item = all; item; item = item->next) {
                Entry *entry = item->data;
                if (g_strcmp0(json_string_value(json_object_get(entry->claims, claim)), value) != 0)
                        continue;
                forget(issued, entry);
                n_revoked++;
        }
        return n_revoked;
}

bool issued_revoke_token(Issued *issued, const char *token)
{
        g_autofree char *digest = digest_of(token);
        Entry *entry = g_hash_table_lookup(issued->entries, digest);

        if (entry)
                forget(issued, entry);
        return entry != NULL;
}
