/* keys: conversations between time, askers and a provider, as tables. */
#include "issuer/keys.h"

#define LINES_MAX 48

typedef enum Verb {
        END,
        ASK,   /* subject asks; expect wait, asked, cooldown or unavailable */
        BEGIN, /* is an attempt due? yes or no */
        GOOD,  /* the attempt brought these kids; expect who is answered how, sorted */
        BAD,   /* the attempt failed; expect likewise; subject: Retry-After, in seconds */
        KEPT,  /* these kids were restored, fresh until 100 s */
        HURRY, /* the way has changed */
        FRESH, /* until when, in milliseconds */
        NEXT,  /* milliseconds of the next attempt, or -1 */
} Verb;

typedef struct Line {
        int64_t at_ms;
        Verb verb;
        const char *subject; /* ASK: the kid; GOOD: kids with a space between */
        const char *expect;
} Line;

typedef struct Conversation {
        const char *name;
        Line lines[LINES_MAX];
} Conversation;

static const char *const answer_words[] = {
        [ISSUER_KEYS_ASKED] = "asked",
        [ISSUER_KEYS_COOLDOWN] = "cooldown",
        [ISSUER_KEYS_UNAVAILABLE] = "unavailable",
};

static const Conversation conversations[] = {
        { "the first attempt is due at once and there is only one",
          { { 0, NEXT, NULL, "0" },
            { 0, BEGIN, NULL, "yes" },
            { 1, BEGIN, NULL, "no" },
            { 1, NEXT, NULL, "-1" },
            { 5, GOOD, "a", "" } } },
        { "a fresh set is asked for again when it is stale, not before",
          { { 0, BEGIN, NULL, "yes" },
            { 1000, GOOD, "a", "" },
            { 1000, NEXT, NULL, "271000" },
            { 270999, BEGIN, NULL, "no" },
            { 271000, BEGIN, NULL, "yes" } } },
        { "who asks before the first attempt is answered by it",
          { { 0, ASK, "a", "wait" },
            { 0, ASK, "x", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 9, GOOD, "a", "a=asked x=asked" } } },
        { "a kid that we have costs nothing",
          { { 0, BEGIN, NULL, "yes" },
            { 1, GOOD, "a b", "" },
            { 2, ASK, "b", "asked" },
            { 2, NEXT, NULL, "270001" } } },
        { "an unknown kid after the cooldown fetches at once",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 1000, ASK, "b", "wait" },
            { 1000, BEGIN, NULL, "yes" },
            { 1100, GOOD, "a b", "b=asked" } } },
        { "an unknown kid within the cooldown waits for its end",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 999, ASK, "b", "wait" },
            { 999, NEXT, NULL, "1000" },
            { 999, BEGIN, NULL, "no" },
            { 1000, BEGIN, NULL, "yes" },
            { 1100, GOOD, "a b", "b=asked" } } },
        { "one fetch is for all who wait",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 2000, ASK, "b", "wait" },
            { 2000, ASK, "b", "wait" },
            { 2000, ASK, "c", "wait" },
            { 2000, BEGIN, NULL, "yes" },
            { 2000, BEGIN, NULL, "no" },
            { 2100, GOOD, "a b", "b=asked b=asked c=asked" } } },
        { "who asks during an attempt is answered by it if the kid is there",
          { { 0, BEGIN, NULL, "yes" },
            { 5, ASK, "a", "wait" },
            { 9, GOOD, "a", "a=asked" },
            { 9, NEXT, NULL, "270009" } } },
        { "who asks during an attempt that lacks the kid gets one that began later",
          { { 0, BEGIN, NULL, "yes" },
            { 5, ASK, "b", "wait" },
            { 9, GOOD, "a", "" },
            { 9, NEXT, NULL, "1009" },
            { 1008, BEGIN, NULL, "no" },
            { 1009, BEGIN, NULL, "yes" },
            { 1020, GOOD, "a b", "b=asked" } } },
        { "the same kid before and during an attempt: the first is answered, the second waits on",
          { { 0, ASK, "b", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 5, ASK, "b", "wait" },
            { 9, GOOD, "a", "b=asked" },
            { 1009, BEGIN, NULL, "yes" },
            { 1020, GOOD, "a b", "b=asked" } } },
        { "an absent kid buys no second fetch while it is remembered",
          { { 0, ASK, "x", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "x=asked" },
            { 1000, ASK, "x", "cooldown" },
            { 9999, ASK, "x", "cooldown" },
            { 9999, NEXT, NULL, "270000" },
            { 10000, ASK, "x", "wait" },
            { 10000, BEGIN, NULL, "yes" } } },
        { "an absent kid that appears in a later set is known at once",
          { { 0, ASK, "x", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "x=asked" },
            { 2000, ASK, "y", "wait" },
            { 2000, BEGIN, NULL, "yes" },
            { 2001, GOOD, "a x", "y=asked" },
            { 2002, ASK, "x", "asked" },
            /* …and forgotten as absent: gone again, it is asked for anew. */
            { 4000, ASK, "z", "wait" },
            { 4000, BEGIN, NULL, "yes" },
            { 4001, GOOD, "a", "z=asked" },
            { 5001, ASK, "x", "wait" } } },
        { "who carried on over one attempt is absent only after the next",
          { { 0, BEGIN, NULL, "yes" },
            { 5, ASK, "b", "wait" },
            { 9, GOOD, "a", "" },
            { 10, ASK, "b", "wait" },
            { 1009, BEGIN, NULL, "yes" },
            { 1010, GOOD, "a", "b=asked b=asked" },
            { 1011, ASK, "b", "cooldown" } } },
        { "a token without a kid is absent until the set changes",
          { { 0, ASK, "", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "=asked" },
            { 2000, ASK, "", "cooldown" },
            { 2000, ASK, "y", "wait" },
            { 2000, BEGIN, NULL, "yes" },
            { 2000, GOOD, "a", "y=asked" },
            { 4000, ASK, "", "cooldown" },
            { 4000, ASK, "z", "wait" },
            { 4000, BEGIN, NULL, "yes" },
            { 4000, GOOD, "a b", "z=asked" },
            { 5000, ASK, "", "wait" } } },
        { "a failed attempt answers everybody, the late ones too",
          { { 0, ASK, "a", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 5, ASK, "b", "wait" },
            { 9, BAD, NULL, "a=unavailable b=unavailable" } } },
        { "failures back off, doubling up to a minute", { { 0, BEGIN, NULL, "yes" },
                                                          { 0, BAD, NULL, "" },
                                                          { 0, NEXT, NULL, "1000" },
                                                          { 1000, BEGIN, NULL, "yes" },
                                                          { 1000, BAD, NULL, "" },
                                                          { 1000, NEXT, NULL, "3000" },
                                                          { 3000, BEGIN, NULL, "yes" },
                                                          { 3000, BAD, NULL, "" },
                                                          { 3000, NEXT, NULL, "7000" },
                                                          { 7000, BEGIN, NULL, "yes" },
                                                          { 7000, BAD, NULL, "" },
                                                          { 7000, NEXT, NULL, "15000" },
                                                          { 15000, BEGIN, NULL, "yes" },
                                                          { 15000, BAD, NULL, "" },
                                                          { 15000, NEXT, NULL, "31000" },
                                                          { 31000, BEGIN, NULL, "yes" },
                                                          { 31000, BAD, NULL, "" },
                                                          { 31000, NEXT, NULL, "63000" },
                                                          { 63000, BEGIN, NULL, "yes" },
                                                          { 63000, BAD, NULL, "" },
                                                          { 63000, NEXT, NULL, "123000" } } },
        { "a good attempt ends the back-off",
          { { 0, BEGIN, NULL, "yes" },
            { 0, BAD, NULL, "" },
            { 1000, BEGIN, NULL, "yes" },
            { 1000, BAD, NULL, "" },
            { 3000, BEGIN, NULL, "yes" },
            { 3000, GOOD, "a", "" },
            { 303000, BEGIN, NULL, "yes" },
            { 303000, BAD, NULL, "" },
            { 303000, NEXT, NULL, "304000" } } },
        { "just after a failure nobody waits, and nobody is told no",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 300000, BEGIN, NULL, "yes" },
            { 300000, BAD, NULL, "" },
            { 300999, ASK, "b", "unavailable" },
            { 300999, ASK, "a", "asked" } } },
        { "during the back-off a question may try once a cooldown",
          { { 0, BEGIN, NULL, "yes" },
            { 0, BAD, NULL, "" },
            { 1000, BEGIN, NULL, "yes" },
            { 1000, BAD, NULL, "" },
            { 3000, BEGIN, NULL, "yes" },
            { 3000, BAD, NULL, "" },
            { 3999, ASK, "b", "unavailable" },
            { 4000, ASK, "b", "wait" },
            { 4000, BEGIN, NULL, "yes" },
            { 4001, BAD, NULL, "b=unavailable" },
            { 5000, ASK, "b", "unavailable" },
            { 5001, ASK, "b", "wait" } } },
        { "a provider that says when to come back is left alone until then",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 270000, BEGIN, NULL, "yes" },
            { 270000, BAD, "20", "" },
            { 270000, NEXT, NULL, "290000" },
            { 280000, ASK, "b", "unavailable" },
            { 280000, ASK, "a", "asked" },
            { 280000, NEXT, NULL, "290000" },
            { 289999, ASK, "b", "unavailable" },
            { 289999, BEGIN, NULL, "no" },
            { 290000, ASK, "b", "wait" },
            { 290000, BEGIN, NULL, "yes" },
            { 290000, GOOD, "a b", "b=asked" },
            { 291000, ASK, "c", "wait" },
            { 291000, BEGIN, NULL, "yes" } } },
        { "but not for ever",
          { { 0, BEGIN, NULL, "yes" },
            { 0, BAD, "86400", "" },
            { 0, NEXT, NULL, "300000" },
            { 299999, ASK, "b", "unavailable" },
            { 300000, ASK, "b", "wait" } } },
        { "one that says less than we wait anyway changes nothing",
          { { 0, BEGIN, NULL, "yes" },
            { 0, BAD, NULL, "" },
            { 1000, BEGIN, NULL, "yes" },
            { 1000, BAD, "1", "" },
            { 1000, NEXT, NULL, "3000" },
            { 3000, BEGIN, NULL, "yes" },
            { 3000, BAD, "-5", "" },
            { 3000, NEXT, NULL, "7000" } } },
        { "fresh until the provider's time is over, asked again before",
          { { 0, BEGIN, NULL, "yes" },
            { 1000, GOOD, "a", "" },
            { 1000, FRESH, NULL, "301000" },
            { 271000, BEGIN, NULL, "yes" },
            { 271000, BAD, NULL, "" },
            { 271000, FRESH, NULL, "301000" },
            { 272000, BEGIN, NULL, "yes" },
            { 272000, GOOD, "a", "" },
            { 272000, FRESH, NULL, "572000" } } },
        { "kids that were kept are known at once, and confirmed at once",
          { { 0, KEPT, "a", "" },
            { 0, ASK, "a", "asked" },
            { 0, FRESH, NULL, "100000" },
            { 0, NEXT, NULL, "0" },
            { 0, ASK, "b", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 5, BAD, NULL, "b=unavailable" },
            { 5, ASK, "a", "asked" },
            { 5, FRESH, NULL, "100000" },
            { 1005, BEGIN, NULL, "yes" },
            { 1005, GOOD, "b", "" },
            { 1005, FRESH, NULL, "301005" },
            { 2005, ASK, "a", "wait" } } },
        { "another way is tried at once, but not against the provider's will",
          { { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "" },
            { 5, HURRY, NULL, "" },
            { 5, BEGIN, NULL, "yes" },
            { 5, BAD, "20", "" },
            { 6, HURRY, NULL, "" },
            { 6, NEXT, NULL, "20005" },
            { 20005, BEGIN, NULL, "yes" },
            { 20005, HURRY, NULL, "" },
            { 20005, NEXT, NULL, "-1" },
            { 20005, BAD, NULL, "" } } },
        { "a failure does not make a kid absent",
          { { 0, ASK, "b", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 0, BAD, NULL, "b=unavailable" },
            { 1000, ASK, "b", "wait" } } },
        { "an absent kid stays absent through a failure",
          { { 0, ASK, "x", "wait" },
            { 0, BEGIN, NULL, "yes" },
            { 0, GOOD, "a", "x=asked" },
            { 2000, ASK, "y", "wait" },
            { 2000, BEGIN, NULL, "yes" },
            { 2000, BAD, NULL, "y=unavailable" },
            { 2001, ASK, "x", "cooldown" } } },
};

