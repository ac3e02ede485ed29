/* keys: the life of one issuer's key set. See keys.h. */
#include "issuer/keys.h"

#include "token/jwk.h"

#define KEYS_MAX_AGE_DIGITS_MAX                                                                    \
        10 /* RFC 9111 §1.2.2: at least 2^31; more digits are the maximum                         \
            */

typedef struct AbsentKid {
        char *kid;
        int64_t expires_usec;
} AbsentKid;

static void absent_kid_free(AbsentKid *absent)
{
        g_free(absent->kid);
        g_free(absent);
}

/* Cache-Control */

static int64_t keys_max_age_sec(const char *value)
{
        size_t n_digits = strspn(value, "0123456789");

        if (n_digits == 0 || value[n_digits] != '\0')
                return 0;
        if (n_digits > KEYS_MAX_AGE_DIGITS_MAX)
                return ISSUER_REFRESH_MAX_SEC;
        return g_ascii_strtoll(value, NULL, 10);
}

/* One directive: the seconds it allows, or -1 when it says nothing of freshness. s-maxage is for
 * shared caches, which we are not. */
static int64_t keys_directive_sec(char *directive)
{
        char *value = strchr(directive, '=');

        if (value)
                *value++ = '\0';
        g_strstrip(directive);
        if (g_ascii_strcasecmp(directive, "max-age") == 0)
                return value ? keys_max_age_sec(g_strstrip(value)) : 0;
        if (g_ascii_strcasecmp(directive, "no-store") == 0 ||
            g_ascii_strcasecmp(directive, "no-cache") == 0)
                return 0;
        return -1;
}

int64_t keys_fresh_sec(const char *cache_control)
{
        g_auto(GStrv) directives = g_strsplit(cache_control ? cache_control : "", ",", -1);
        int64_t fresh_sec = -1;

        for (char **directive = directives; *directive; directive++) {
                int64_t seconds = keys_directive_sec(*directive);

                if (seconds >= 0 && (fresh_sec < 0 || seconds < fresh_sec))
                        fresh_sec = seconds;
        }
        if (fresh_sec < 0)
                return ISSUER_REFRESH_DEFAULT_SEC;
        return CLAMP(fresh_sec, ISSUER_REFRESH_MIN_SEC, ISSUER_REFRESH_MAX_SEC);
}

/* The negative memory */

static void keys_forget_absent(Keys *keys, const char *kid)
{
        GList *link = g_hash_table_lookup(keys->absent, kid);

        if (!link)
                return;
        g_hash_table_remove(keys->absent, kid);
        absent_kid_free(link->data);
        g_queue_delete_link(&keys->absent_order, link);
}

static const AbsentKid *keys_oldest_absent(Keys *keys)
{
        return g_queue_peek_head(&keys->absent_order);
}

static void keys_expire_absent(Keys *keys, int64_t now_usec)
{
        for (const AbsentKid *oldest = keys_oldest_absent(keys);
             oldest && oldest->expires_usec <= now_usec; oldest = keys_oldest_absent(keys))
                keys_forget_absent(keys, oldest->kid);
}

static void keys_remember_absent(Keys *keys, const char *kid, int64_t now_usec)
{
        AbsentKid *absent = g_new0(AbsentKid, 1);

        absent->kid = g_strdup(kid);
        absent->expires_usec = now_usec + ISSUER_ABSENT_SEC * G_USEC_PER_SEC;
        keys_forget_absent(keys, kid);
        if (keys->absent_order.length >= ISSUER_ABSENT_KIDS_MAX)
                keys_forget_absent(keys, keys_oldest_absent(keys)->kid);
        g_queue_push_tail(&keys->absent_order, absent);
        g_hash_table_insert(keys->absent, absent->kid, keys->absent_order.tail);
}

/* Askers */

static GHashTable *askers_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     (GDestroyNotify) g_ptr_array_unref);
}

static void keys_park(Keys *keys, const char *kid, void *asker)
{
        GPtrArray *askers = g_hash_table_lookup(keys->late, kid);

        if (!askers) {
                askers = g_ptr_array_new();
                g_hash_table_insert(keys->late, g_strdup(kid), askers);
        }
        g_ptr_array_add(askers, asker);
        keys->n_askers++;
}

static void keys_answer(Keys *keys, const GPtrArray *askers, IssuerKeysAnswer answer,
                        GArray *answers)
{
        for (guint i = 0; i < askers->len; i++) {
                KeysAnswer one = { .asker = askers->pdata[i], .answer = answer };

                g_array_append_val(answers, one);
        }
        keys->n_askers -= askers->len;
}

