/* limit: see limit.h. All limits are looked at before one is taken from, so a refusal costs
 * nothing; between the two another thread may take the last, and then this one is let through on a
 * bucket that owes it: a limit is exact to the number of threads. */
#include "verdict/limit.h"

#include "base/clock.h"
#include "verdict/setting.h"

#define CLAIM_PREFIX "claim:"

typedef enum LimitBy { BY_SUBJECT, BY_CLIENT, BY_ADDRESS, BY_CLAIM } LimitBy;

static const char *const by_words[] = {
        [BY_SUBJECT] = "sub",
        [BY_CLIENT] = "client",
        [BY_ADDRESS] = "address",
        [BY_CLAIM] = CLAIM_PREFIX,
};

typedef struct Unit {
        const char *word;
        int64_t seconds;
} Unit;

static const Unit units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

/* Limit: counted by references, for a reload that keeps it. */
typedef struct Limit {
        gatomicrefcount references;
        char *text;
        LimitBy by;
        char *claim; /* its path; BY_CLAIM only */
        Buckets *buckets;
} Limit;

struct Limits {
        gatomicrefcount references;
        size_t n_limits;
        Limit *limits[LIMITS_MAX];
};

static void limit_unref(Limit *limit)
{
        if (!limit || !g_atomic_ref_count_dec(&limit->references))
                return;
        buckets_free(limit->buckets);
        g_free(limit->claim);
        g_free(limit->text);
        g_free(limit);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Limit, limit_unref)

/* ---- compiling ---- */

static bool refuse_text(const char *text, GError **error)
{
        return setting_refuse(error,
                              "limits: \"%s\" is no limit; write WHAT NUMBER/UNIT, maybe burst "
                              "NUMBER: sub 100/s burst 200 (what: sub, client, address, "
                              "claim:PATH; unit: s, m, h, d)",
                              text);
}

static bool parse_by(Limit *limit, const char *word)
{
        for (LimitBy by = BY_SUBJECT; by < BY_CLAIM; by++)
                if (strcmp(word, by_words[by]) == 0) {
                        limit->by = by;
                        return true;
                }
        if (!g_str_has_prefix(word, CLAIM_PREFIX) || !word[strlen(CLAIM_PREFIX)])
                return false;
        limit->by = BY_CLAIM;
        limit->claim = g_strdup(word + strlen(CLAIM_PREFIX));
        return true;
}

static bool parse_number(const char *text, int64_t *ret)
{
        guint64 number = 0;

        if (!g_ascii_string_to_unsigned(text, 10, 1, BUCKET_BURST_MAX, &number, NULL))
                return false;
        *ret = (int64_t) number;
        return true;
}

static bool parse_rate(const char *word, BucketRate *ret)
{
        g_auto(GStrv) halves = g_strsplit(word, "/", 2);

        if (g_strv_length(halves) != 2 || !parse_number(halves[0], &ret->amount))
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                if (strcmp(halves[1], units[i].word) == 0) {
                        ret->period_sec = units[i].seconds;
                        return true;
                }
        return false;
}

static bool parse_words(Limit *limit, char **words, BucketRate *ret_rate)
{
        guint n = g_strv_length(words);

        *ret_rate = (BucketRate){ 0 };
        if ((n != 2 && n != 4) || !parse_by(limit, words[0]) || !parse_rate(words[1], ret_rate))
                return false;
        return n == 2 ||
               (strcmp(words[2], "burst") == 0 && parse_number(words[3], &ret_rate->burst));
}

static Limit *limit_new(const char *text, size_t n_slots, GError **error)
{
        g_autoptr(Limit) limit = g_new0(Limit, 1);
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        BucketRate rate;

        g_atomic_ref_count_init(&limit->references);
        limit->text = g_strdup(text);
        if (strlen(text) >= LIMIT_TEXT_SIZE_MAX || !parse_words(limit, words, &rate)) {
                refuse_text(text, error);
                return NULL;
        }
        limit->buckets = buckets_new(&rate, n_slots);
        if (!limit->buckets) {
                refuse_text(text, error);
                return NULL;
        }
        return g_steal_pointer(&limit);
}

static Limit *limits_find(Limits *limits, const char *text)
{
        for (size_t i = 0; limits && i < limits->n_limits; i++)
                if (strcmp(limits->limits[i]->text, text) == 0)
                        return limits->limits[i];
        return NULL;
}

static bool limits_add(Limits *limits, const char *text, Limits *before, size_t n_slots,
                       GError **error)
{
        Limit *kept = limits_find(before, text);

        if (limits->n_limits == LIMITS_MAX)
                return setting_refuse(error, "limits: more than %d", LIMITS_MAX);
        if (limits_find(limits, text))
                return setting_refuse(error, "limits: \"%s\" is there twice", text);
        if (kept)
                g_atomic_ref_count_inc(&kept->references);
        else
                kept = limit_new(text, n_slots, error);
        if (!kept)
                return false;
        limits->limits[limits->n_limits++] = kept;
        return true;
}

