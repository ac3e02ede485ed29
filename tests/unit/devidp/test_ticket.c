/* Tickets: what whoever polls is told, on both sides of each edge, and whose code is found. */
#include "ticket.h"

#include <string.h>

#define SEC   G_USEC_PER_SEC
#define START (1000 * SEC)

static const Waits WAITS = { .expires_in = 60, .interval = 5 };
static const Ticket DEVICE = { .kind = TICKET_DEVICE, .client_id = "login", .scope = "openid" };

static Tickets *tickets;
static Ticket *ticket;

static void set_up(void)
{
        tickets_free(tickets);
        tickets = tickets_new();
        ticket = tickets_add(tickets, &DEVICE, &WAITS, START);
        g_assert_nonnull(ticket);
}

/* --- one poll --- */

typedef struct Row {
        const char *name;
        TicketState state;
        gint64 at_msec; /* since the ticket was made */
        Poll poll;
} Row;

static const Row ROWS[] = {
        { "nobody has decided", TICKET_PENDING, 0, POLL_PENDING },
        { "somebody allowed it", TICKET_ALLOWED, 0, POLL_ALLOWED },
        { "somebody denied it", TICKET_DENIED, 0, POLL_DENIED },
        { "it was used", TICKET_USED, 0, POLL_GONE },
        { "the last moment", TICKET_ALLOWED, 59999, POLL_ALLOWED },
        { "allowed, but over", TICKET_ALLOWED, 60000, POLL_EXPIRED },
        { "denied, and over", TICKET_DENIED, 60000, POLL_EXPIRED },
        { "used, and over", TICKET_USED, 60000, POLL_GONE },
        { "over for as long as it says so", TICKET_PENDING, 74999, POLL_EXPIRED },
        { "long over", TICKET_PENDING, 75000, POLL_GONE },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;

        set_up();
        ticket->state = row->state;
        g_assert_cmpint(ticket_poll(ticket, START + row->at_msec * 1000), ==, row->poll);
}

/* --- many --- */

static Poll poll_at(gint64 msec)
{
        return ticket_poll(ticket, START + msec * 1000);
}

static void test_interval(void)
{
        set_up();
        g_assert_cmpint(poll_at(0), ==, POLL_PENDING);
        g_assert_cmpint(poll_at(5000), ==, POLL_PENDING);
        g_assert_cmpint(poll_at(9999), ==, POLL_TOO_SOON);  /* 10 s from now on */
        g_assert_cmpint(poll_at(19998), ==, POLL_TOO_SOON); /* 15 s */
        ticket_allow(ticket, "alice");
        g_assert_cmpint(poll_at(34997), ==, POLL_TOO_SOON); /* 20 s */
        g_assert_cmpint(poll_at(54997), ==, POLL_ALLOWED);
        g_assert_cmpint(ticket->interval_usec, ==, 20 * SEC);
        g_assert_cmpint(ticket->shortest_usec, ==, 4999 * 1000);
        g_assert_cmpuint(ticket->n_polls, ==, 6);
        g_assert_cmpuint(ticket->n_too_soon, ==, 3);
}

static void test_the_interval_has_an_end(void)
{
        set_up();
        for (int i = 0; i < 200; i++)
                poll_at(0);
        g_assert_cmpint(ticket->interval_usec, ==, TICKET_INTERVAL_MAX_SEC * SEC);
}

static void test_open(void)
{
        set_up();
        g_assert_true(ticket_is_open(ticket, START + 60 * SEC - 1));
        g_assert_false(ticket_is_open(ticket, START + 60 * SEC));
        ticket_deny(ticket);
        g_assert_false(ticket_is_open(ticket, START));
}

static void test_codes(void)
{
        set_up();
        g_autofree char *shown = ticket_shown_code(ticket);
        g_autofree char *small = g_ascii_strdown(shown, -1);
        g_autofree char *spaced = g_strdup_printf(" %s ", shown);

        g_assert_cmpuint(strlen(shown), ==, TICKET_CODE_LEN + 1);
        g_assert_true(shown[4] == '-');
        g_assert_true(tickets_by_code(tickets, shown) == ticket);
        g_assert_true(tickets_by_code(tickets, ticket->code) == ticket);
        g_assert_true(tickets_by_code(tickets, small) == ticket);
        g_assert_true(tickets_by_code(tickets, spaced) == ticket);
        g_assert_null(tickets_by_code(tickets, ""));
        g_assert_null(tickets_by_code(tickets, NULL));
        g_assert_true(tickets_by_secret(tickets, TICKET_DEVICE, ticket->secret) == ticket);
        g_assert_null(tickets_by_secret(tickets, TICKET_PUSH, ticket->secret));
        g_assert_null(tickets_by_secret(tickets, TICKET_DEVICE, ticket->code));
}

static void test_the_oldest_goes(void)
{
        set_up();
        g_autofree char *first = g_strdup(ticket->secret);
        for (int i = 1; i < TICKETS_MAX; i++)
                tickets_add(tickets, &DEVICE, &WAITS, START);
        g_assert_true(tickets_by_secret(tickets, TICKET_DEVICE, first) == ticket);
        tickets_add(tickets, &DEVICE, &WAITS, START);
        g_assert_null(tickets_by_secret(tickets, TICKET_DEVICE, first));
        g_assert_cmpuint(tickets_all(tickets)->len, ==, TICKETS_MAX);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++) {
                g_autofree char *path = g_strdup_printf("/devidp/ticket/a poll: %s", ROWS[i].name);
                g_test_add_data_func(path, &ROWS[i], test_row);
        }
        g_test_add_func("/devidp/ticket/who polls too soon waits longer each time", test_interval);
        g_test_add_func("/devidp/ticket/but not for ever", test_the_interval_has_an_end);
        g_test_add_func("/devidp/ticket/decided once, and in time", test_open);
        g_test_add_func("/devidp/ticket/a code is found as people type it", test_codes);
        g_test_add_func("/devidp/ticket/the oldest goes when there are too many",
                        test_the_oldest_goes);
        int r = g_test_run();
        tickets_free(tickets);
        return r;
}
