/* attempts: see attempts.h. Keys are hashes, so that a long name costs no more than a short one. */
#include "login/attempts.h"

#include "base/address.h"
#include "base/secret.h"

typedef enum KeyKind { KEY_USER = 'u', KEY_ADDRESS = 'a' } KeyKind;

typedef struct Entry {
        Fingerprint key;
        GList link; /* of the queue by age; its data is the entry */
        unsigned n_failures;
        int64_t began_usec; /* the first of them */
        int64_t until_usec; /* nobody tries before */
} Entry;

struct Attempts {
        GHashTable *entries; /* by their own key */
        GQueue by_age;       /* the last failure longest ago is first */
};

static guint key_hash(gconstpointer key)
{
        guint hash;

        memcpy(&hash, ((const Fingerprint *) key)->bytes, sizeof(hash));
        return hash;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
        return fingerprint_equal(a, b);
}

Attempts *attempts_new(void)
{
        Attempts *attempts = g_new0(Attempts, 1);

        attempts->entries = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
        g_queue_init(&attempts->by_age);
        return attempts;
}

void attempts_free(Attempts *attempts)
{
        if (!attempts)
                return;
        g_hash_table_unref(attempts->entries);
        g_free(attempts);
}

/* The length keeps two pairs apart that read alike one after the other. */
static Fingerprint key_of(KeyKind kind, const char *service, const char *name)
{
        g_autofree char *text = g_strdup_printf("%c%zu:%s%s", kind, strlen(service), service, name);
        Fingerprint key;

        fingerprint_of(span_from(text), &key);
        return key;
}

static Fingerprint address_key(const char *service, const char *rhost)
{
        g_autofree char *address = address_network(rhost);

        return key_of(KEY_ADDRESS, service, address);
}

static int64_t entry_wait_usec(const Entry *entry, int64_t now_usec)
{
        return entry ? MAX(entry->until_usec - now_usec, 0) : 0;
}

int64_t attempts_wait_usec(const Attempts *attempts, const char *service, const char *user,
                           const char *rhost, int64_t now_usec)
{
        Fingerprint key = key_of(KEY_USER, service, user);
        int64_t user_usec = entry_wait_usec(g_hash_table_lookup(attempts->entries, &key), now_usec);

        if (!rhost || !*rhost)
                return user_usec;
        key = address_key(service, rhost);
        return MAX(user_usec,
                   entry_wait_usec(g_hash_table_lookup(attempts->entries, &key), now_usec));
}

static void entry_remove(Attempts *attempts, Entry *entry)
{
        g_queue_unlink(&attempts->by_age, &entry->link);
        g_hash_table_remove(attempts->entries, &entry->key);
}

static Entry *entry_find_or_add(Attempts *attempts, const Fingerprint *key, int64_t now_usec)
{
        Entry *entry = g_hash_table_lookup(attempts->entries, key);

        if (entry)
                return entry;
        if (g_hash_table_size(attempts->entries) >= ATTEMPTS_KEYS_MAX)
                entry_remove(attempts, g_queue_peek_head(&attempts->by_age));
        entry = g_new0(Entry, 1);
        entry->key = *key;
        entry->link.data = entry;
        entry->began_usec = now_usec;
        g_queue_push_tail_link(&attempts->by_age, &entry->link);
        g_hash_table_insert(attempts->entries, &entry->key, entry);
        return entry;
}

static void count_failure(Attempts *attempts, Fingerprint key, uint64_t max, int64_t lockout_usec,
                          int64_t now_usec)
{
        Entry *entry = entry_find_or_add(attempts, &key, now_usec);

        if (now_usec - entry->began_usec >= lockout_usec && now_usec >= entry->until_usec) {
                entry->n_failures = 0;
                entry->began_usec = now_usec;
        }
        if (++entry->n_failures >= max)
                entry->until_usec = now_usec + lockout_usec;
        g_queue_unlink(&attempts->by_age, &entry->link);
        g_queue_push_tail_link(&attempts->by_age, &entry->link);
}

void attempts_failed(Attempts *attempts, const char *service, const char *user, const char *rhost,
                     unsigned max, int64_t lockout_usec, int64_t now_usec)
{
        count_failure(attempts, key_of(KEY_USER, service, user), max, lockout_usec, now_usec);
        if (rhost && *rhost)
                count_failure(attempts, address_key(service, rhost),
                              (uint64_t) max * ATTEMPTS_ADDRESS_FACTOR, lockout_usec, now_usec);
}

void attempts_succeeded(Attempts *attempts, const char *service, const char *user)
{
        Fingerprint key = key_of(KEY_USER, service, user);
        Entry *entry = g_hash_table_lookup(attempts->entries, &key);

        if (entry)
                entry_remove(attempts, entry);
}

size_t attempts_n_waiting(const Attempts *attempts, int64_t now_usec)
{
        size_t n = 0;

        for (const GList *link = attempts->by_age.head; link; link = link->next)
                n += entry_wait_usec(link->data, now_usec) > 0;
        return n;
}