Limits *limits_new(char *const *lines, Limits *before, size_t n_slots, GError **error)
{
        g_autoptr(Limits) limits = g_new0(Limits, 1);

        g_atomic_ref_count_init(&limits->references);
        for (size_t i = 0; lines && lines[i]; i++)
                if (!limits_add(limits, lines[i], before, n_slots, error))
                        return NULL;
        return g_steal_pointer(&limits);
}

void limits_unref(Limits *limits)
{
        if (!limits || !g_atomic_ref_count_dec(&limits->references))
                return;
        for (size_t i = 0; i < limits->n_limits; i++)
                limit_unref(limits->limits[i]);
        g_free(limits);
}

/* ---- taking ---- */

static Span claim_text(const Claims *claims, const char *path)
{
        TapeValue value = claims_find(claims, path);

        return tape_string(tape_type(value) == TAPE_ARRAY ? tape_first(value) : value);
}

static Span limit_key(const Limit *limit, const Claims *claims, Span address)
{
        switch (limit->by) {
        case BY_SUBJECT: return claims_subject(claims);
        case BY_CLIENT: return claims_party(claims);
        case BY_CLAIM: return claim_text(claims, limit->claim);
        case BY_ADDRESS: break;
        }
        return address;
}

static bool limit_counts(const Limit *limit, const Claims *claims)
{
        return claims || limit->by == BY_ADDRESS;
}

static int64_t sec_rounded_up(int64_t usec)
{
        return (usec + CLOCK_USEC_PER_SEC - 1) / CLOCK_USEC_PER_SEC;
}

/* Keeps what is nearer to its end; a refusal is nearer than anything. */
static void answer_consider(LimitAnswer *answer, const Limit *limit, size_t set,
                            const BucketAnswer *bucket)
{
        const LimitAnswer considered = {
                .text = limit->text,
                .set = set,
                .taken = bucket->taken,
                .limit = buckets_rate(limit->buckets)->burst,
                .remaining = bucket->remaining,
                .reset_sec = sec_rounded_up(bucket->full_after_usec),
                .retry_after_sec =
                    bucket->taken ? 0 : MAX(sec_rounded_up(bucket->retry_after_usec), 1),
        };
        bool nearer = !answer->text || (answer->taken && !considered.taken) ||
                      (answer->taken == considered.taken &&
                       (considered.taken ? considered.remaining < answer->remaining
                                         : considered.retry_after_sec > answer->retry_after_sec));

        if (nearer)
                *answer = considered;
}

typedef void (*BucketsAsk)(Buckets *buckets, Span key, int64_t now_usec, BucketAnswer *ret);

/* Question: of one request to the limits of several sets. */
typedef struct Question {
        Limits *const *sets;
        size_t n_sets;
        const Claims *claims;
        Span address;
        int64_t now_usec;
} Question;

static void limits_ask(const Limits *limits, BucketsAsk ask, const Question *question, size_t set,
                       LimitAnswer *answer)
{
        for (size_t i = 0; i < limits->n_limits; i++) {
                const Limit *limit = limits->limits[i];
                BucketAnswer bucket;

                if (!limit_counts(limit, question->claims))
                        continue;
                ask(limit->buckets, limit_key(limit, question->claims, question->address),
                    question->now_usec, &bucket);
                answer_consider(answer, limit, set, &bucket);
        }
}

static void ask_all(const Question *question, BucketsAsk ask, LimitAnswer *ret)
{
        *ret = (LimitAnswer){ .taken = true };
        for (size_t i = 0; i < question->n_sets; i++)
                if (question->sets[i])
                        limits_ask(question->sets[i], ask, question, i, ret);
}

void limits_look(const Limits *limits, const Claims *claims, Span address, int64_t now_usec,
                 LimitAnswer *ret)
{
        Limits *const sets[] = { (Limits *) limits };

        ask_all(&(Question){ sets, 1, claims, address, now_usec }, buckets_look, ret);
}

static size_t count_limits(Limits *const *sets, size_t n_sets)
{
        size_t n = 0;

        for (size_t i = 0; i < n_sets; i++)
                n += sets[i] ? sets[i]->n_limits : 0;
        return n;
}

void limits_take_all(Limits *const *sets, size_t n_sets, const Claims *claims, Span address,
                     int64_t now_usec, LimitAnswer *ret)
{
        const Question question = { sets, n_sets, claims, address, now_usec };

        /* With one limit taking is looking enough: a refused bucket gives nothing. */
        if (count_limits(sets, n_sets) > 1) {
                ask_all(&question, buckets_look, ret);
                if (!ret->taken)
                        return;
        }
        ask_all(&question, buckets_take, ret);
}

void limits_take(Limits *limits, const Claims *claims, Span address, int64_t now_usec,
                 LimitAnswer *ret)
{
        limits_take_all(&limits, 1, claims, address, now_usec, ret);
}

size_t limits_size(const Limits *limits)
{
        return limits->n_limits;
}

void limits_usage(const Limits *limits, size_t index, int64_t now_usec, LimitUsage *ret)
{
        const Limit *limit = limits->limits[index];

        *ret = (LimitUsage){
                .text = limit->text,
                .n_used = buckets_n_used(limit->buckets, now_usec),
                .n_slots = buckets_n_slots(limit->buckets),
        };
}