static void keys_answer_all(Keys *keys, GHashTable *table, IssuerKeysAnswer answer, GArray *answers)
{
        GHashTableIter iter;
        void *askers;

        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, NULL, &askers))
                keys_answer(keys, askers, answer, answers);
        g_hash_table_remove_all(table);
}

/* Those who asked before the attempt began: it is their answer, and a kid that it did not bring is
 * absent for a while. */
static void keys_answer_asked(Keys *keys, int64_t now_usec, GArray *answers)
{
        GHashTableIter iter;
        void *kid;

        g_hash_table_iter_init(&iter, keys->asked);
        while (g_hash_table_iter_next(&iter, &kid, NULL))
                if (!g_hash_table_contains(keys->kids, kid))
                        keys_remember_absent(keys, kid, now_usec);
        keys_answer_all(keys, keys->asked, ISSUER_KEYS_ASKED, answers);
}

/* Those who came while it was under way: the provider may have made their key after it had
 * answered, so unless the key is there, a few may wait for one more attempt, and none of them is
 * called absent. */
static void keys_answer_late(Keys *keys, GArray *answers)
{
        GHashTableIter iter;
        void *kid, *askers;
        unsigned n_waiting = 0;

        g_hash_table_iter_init(&iter, keys->late);
        while (g_hash_table_iter_next(&iter, &kid, &askers)) {
                bool found = g_hash_table_contains(keys->kids, kid);

                if (!found && n_waiting++ < ISSUER_COOLDOWN_WAITING_MAX)
                        continue;
                keys_answer(keys, askers, found ? ISSUER_KEYS_ASKED : ISSUER_KEYS_UNAVAILABLE,
                            answers);
                g_hash_table_iter_remove(&iter);
        }
}

/* The life */

void keys_init(Keys *keys, int64_t now_usec)
{
        *keys = (Keys){ .due_usec = now_usec, .cooldown_usec = now_usec, .hold_usec = now_usec };
        keys->asked = askers_new();
        keys->late = askers_new();
        keys->absent = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&keys->absent_order);
}

/* No key set can hold such a kid (jwk refuses them). */
static bool keys_kid_impossible(Span kid)
{
        return kid.len > JWK_KID_SIZE_MAX || memchr(kid.data, '\0', kid.len);
}

/* Room to wait out a cooldown is counted in kids, not askers: every worker may ask for the one new
 * key at the same moment. */
static bool keys_has_room(const Keys *keys, const char *kid)
{
        return g_hash_table_contains(keys->late, kid) ||
               g_hash_table_size(keys->late) < ISSUER_COOLDOWN_WAITING_MAX;
}

/* What can be said without an attempt. KEYS_WAIT: nothing. */
static KeysAdvice keys_judge(const Keys *keys, const char *kid, int64_t now_usec,
                             IssuerKeysAnswer *ret_answer)
{
        bool cooling = !keys->fetching && now_usec < keys->cooldown_usec;
        IssuerKeysAnswer answer = ISSUER_KEYS_UNAVAILABLE;

        if (keys->kids && g_hash_table_contains(keys->kids, kid))
                answer = ISSUER_KEYS_ASKED;
        else if (g_hash_table_contains(keys->absent, kid))
                answer = ISSUER_KEYS_COOLDOWN;
        else if (keys->n_askers >= ISSUER_WAITING_MAX || (cooling && keys->n_failures > 0) ||
                 (cooling && !keys_has_room(keys, kid)))
                answer = ISSUER_KEYS_UNAVAILABLE; /* nobody asked for this one: no "no" */
        else
                return KEYS_WAIT;
        *ret_answer = answer;
        return KEYS_ANSWERED;
}

KeysAdvice keys_ask(Keys *keys, Span kid, void *asker, int64_t now_usec,
                    IssuerKeysAnswer *ret_answer)
{
        g_autofree char *copy = NULL;

        if (keys_kid_impossible(kid)) {
                *ret_answer = ISSUER_KEYS_COOLDOWN;
                return KEYS_ANSWERED;
        }
        copy = g_strndup(kid.data, kid.len);
        keys_expire_absent(keys, now_usec);
        if (keys_judge(keys, copy, now_usec, ret_answer) == KEYS_ANSWERED)
                return KEYS_ANSWERED;
        keys_park(keys, copy, asker);
        return KEYS_WAIT;
}

int64_t keys_next_usec(const Keys *keys)
{
        if (keys->fetching)
                return -1;
        if (g_hash_table_size(keys->late) > 0)
                return MIN(keys->due_usec, keys->cooldown_usec);
        return keys->due_usec;
}

