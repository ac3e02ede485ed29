/* pending: see pending.h. A group is one question; a group leaves the table before any of its
 * waiters is called, so that a waiter may ask again from within its call. */
#include "verdict/pending.h"

#define TROUBLE_LATE "it gave no answer in time."

typedef struct Waiter {
        int64_t deadline_usec;
        PendingDone done;
        void *userdata;
} Waiter;

typedef struct Group {
        CheckNeeds needs; /* the table's key */
        GArray *waiters;  /* Waiter */
} Group;

struct Pending {
        GHashTable *groups;
        size_t n_waiters;
        int64_t next_deadline_usec; /* no waiter's is earlier; INT64_MAX: nobody waits */
        bool closing;
};

static guint needs_hash(gconstpointer key)
{
        const CheckNeeds *needs = key;
        guint hash;

        if (needs->kind == NEEDS_KEYS)
                return g_str_hash(needs->kid) ^ g_direct_hash(needs->issuer);
        memcpy(&hash, needs->token.bytes, sizeof(hash)); /* SHA-256 needs no mixing */
        return hash;
}

static gboolean needs_equal(gconstpointer a, gconstpointer b)
{
        const CheckNeeds *one = a, *other = b;

        if (one->kind != other->kind || one->issuer != other->issuer)
                return FALSE;
        return one->kind == NEEDS_KEYS ? strcmp(one->kid, other->kid) == 0
                                       : fingerprint_equal(&one->token, &other->token);
}

static void group_free(Group *group)
{
        if (!group)
                return;
        g_array_unref(group->waiters);
        g_free(group);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Group, group_free)

static void waiters_call(const GArray *waiters, Asked asked, const char *trouble)
{
        for (guint i = 0; i < waiters->len; i++) {
                const Waiter *waiter = &g_array_index(waiters, Waiter, i);

                waiter->done(asked, trouble, waiter->userdata);
        }
}

Pending *pending_new(void)
{
        Pending *pending = g_new0(Pending, 1);

        pending->groups = g_hash_table_new(needs_hash, needs_equal);
        pending->next_deadline_usec = INT64_MAX;
        return pending;
}

static Group *pending_take(Pending *pending, const CheckNeeds *needs)
{
        Group *group = g_hash_table_lookup(pending->groups, needs);

        if (!group)
                return NULL;
        g_hash_table_remove(pending->groups, needs);
        pending->n_waiters -= group->waiters->len;
        return group;
}

void pending_free(Pending *pending)
{
        if (!pending)
                return;
        pending->closing = true;
        (void) pending_expire(pending, INT64_MAX);
        g_hash_table_unref(pending->groups);
        g_free(pending);
}

static Group *group_new(const CheckNeeds *needs)
{
        Group *group = g_new0(Group, 1);

        group->needs = *needs;
        group->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        return group;
}

int pending_add(Pending *pending, const CheckNeeds *needs, int64_t deadline_usec, PendingDone done,
                void *userdata)
{
        const Waiter waiter = { deadline_usec, done, userdata };
        Group *group = g_hash_table_lookup(pending->groups, needs);
        bool first = !group;

        if (pending->closing || pending->n_waiters == PENDING_WAITERS_MAX)
                return -ENOBUFS;
        if (first) {
                group = group_new(needs);
                g_hash_table_insert(pending->groups, &group->needs, group);
        }
        g_array_append_val(group->waiters, waiter);
        pending->n_waiters++;
        pending->next_deadline_usec = MIN(pending->next_deadline_usec, deadline_usec);
        return first ? 1 : 0;
}

void pending_resolve(Pending *pending, const CheckNeeds *needs, Asked asked, const char *trouble)
{
        g_autoptr(Group) group = pending_take(pending, needs);

        if (group)
                waiters_call(group->waiters, asked, trouble);
}

/* group_split: moves those whose deadline is over into late; the rest stays in its order. */
static void group_split(Group *group, int64_t now_usec, GArray *late, int64_t *next_usec)
{
        guint n_kept = 0;

        for (guint i = 0; i < group->waiters->len; i++) {
                Waiter waiter = g_array_index(group->waiters, Waiter, i);

                if (waiter.deadline_usec <= now_usec) {
                        g_array_append_val(late, waiter);
                        continue;
                }
                g_array_index(group->waiters, Waiter, n_kept++) = waiter;
                *next_usec = MIN(*next_usec, waiter.deadline_usec);
        }
        g_array_set_size(group->waiters, n_kept);
}

static void pending_take_late(Pending *pending, int64_t now_usec, GArray *late)
{
        GHashTableIter iter;
        void *value;

        pending->next_deadline_usec = INT64_MAX;
        g_hash_table_iter_init(&iter, pending->groups);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Group *group = value;

                group_split(group, now_usec, late, &pending->next_deadline_usec);
                if (group->waiters->len > 0)
                        continue;
                /* Whoever asks this again posts a letter again: an answer may have been lost. */
                g_hash_table_iter_remove(&iter);
                group_free(group);
        }
        pending->n_waiters -= late->len;
}

int64_t pending_expire(Pending *pending, int64_t now_usec)
{
        g_autoptr(GArray) late = NULL;

        if (pending->n_waiters > 0 && pending->next_deadline_usec <= now_usec) {
                late = g_array_new(FALSE, FALSE, sizeof(Waiter));
                pending_take_late(pending, now_usec, late);
                waiters_call(late, ASKED_IN_VAIN, TROUBLE_LATE);
        }
        return pending->n_waiters > 0 ? pending->next_deadline_usec : -1;
}

size_t pending_size(const Pending *pending)
{
        return pending->n_waiters;
}
