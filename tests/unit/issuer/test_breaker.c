/* breaker: conversations between calls and time, as tables. */
#include "issuer/breaker.h"

#include "issuer/introspect.h"

#define LINES_MAX 32
#define MSEC      INT64_C(1000)

typedef enum Verb {
        END,
        ASK,   /* go, wait or refuse */
        BEGIN, /* plain or probe */
        GOOD,
        BAD,  /* n times, of calls that began while it was closed */
        HOLD, /* the provider says: not for n ms */
        PROBE_BAD,
        PROBE_GONE, /* nothing came of it */
} Verb;

typedef struct Line {
        int64_t at_ms;
        Verb verb;
        const char *expect;
        unsigned n;
} Line;

typedef struct Conversation {
        const char *name;
        double chance;
        Line lines[LINES_MAX];
} Conversation;

static const Conversation conversations[] = {
        { "one failure less than it takes",
          0,
          { { 1, BAD, NULL, 4 }, { 1, ASK, "go" }, { 1, BEGIN, "plain" } } },
        { "five in a row open it for a second",
          0,
          { { 1, BAD, NULL, 5 },
            { 1, ASK, "refuse" },
            { 1000, ASK, "refuse" },
            { 1001, ASK, "go" } } },
        { "an answer between counts anew",
          0,
          { { 1, BAD, NULL, 4 },
            { 1, GOOD },
            { 1, BAD, NULL, 4 },
            { 1, ASK, "go" },
            { 1, BAD, NULL, 1 },
            { 1, ASK, "refuse" } } },
        { "jitter makes it shorter, by half at most",
          1,
          { { 1, BAD, NULL, 5 }, { 500, ASK, "refuse" }, { 501, ASK, "go" } } },
        { "half open lets one through",
          0,
          { { 1, BAD, NULL, 5 },
            { 1001, ASK, "go" },
            { 1001, BEGIN, "probe" },
            { 1002, ASK, "wait" },
            { 9000, ASK, "wait" } } },
        { "its answer closes",
          0,
          { { 1, BAD, NULL, 5 },
            { 1001, BEGIN, "probe" },
            { 1002, GOOD },
            { 1002, ASK, "go" },
            { 1002, BEGIN, "plain" } } },
        { "its failure opens for twice as long",
          0,
          { { 0, BAD, NULL, 5 },
            { 1000, BEGIN, "probe" },
            { 1000, PROBE_BAD },
            { 2999, ASK, "refuse" },
            { 3000, ASK, "go" },
            { 3000, BEGIN, "probe" },
            { 3000, PROBE_BAD },
            { 6999, ASK, "refuse" },
            { 7000, ASK, "go" } } },
        { "never for longer than half a minute",
          0,
          { { 0, BAD, NULL, 5 },
            { 1000, BEGIN, "probe" },
            { 1000, PROBE_BAD },
            { 3000, BEGIN, "probe" },
            { 3000, PROBE_BAD },
            { 7000, BEGIN, "probe" },
            { 7000, PROBE_BAD },
            { 15000, BEGIN, "probe" },
            { 15000, PROBE_BAD },
            { 31000, BEGIN, "probe" },
            { 31000, PROBE_BAD },
            { 60999, ASK, "refuse" },
            { 61000, BEGIN, "probe" },
            { 61000, PROBE_BAD },
            { 90999, ASK, "refuse" },
            { 91000, ASK, "go" } } },
        { "calls that began before it opened do not make it longer",
          0,
          { { 0, BAD, NULL, 5 },
            { 900, BAD, NULL, 11 },
            { 999, ASK, "refuse" },
            { 1000, ASK, "go" },
            { 1000, BEGIN, "probe" },
            { 1001, BAD, NULL, 1 },
            { 1001, ASK, "wait" } } },
        { "nor do they end the probe, but an answer does",
          0,
          { { 0, BAD, NULL, 5 }, { 1000, BEGIN, "probe" }, { 1001, GOOD }, { 1001, ASK, "go" } } },
        { "a probe of which nothing came leaves it half open",
          0,
          { { 0, BAD, NULL, 5 },
            { 1000, BEGIN, "probe" },
            { 1001, PROBE_GONE },
            { 1001, ASK, "go" },
            { 1001, BEGIN, "probe" } } },
        { "one failure with a hold opens",
          0,
          { { 0, HOLD, NULL, 7000 },
            { 6999, ASK, "refuse" },
            { 7000, ASK, "go" },
            { 7000, BEGIN, "probe" } } },
        { "a hold is bounded",
          0,
          { { 0, HOLD, NULL, 86400000 }, { 29999, ASK, "refuse" }, { 30000, ASK, "go" } } },
        { "a hold that is shorter than the back-off does not shorten it",
          0,
          { { 0, BAD, NULL, 5 },
            { 0, HOLD, NULL, 10 },
            { 999, ASK, "refuse" },
            { 1000, ASK, "go" } } },
};

static void run_line(Breaker *breaker, const Line *line, double chance)
{
        static const char *const advice[] = { "go", "wait", "refuse" };
        int64_t now_usec = line->at_ms * MSEC;

        switch (line->verb) {
        case END: break;
        case ASK: g_assert_cmpstr(advice[breaker_ask(breaker, now_usec)], ==, line->expect); break;
        case BEGIN:
                g_assert_cmpstr(breaker_begin(breaker) ? "probe" : "plain", ==, line->expect);
                break;
        case GOOD: breaker_succeeded(breaker); break;
        case BAD:
                for (unsigned i = 0; i < line->n; i++)
                        breaker_failed(breaker, false, 0, chance, now_usec);
                break;
        case HOLD: breaker_failed(breaker, false, line->n * MSEC, chance, now_usec); break;
        case PROBE_BAD: breaker_failed(breaker, true, 0, chance, now_usec); break;
        case PROBE_GONE: breaker_gave_up(breaker, true); break;
        }
}

static void run_conversation(const void *data)
{
        const Conversation *conversation = data;
        Breaker breaker = { 0 };

        for (const Line *line = conversation->lines; line->verb != END; line++)
                run_line(&breaker, line, conversation->chance);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(conversations); i++) {
                g_autofree char *path = g_strdup_printf("/breaker/%s", conversations[i].name);

                g_test_add_data_func(path, &conversations[i], run_conversation);
        }
        return g_test_run();
}
