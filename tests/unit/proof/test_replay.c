/* test_replay: once, and again only when its time is over; never more than fit. */
#include "proof/replay.h"

#include <stdio.h>

#define NOW   INT64_C(1700000000)
#define UNTIL (NOW + 66)

static int note(Replay *replay, const char *owner, const char *id, int64_t now_sec)
{
        return replay_note(replay, span_from(owner), span_from(id), now_sec, now_sec + 66);
}

static void once(void)
{
        g_autoptr(Replay) replay = replay_new(1);

        g_assert_cmpint(note(replay, "key", "a", NOW), ==, 0);
        g_assert_cmpint(note(replay, "key", "a", NOW), ==, REPLAY_E_SEEN);
        g_assert_cmpint(note(replay, "key", "a", UNTIL - 1), ==, REPLAY_E_SEEN);
        g_assert_cmpint(note(replay, "key", "a", UNTIL), ==, 0);
        g_assert_cmpint(note(replay, "key", "a", UNTIL), ==, REPLAY_E_SEEN);
}

static void owners_do_not_share(void)
{
        g_autoptr(Replay) replay = replay_new(1);

        g_assert_cmpint(note(replay, "key", "a", NOW), ==, 0);
        g_assert_cmpint(note(replay, "other", "a", NOW), ==, 0);
        g_assert_cmpint(note(replay, "ke", "ya", NOW), ==, 0);
}

/* What was seen stays seen however many come after it; those that do not fit are refused. */
static void full(void)
{
        g_autoptr(Replay) replay = replay_new(1);
        unsigned n_noted = 0, n_full = 0;
        char id[32];

        g_assert_cmpint(note(replay, "key", "first", NOW), ==, 0);
        for (int i = 0; i < 100000; i++) {
                snprintf(id, sizeof(id), "%d", i);
                switch (note(replay, "key", id, NOW)) {
                case 0: n_noted++; break;
                case REPLAY_E_FULL: n_full++; break;
                default: g_assert_not_reached();
                }
        }
        g_assert_cmpuint(n_noted, <, 64 * 64);
        g_assert_cmpuint(n_noted, >, 64 * 32);
        g_assert_cmpuint(n_noted + n_full, ==, 100000);
        g_assert_cmpint(note(replay, "key", "first", NOW), ==, REPLAY_E_SEEN);
        g_assert_cmpint(note(replay, "key", "later", UNTIL), ==, 0);
}

static void half_full_takes_all(void)
{
        g_autoptr(Replay) replay = replay_new(REPLAY_SLOTS_DEFAULT);
        char id[32];

        for (int i = 0; i < REPLAY_SLOTS_DEFAULT / 2; i++) {
                snprintf(id, sizeof(id), "%d", i);
                g_assert_cmpint(note(replay, "key", id, NOW), ==, 0);
        }
}

static gpointer note_from_thread(gpointer pointer)
{
        return GINT_TO_POINTER(note(pointer, "key", "shared", NOW) == 0);
}

static void threads_see_one(void)
{
        for (int round = 0; round < 200; round++) {
                g_autoptr(Replay) replay = replay_new(1);
                GThread *threads[4];
                int n_first = 0;

                for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                        threads[i] = g_thread_new("noter", note_from_thread, replay);
                for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                        n_first += GPOINTER_TO_INT(g_thread_join(threads[i]));
                g_assert_cmpint(n_first, ==, 1);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/replay/once, until its time is over", once);
        g_test_add_func("/replay/owners do not share ids", owners_do_not_share);
        g_test_add_func("/replay/a full memory refuses and forgets nothing", full);
        g_test_add_func("/replay/half full it takes all", half_full_takes_all);
        g_test_add_func("/replay/of threads at once one is the first", threads_see_one);
        return g_test_run();
}