typedef struct Stage {
        Keys keys;
        GArray *answers;
} Stage;

static void stage_set(Stage *stage)
{
        keys_init(&stage->keys, 0);
        stage->answers = g_array_new(FALSE, FALSE, sizeof(KeysAnswer));
}

static void stage_strike(Stage *stage)
{
        keys_give_up(&stage->keys, stage->answers);
        keys_deinit(&stage->keys);
        g_array_unref(stage->answers);
}

static GHashTable *kids_of(const char *words)
{
        GHashTable *kids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_auto(GStrv) list = g_strsplit(words, " ", -1);

        for (char **kid = list; *kid; kid++)
                g_hash_table_add(kids, g_strdup(*kid));
        return kids;
}

static int compare_words(gconstpointer a, gconstpointer b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Askers are the kids they asked for. */
static char *answers_text(GArray *answers)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < answers->len; i++) {
                KeysAnswer one = g_array_index(answers, KeysAnswer, i);

                g_ptr_array_add(
                    words, g_strdup_printf("%s=%s", (char *) one.asker, answer_words[one.answer]));
        }
        g_ptr_array_sort(words, compare_words);
        g_ptr_array_add(words, NULL);
        g_array_set_size(answers, 0);
        return g_strjoinv(" ", (char **) words->pdata);
}

