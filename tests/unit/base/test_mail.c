/* test_mail: letters arrive once, in order, on the owner's thread; or are discarded. */
#include "base/mail.h"

#define LETTERS_A_SENDER 2000
#define SENDERS          4

typedef struct Fixture {
        GMainContext *context;
        Mailbox *mailbox;
        GString *seen; /* "d1" delivered, "x1" discarded */
        GThread *owner;
        int next[SENDERS]; /* the number expected of each sender */
        int n_arrived;
} Fixture;

typedef struct Note {
        Fixture *fixture;
        int number;
        int sender;
} Note;

static void set_up(Fixture *fixture, gconstpointer unused)
{
        fixture->context = g_main_context_new();
        fixture->mailbox = mailbox_new(fixture->context);
        fixture->seen = g_string_new(NULL);
        fixture->owner = g_thread_self();
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        mailbox_unref(fixture->mailbox);
        g_main_context_unref(fixture->context);
        g_string_free(fixture->seen, TRUE);
}

static Note *note_new(Fixture *fixture, int number)
{
        Note *note = g_new0(Note, 1);

        note->fixture = fixture;
        note->number = number;
        return note;
}

static void write_down(void *letter)
{
        g_autofree Note *note = letter;

        g_string_append_printf(note->fixture->seen, "d%d ", note->number);
}

static void discard(void *letter)
{
        g_autofree Note *note = letter;

        g_string_append_printf(note->fixture->seen, "x%d ", note->number);
}

static void post(Fixture *fixture, int number, MailFunc deliver)
{
        mailbox_post(fixture->mailbox, deliver, note_new(fixture, number), discard);
}

static void turn(Fixture *fixture)
{
        g_main_context_iteration(fixture->context, FALSE);
}

static void letters_arrive_in_order(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down);
        post(fixture, 2, write_down);
        g_assert_cmpstr(fixture->seen->str, ==, "");
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 d2 ");
        turn(fixture);
        g_assert_false(g_main_context_pending(fixture->context));
        post(fixture, 3, write_down);
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 d2 d3 ");
}

static void write_down_and_post(void *letter)
{
        Fixture *fixture = ((Note *) letter)->fixture;

        post(fixture, ((Note *) letter)->number + 10, write_down);
        write_down(letter);
}

static void posting_while_delivering(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down_and_post);
        post(fixture, 2, write_down);
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 d2 ");
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 d2 d11 ");
}

static void close_discards(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down);
        post(fixture, 2, write_down);
        mailbox_close(fixture->mailbox);
        g_assert_cmpstr(fixture->seen->str, ==, "x1 x2 ");
        post(fixture, 3, write_down);
        g_assert_cmpstr(fixture->seen->str, ==, "x1 x2 x3 ");
        turn(fixture);
        mailbox_close(fixture->mailbox);
        g_assert_cmpstr(fixture->seen->str, ==, "x1 x2 x3 ");
}

static void write_down_and_close(void *letter)
{
        Mailbox *mailbox = ((Note *) letter)->fixture->mailbox;

        write_down(letter);
        mailbox_close(mailbox);
}

static void closing_while_delivering(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down_and_close);
        post(fixture, 2, write_down);
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 x2 ");
}

static void write_down_and_unref(void *letter)
{
        Fixture *fixture = ((Note *) letter)->fixture;

        write_down(letter);
        mailbox_unref(g_steal_pointer(&fixture->mailbox));
}

static void dropping_while_delivering(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down_and_unref);
        post(fixture, 2, write_down);
        turn(fixture);
        g_assert_cmpstr(fixture->seen->str, ==, "d1 x2 ");
}

static void dropping_discards(Fixture *fixture, gconstpointer unused)
{
        post(fixture, 1, write_down);
        mailbox_unref(g_steal_pointer(&fixture->mailbox));
        g_assert_cmpstr(fixture->seen->str, ==, "x1 ");
}

static void discard_may_be_null(Fixture *fixture, gconstpointer unused)
{
        int letter = 0;

        mailbox_post(fixture->mailbox, write_down, &letter, NULL);
        mailbox_close(fixture->mailbox);
}

/* A sender that is always faster than us must not keep other sources from their turn. */
static void turns_are_bounded(Fixture *fixture, gconstpointer unused)
{
        size_t after_one_turn;

        for (int i = 0; i < 1000; i++)
                post(fixture, 1, write_down);
        turn(fixture);
        after_one_turn = fixture->seen->len;
        g_assert_cmpuint(after_one_turn, >, 0);
        g_assert_cmpuint(after_one_turn, <, 1000 * strlen("d1 "));
        while (g_main_context_pending(fixture->context))
                turn(fixture);
        g_assert_cmpuint(fixture->seen->len, ==, 1000 * strlen("d1 "));
}

static void count_arrival(void *letter)
{
        g_autofree Note *note = letter;
        Fixture *fixture = note->fixture;

        g_assert_true(g_thread_self() == fixture->owner);
        g_assert_cmpint(note->number, ==, fixture->next[note->sender]++);
        fixture->n_arrived++;
}

typedef struct Sender {
        Fixture *fixture;
        int index;
} Sender;

static gpointer send_all(gpointer pointer)
{
        Sender *sender = pointer;
        g_autoptr(Mailbox) mailbox = mailbox_ref(sender->fixture->mailbox);

        for (int i = 0; i < LETTERS_A_SENDER; i++) {
                Note *note = note_new(sender->fixture, i);

                note->sender = sender->index;
                mailbox_post(mailbox, count_arrival, note, NULL);
        }
        return NULL;
}

/* A lost wake-up shows as a test that never ends; meson's timeout says so. */
static void many_senders(Fixture *fixture, gconstpointer unused)
{
        Sender senders[SENDERS];
        GThread *threads[SENDERS];

        for (int i = 0; i < SENDERS; i++) {
                senders[i] = (Sender){ fixture, i };
                threads[i] = g_thread_new("sender", send_all, &senders[i]);
        }
        while (fixture->n_arrived < SENDERS * LETTERS_A_SENDER)
                g_main_context_iteration(fixture->context, TRUE);
        for (int i = 0; i < SENDERS; i++)
                g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(Fixture *fixture, gconstpointer unused);
        } rows[] = {
                { "letters arrive in order, not before the loop's turn", letters_arrive_in_order },
                { "what a letter posts waits for the next turn", posting_while_delivering },
                { "closing discards what is in the box and what comes later", close_discards },
                { "a letter may close the box: the rest of its batch is discarded",
                  closing_while_delivering },
                { "a letter may drop the last reference", dropping_while_delivering },
                { "the last reference discards", dropping_discards },
                { "a letter without discard is let go", discard_may_be_null },
                { "a turn delivers a bounded number", turns_are_bounded },
                { "of many senders each is heard in its order", many_senders },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/mail/%s", rows[i].sentence);
                g_test_add(name, Fixture, NULL, set_up, rows[i].check, tear_down);
        }
        return g_test_run();
}
