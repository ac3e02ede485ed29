/* attempts: see attempts.h. Keys are hashes, so that a long name costs no more than a short one. */
#include "login/attempts.h"

#include "base/address.h"
#include "base/secret.h"

typedef enum KeyKind { KEY_PAIR = 'p', KEY_USER = 'u', KEY_ADDRESS = 'a' } KeyKind;

#define KEYS_MAX    3 /* of one login */
#define KEY_AT_USER 1 /* of them, the user's from everywhere */

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

/* The lengths keep two logins apart that read alike one after the other. */
static Fingerprint key_of(KeyKind kind, const char *service, const char *name, const char *address)
{
        g_autofree char *text = g_strdup_printf("%c%zu:%s%zu:%s%s", kind, strlen(service), service,
                                                strlen(name), name, address);
        Fingerprint key;

        fingerprint_of(span_from(text), &key);
        return key;
}

/* Counted: what a failure is counted by, and how many times the bound it may have. */
typedef struct Counted {
        Fingerprint key;
        uint64_t factor;
} Counted;

/* counted_of: the address is the last, if there is one. */
static size_t counted_of(const char *service, const char *user, const char *rhost,
                         Counted ret[KEYS_MAX])
{
        g_autofree char *address = address_network(rhost && *rhost ? rhost : "");

        ret[0] = (Counted){ key_of(KEY_PAIR, service, user, address), 1 };
        ret[KEY_AT_USER] = (Counted){ key_of(KEY_USER, service, user, ""), ATTEMPTS_USER_FACTOR };
        ret[2] = (Counted){ key_of(KEY_ADDRESS, service, "", address), ATTEMPTS_ADDRESS_FACTOR };
        return rhost && *rhost ? KEYS_MAX : KEYS_MAX - 1;
}

static int64_t entry_wait_usec(const Entry *entry, int64_t now_usec)
{
        return entry ? MAX(entry->until_usec - now_usec, 0) : 0;
}

static int64_t key_wait_usec(const Attempts *attempts, const Fingerprint *key, int64_t now_usec)
{
        return entry_wait_usec(g_hash_table_lookup(attempts->entries, key), now_usec);
}

int64_t attempts_wait_here_usec(const Attempts *attempts, const char *service, const char *user,
                                const char *rhost, int64_t now_usec)
{
        Counted counted[KEYS_MAX];
        size_t n = counted_of(service, user, rhost, counted);
        int64_t wait_usec = 0;

        for (size_t i = 0; i < n; i++)
                if (i != KEY_AT_USER)
                        wait_usec =
                            MAX(wait_usec, key_wait_usec(attempts, &counted[i].key, now_usec));
        return wait_usec;
}

int64_t attempts_wait_usec(const Attempts *attempts, const char *service, const char *user,
                           const char *rhost, int64_t now_usec)
{
        Counted counted[KEYS_MAX];

        counted_of(service, user, rhost, counted);
        return MAX(key_wait_usec(attempts, &counted[KEY_AT_USER].key, now_usec),
                   attempts_wait_here_usec(attempts, service, user, rhost, now_usec));
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

static void count_failure(Attempts *attempts, const Fingerprint *key, uint64_t max,
                          int64_t lockout_usec, int64_t now_usec)
{
        Entry *entry = entry_find_or_add(attempts, key, now_usec);

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
        Counted counted[KEYS_MAX];
        size_t n = counted_of(service, user, rhost, counted);

        for (size_t i = 0; i < n; i++)
                count_failure(attempts, &counted[i].key, max * counted[i].factor, lockout_usec,
                              now_usec);
}

static void forgive(Attempts *attempts, const Fingerprint *key, uint64_t max)
{
        Entry *entry = g_hash_table_lookup(attempts->entries, key);

        if (!entry)
                return;
        if (entry->n_failures <= 1) {
                entry_remove(attempts, entry);
                return;
        }
        if (--entry->n_failures < max)
                entry->until_usec = 0;
}

void attempts_forgiven(Attempts *attempts, const char *service, const char *user, const char *rhost,
                       unsigned max)
{
        Counted counted[KEYS_MAX];
        size_t n = counted_of(service, user, rhost, counted);

        for (size_t i = 0; i < n; i++)
                forgive(attempts, &counted[i].key, max * counted[i].factor);
}

void attempts_succeeded(Attempts *attempts, const char *service, const char *user,
                        const char *rhost)
{
        Counted counted[KEYS_MAX];

        counted_of(service, user, rhost, counted);
        for (size_t i = 0; i < KEYS_MAX - 1; i++) {
                Entry *entry = g_hash_table_lookup(attempts->entries, &counted[i].key);

                if (entry)
                        entry_remove(attempts, entry);
        }
}

size_t attempts_n_waiting(const Attempts *attempts, int64_t now_usec)
{
        size_t n = 0;

        for (const GList *link = attempts->by_age.head; link; link = link->next)
                n += entry_wait_usec(link->data, now_usec) > 0;
        return n;
}