static char *ask(Stage *stage, const char *kid, int64_t now_usec)
{
        IssuerKeysAnswer answer;

        if (keys_ask(&stage->keys, span_from(kid), (void *) kid, now_usec, &answer) == KEYS_WAIT)
                return g_strdup("wait");
        return g_strdup(answer_words[answer]);
}

static char *play(Stage *stage, const Line *line)
{
        int64_t now_usec = line->at_ms * 1000, next_usec;

        switch (line->verb) {
        case ASK: return ask(stage, line->subject, now_usec);
        case BEGIN: return g_strdup(keys_begin(&stage->keys, now_usec) ? "yes" : "no");
        case GOOD:
                keys_succeeded(&stage->keys, kids_of(line->subject), ISSUER_REFRESH_DEFAULT_SEC, 0,
                               now_usec, stage->answers);
                return answers_text(stage->answers);
        case BAD:
                keys_failed(&stage->keys,
                            line->subject ? g_ascii_strtoll(line->subject, NULL, 10) : 0, 0,
                            now_usec, stage->answers);
                return answers_text(stage->answers);
        case KEPT: keys_restored(&stage->keys, kids_of(line->subject), 100 * G_USEC_PER_SEC); break;
        case HURRY: keys_hurry(&stage->keys, now_usec); break;
        case FRESH: return g_strdup_printf("%lld", (long long) stage->keys.fresh_until_usec / 1000);
        case NEXT:
                next_usec = keys_next_usec(&stage->keys);
                return g_strdup_printf("%lld", (long long) (next_usec < 0 ? -1 : next_usec / 1000));
        case END: g_assert_not_reached();
        }
        return g_strdup("");
}