bool keys_begin(Keys *keys, int64_t now_usec)
{
        GHashTable *waiting = keys->late;

        if (keys->fetching || now_usec < keys_next_usec(keys))
                return false;
        keys->fetching = true;
        keys->late = keys->asked; /* empty: whoever was in it got an answer with the last attempt */
        keys->asked = waiting;
        return true;
}

static void keys_ended(Keys *keys, int64_t now_usec)
{
        g_assert(keys->fetching);
        keys->fetching = false;
        keys->cooldown_usec = now_usec + ISSUER_COOLDOWN_USEC;
}

static void keys_forget_found(Keys *keys)
{
        GHashTableIter iter;
        void *kid;

        g_hash_table_iter_init(&iter, keys->kids);
        while (g_hash_table_iter_next(&iter, &kid, NULL))
                keys_forget_absent(keys, kid);
}

static bool keys_same_kids(GHashTable *a, GHashTable *b)
{
        GHashTableIter iter;
        void *kid;

        if (!a || g_hash_table_size(a) != g_hash_table_size(b))
                return false;
        g_hash_table_iter_init(&iter, a);
        while (g_hash_table_iter_next(&iter, &kid, NULL))
                if (!g_hash_table_contains(b, kid))
                        return false;
        return true;
}

void keys_succeeded(Keys *keys, GHashTable *kids, int64_t fresh_sec, double chance,
                    int64_t now_usec, GArray *answers)
{
        int64_t fresh_usec = fresh_sec * G_USEC_PER_SEC;
        double part = ISSUER_REFRESH_TO - chance * (ISSUER_REFRESH_TO - ISSUER_REFRESH_FROM);

        keys_ended(keys, now_usec);
        keys->n_failures = 0;
        keys->hold_usec = now_usec;
        keys->fresh_until_usec = now_usec + fresh_usec;
        keys->due_usec = now_usec + (int64_t) ((double) fresh_usec * part);
        /* A token without a kid may be answered by any new set. */
        if (!keys_same_kids(keys->kids, kids))
                keys_forget_absent(keys, "");
        g_clear_pointer(&keys->kids, g_hash_table_unref);
        keys->kids = kids;
        keys_expire_absent(keys, now_usec);
        keys_forget_found(keys);
        keys_answer_asked(keys, now_usec, answers);
        keys_answer_late(keys, answers);
}

static int64_t keys_back_off_usec(unsigned n_failures, double chance)
{
        int64_t delay_usec = ISSUER_RETRY_MIN_USEC;

        for (unsigned i = 1; i < n_failures && delay_usec < ISSUER_RETRY_MAX_USEC; i++)
                delay_usec *= 2;
        return (int64_t) (MIN(delay_usec, ISSUER_RETRY_MAX_USEC) * (1.0 - chance / 2));
}

void keys_failed(Keys *keys, int64_t retry_after_sec, double chance, int64_t now_usec,
                 GArray *answers)
{
        int64_t hold_usec = CLAMP(retry_after_sec, 0, ISSUER_RETRY_AFTER_MAX_SEC) * G_USEC_PER_SEC;
        /* Later by chance, for others were told the same moment. */
        int64_t held_usec = hold_usec + (int64_t) ((double) hold_usec * chance / 10);

        keys_ended(keys, now_usec);
        keys->n_failures++;
        keys->hold_usec = now_usec + hold_usec;
        keys->cooldown_usec = MAX(keys->cooldown_usec, keys->hold_usec);
        keys->due_usec = now_usec + MAX(keys_back_off_usec(keys->n_failures, chance), held_usec);
        keys_give_up(keys, answers);
}

void keys_restored(Keys *keys, GHashTable *kids, int64_t fresh_until_usec)
{
        g_clear_pointer(&keys->kids, g_hash_table_unref);
        keys->kids = kids;
        keys->fresh_until_usec = fresh_until_usec;
}

void keys_hurry(Keys *keys, int64_t now_usec)
{
        keys->due_usec = MIN(keys->due_usec, MAX(now_usec, keys->hold_usec));
}

void keys_give_up(Keys *keys, GArray *answers)
{
        keys_answer_all(keys, keys->asked, ISSUER_KEYS_UNAVAILABLE, answers);
        keys_answer_all(keys, keys->late, ISSUER_KEYS_UNAVAILABLE, answers);
}

void keys_deinit(Keys *keys)
{
        g_assert(keys->n_askers == 0);
        g_clear_pointer(&keys->kids, g_hash_table_unref);
        g_clear_pointer(&keys->asked, g_hash_table_unref);
        g_clear_pointer(&keys->late, g_hash_table_unref);
        g_clear_pointer(&keys->absent, g_hash_table_unref);
        g_queue_clear_full(&keys->absent_order, (GDestroyNotify) absent_kid_free);
}