static void test_conversation(gconstpointer data)
{
        const Conversation *conversation = data;
        Stage stage;

        stage_set(&stage);
        for (const Line *line = conversation->lines; line->verb != END; line++) {
                g_autofree char *said = play(&stage, line);

                if (strcmp(said, line->expect) != 0)
                        g_error("line %d, at %lld ms: expected \"%s\", got \"%s\"",
                                (int) (line - conversation->lines), (long long) line->at_ms,
                                line->expect, said);
        }
        stage_strike(&stage);
}

/* Cache-Control */

static const struct {
        const char *name;
        const char *cache_control;
        int64_t fresh_sec;
} freshness[] = {
        { "no header: the default", NULL, ISSUER_REFRESH_DEFAULT_SEC },
        { "an empty header: the default", "", ISSUER_REFRESH_DEFAULT_SEC },
        { "nothing about freshness: the default", "public, must-revalidate", 300 },
        { "within the bounds: as said", "max-age=120", 120 },
        { "at the lower bound", "max-age=30", 30 },
        { "below it is raised", "max-age=29", 30 },
        { "at the upper bound", "max-age=900", 900 },
        { "above it is lowered", "max-age=901", 900 },
        { "a day is lowered", "public, max-age=86400", 900 },
        { "more digits than a number holds", "max-age=99999999999999999999999999", 900 },
        { "no-cache (Keycloak's) is the least", "no-cache", 30 },
        { "no-store is the least, also beside max-age", "max-age=600, no-store", 30 },
        { "names in any case, spaces around", "  Public ,  Max-Age = 60 ", 60 },
        { "max-age twice: the smaller", "max-age=600, max-age=60", 60 },
        { "a negative max-age is the least", "max-age=-5", 30 },
        { "max-age without a value is the least", "max-age", 30 },
        { "max-age with a word is the least", "max-age=soon", 30 },
        { "s-maxage is for shared caches", "s-maxage=60", 300 },
};

static void test_freshness(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(freshness); i++) {
                g_test_message("%s", freshness[i].name);
                g_assert_cmpint(keys_fresh_sec(freshness[i].cache_control), ==,
                                freshness[i].fresh_sec);
        }
}

/* Chance */

static void test_chance(void)
{
        Stage stage;

        stage_set(&stage);
        g_assert_true(keys_begin(&stage.keys, 0));
        keys_failed(&stage.keys, 0, 1, 0, stage.answers);
        g_assert_cmpint(keys_next_usec(&stage.keys), ==, ISSUER_RETRY_MIN_USEC / 2);
        g_assert_true(keys_begin(&stage.keys, G_USEC_PER_SEC));
        keys_succeeded(&stage.keys, kids_of("a"), 100, 1, G_USEC_PER_SEC, stage.answers);
        g_assert_cmpint(keys_next_usec(&stage.keys), ==, 81 * G_USEC_PER_SEC);
        g_assert_true(keys_begin(&stage.keys, 81 * G_USEC_PER_SEC));
        keys_failed(&stage.keys, 100, 1, 100 * G_USEC_PER_SEC, stage.answers); /* later here */
        g_assert_cmpint(keys_next_usec(&stage.keys), ==, 210 * G_USEC_PER_SEC);
        stage_strike(&stage);
}

/* Floods */

static IssuerKeysAnswer count_answer(Stage *stage, const char *kid, int64_t now_usec,
                                     unsigned *n_waiting)
{
        IssuerKeysAnswer answer = ISSUER_KEYS_UNAVAILABLE;

        if (keys_ask(&stage->keys, span_from(kid), (void *) "", now_usec, &answer) == KEYS_WAIT)
                ++*n_waiting;
        return answer;
}

/* 100 000 unknown kids in 10 seconds, to a provider that answers in 50 ms. */
static void test_flood(void)
{
        unsigned n_waiting = 0, n_attempts = 0;
        int64_t ends_usec = -1;
        Stage stage;

        stage_set(&stage);
        for (int64_t i = 0; i < 100000; i++) {
                int64_t now_usec = i * 100;
                char kid[16];

                g_snprintf(kid, sizeof kid, "%d", (int) i);
                count_answer(&stage, kid, now_usec, &n_waiting);
                if (keys_begin(&stage.keys, now_usec)) {
                        n_attempts++;
                        ends_usec = now_usec + 50000;
                } else if (stage.keys.fetching && now_usec >= ends_usec) {
                        keys_succeeded(&stage.keys, kids_of("a"), 300, 0, now_usec, stage.answers);
                }
                g_assert_cmpuint(stage.keys.n_askers, <=, ISSUER_WAITING_MAX);
                g_assert_cmpuint(stage.keys.absent_order.length, <=, ISSUER_ABSENT_KIDS_MAX);
        }
        g_assert_cmpuint(n_attempts, ==, 10); /* every 1.05 s */
        stage_strike(&stage);
        g_assert_cmpuint(stage.keys.n_askers, ==, 0);
}

static void good_attempt(Stage *stage, const char *kids, int64_t now_usec)
{
        g_assert_true(keys_begin(&stage->keys, now_usec));
        keys_succeeded(&stage->keys, kids_of(kids), 300, 0, now_usec, stage->answers);
}

static void test_cooldown_room(void)
{
        unsigned n_waiting = 0;
        Stage stage;

        stage_set(&stage);
        good_attempt(&stage, "a", 0);
        for (int i = 0; i < ISSUER_COOLDOWN_WAITING_MAX; i++) {
                char kid[16];

                g_snprintf(kid, sizeof kid, "%d", i);
                count_answer(&stage, kid, 1, &n_waiting);
        }
        g_assert_cmpuint(n_waiting, ==, ISSUER_COOLDOWN_WAITING_MAX);
        g_assert_cmpint(count_answer(&stage, "one more kid", 1, &n_waiting), ==,
                        ISSUER_KEYS_UNAVAILABLE);
        g_assert_cmpuint(n_waiting, ==, ISSUER_COOLDOWN_WAITING_MAX);
        count_answer(&stage, "7", 1, &n_waiting); /* one more asker of a kid that waits */
        g_assert_cmpuint(n_waiting, ==, ISSUER_COOLDOWN_WAITING_MAX + 1);
        stage_strike(&stage);
}

static void test_late_room(void)
{
        unsigned n_waiting = 0;
        Stage stage;

        stage_set(&stage);
        g_assert_true(keys_begin(&stage.keys, 0));
        for (int i = 0; i < 100; i++) {
                char kid[16];

                g_snprintf(kid, sizeof kid, "%d", i);
                count_answer(&stage, kid, 1, &n_waiting);
        }
        g_assert_cmpuint(n_waiting, ==, 100);
        keys_succeeded(&stage.keys, kids_of("a"), 300, 0, 2, stage.answers);
        g_assert_cmpuint(stage.keys.n_askers, ==, ISSUER_COOLDOWN_WAITING_MAX);
        g_assert_cmpuint(stage.answers->len, ==, 100 - ISSUER_COOLDOWN_WAITING_MAX);
        for (guint i = 0; i < stage.answers->len; i++)
                g_assert_cmpint(g_array_index(stage.answers, KeysAnswer, i).answer, ==,
                                ISSUER_KEYS_UNAVAILABLE);
        g_assert_cmpuint(stage.keys.absent_order.length, ==, 0);
        stage_strike(&stage);
}

static void test_waiting_room(void)
{
        unsigned n_waiting = 0;
        Stage stage;

        stage_set(&stage);
        for (int i = 0; i < ISSUER_WAITING_MAX; i++)
                count_answer(&stage, "k", 0, &n_waiting);
        g_assert_cmpuint(n_waiting, ==, ISSUER_WAITING_MAX);
        g_assert_cmpint(count_answer(&stage, "k", 0, &n_waiting), ==, ISSUER_KEYS_UNAVAILABLE);
        g_assert_cmpuint(n_waiting, ==, ISSUER_WAITING_MAX);
        stage_strike(&stage);
        g_assert_cmpuint(stage.keys.n_askers, ==, 0);
}

static void test_absent_room(void)
{
        unsigned n_waiting = 0;
        Stage stage;

        stage_set(&stage);
        count_answer(&stage, "oldest", 0, &n_waiting);
        good_attempt(&stage, "a", 0);
        for (int i = 0; i < ISSUER_ABSENT_KIDS_MAX; i++) {
                char kid[16];

                g_snprintf(kid, sizeof kid, "%d", i);
                count_answer(&stage, kid, 2 * G_USEC_PER_SEC, &n_waiting);
        }
        good_attempt(&stage, "a", 2 * G_USEC_PER_SEC);
        g_assert_cmpuint(stage.keys.absent_order.length, ==, ISSUER_ABSENT_KIDS_MAX);
        g_assert_cmpuint(g_hash_table_size(stage.keys.absent), ==, ISSUER_ABSENT_KIDS_MAX);
        g_assert_false(g_hash_table_contains(stage.keys.absent, "oldest"));
        g_assert_true(g_hash_table_contains(stage.keys.absent, "0"));
        stage_strike(&stage);
}

/* Kids that no key can have are known without asking. */
static void test_impossible_kids(void)
{
        IssuerKeysAnswer answer = ISSUER_KEYS_UNAVAILABLE;
        char long_kid[300];
        Stage stage;

        stage_set(&stage);
        memset(long_kid, 'k', sizeof long_kid);
        g_assert_cmpint(keys_ask(&stage.keys, span_of(long_kid, 257), NULL, 0, &answer), ==,
                        KEYS_ANSWERED);
        g_assert_cmpint(answer, ==, ISSUER_KEYS_COOLDOWN);
        answer = ISSUER_KEYS_UNAVAILABLE;
        g_assert_cmpint(keys_ask(&stage.keys, span_of("a\0b", 3), NULL, 0, &answer), ==,
                        KEYS_ANSWERED);
        g_assert_cmpint(answer, ==, ISSUER_KEYS_COOLDOWN);
        g_assert_cmpint(keys_ask(&stage.keys, span_of(long_kid, 256), NULL, 0, &answer), ==,
                        KEYS_WAIT);
        stage_strike(&stage);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(conversations); i++) {
                g_autofree char *path = g_strconcat("/keys/", conversations[i].name, NULL);

                g_test_add_data_func(path, &conversations[i], test_conversation);
        }
        g_test_add_func("/keys/freshness by Cache-Control", test_freshness);
        g_test_add_func("/keys/chance spreads attempts, within their bounds", test_chance);
        g_test_add_func("/keys/a flood of kids buys one fetch a cooldown", test_flood);
        g_test_add_func("/keys/room for kids in a cooldown", test_cooldown_room);
        g_test_add_func("/keys/room for kids that came late", test_late_room);
        g_test_add_func("/keys/room for askers", test_waiting_room);
        g_test_add_func("/keys/room for absent kids, the oldest goes first", test_absent_room);
        g_test_add_func("/keys/kids that no key can have", test_impossible_kids);
        return g_test_run();
}
