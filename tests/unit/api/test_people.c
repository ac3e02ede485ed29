/* test_people: what the doors of people as accounts hand to the main thread, and what they refuse.
 */
#include "api/doors.h"
#include "api/routes.h"
#include "stub_connection.h"

/* In place of api.c and exchange.c: what was asked, or that it was refused. */
static struct {
        int question;
        char *argument;
        unsigned status;
} seen;

void api_ask_main(Api *api, Exchange *exchange, MainQuestion question, char *argument)
{
        seen.question = (int) question;
        seen.argument = argument;
}

void exchange_problem(Exchange *exchange, unsigned status, const char *word, const char *format,
                      ...)
{
        seen.status = status;
}

typedef struct Row {
        const char *sentence;
        void (*door)(Exchange *exchange);
        const char *question; /* a query, or a body that begins with "{" */
        int asked;            /* MainQuestion, or -1: refused */
        const char *argument;
} Row;

static const Row rows[] = {
        { "a name", door_passwd, "name=anna", MAIN_PASSWD, "{\"name\":\"anna\"}" },
        { "a number", door_passwd, "uid=5000", MAIN_PASSWD, "{\"uid\":\"5000\"}" },
        { "everybody", door_passwd, "", MAIN_PASSWD, "{}" },
        { "an encoded name", door_passwd, "name=a%3Ab", MAIN_PASSWD, "{\"name\":\"a:b\"}" },
        { "the highest number", door_passwd, "uid=4294967295", MAIN_PASSWD,
          "{\"uid\":\"4294967295\"}" },
        { "a number past it", door_passwd, "uid=4294967296", -1 },
        { "a negative number", door_passwd, "uid=-1", -1 },
        { "a number with a sign", door_passwd, "uid=%2B1", -1 },
        { "no number", door_passwd, "uid=", -1 },
        { "no name", door_passwd, "name=", -1 },
        { "a NUL in a name", door_passwd, "name=a%00b", -1 },
        { "two names", door_passwd, "name=a&name=b", -1 },
        { "two names, one escaped", door_passwd, "name=a&%6eame=b", -1 },
        { "a name and a number", door_passwd, "name=a&uid=5000", -1 },
        { "a misspelt word is not everybody", door_passwd, "nmae=anna", -1 },
        { "a word of another door", door_passwd, "gid=5000", -1 },
        { "a group's number", door_group, "gid=5000", MAIN_GROUP, "{\"gid\":\"5000\"}" },
        { "a person's groups", door_group, "user=anna", MAIN_GROUP, "{\"user\":\"anna\"}" },
        { "a page of people", door_users, "after=abc&limit=1000&q=an", MAIN_USERS,
          "{\"after\":\"abc\",\"limit\":\"1000\",\"q\":\"an\"}" },
        { "a page too large", door_users, "limit=1001", -1 },
        { "a page of nobody", door_users, "limit=0", -1 },
        { "a page of groups", door_groups, "limit=1", MAIN_GROUPS, "{\"limit\":\"1\"}" },
        { "groups are not looked for", door_groups, "q=a", -1 },
        { "a page of ids", door_ids, "", MAIN_IDS, "{}" },
        { "one id", door_id, "name=anna", MAIN_ID, "{\"name\":\"anna\"}" },
        { "whose id must be said", door_id, "", -1 },
        { "a sync", door_users_sync, "{}", MAIN_USERS_SYNC, "{}" },
        { "a sync by force", door_users_sync, "{\"force\":true}", MAIN_USERS_SYNC,
          "{\"force\":true}" },
        { "force in words", door_users_sync, "{\"force\":\"no\"}", -1 },
        { "a sync with a wish", door_users_sync, "{\"full\":true}", -1 },
        { "a trial", door_ids_assign, "{\"dry_run\":true}", MAIN_IDS_ASSIGN, "{\"dry_run\":true}" },
        { "no trial", door_ids_assign, "{\"dry_run\":false}", MAIN_IDS_ASSIGN,
          "{\"dry_run\":false}" },
        { "whether it is a trial must be said", door_ids_assign, "{}", -1 },
        { "a trial in words", door_ids_assign, "{\"dry_run\":\"no\"}", -1 },
        { "a trial with a wish", door_ids_assign, "{\"dry_run\":true,\"n\":1}", -1 },
        { "no object", door_ids_assign, "", -1 },
};

static Request *request_with(const char *question)
{
        bool is_body = question[0] == '{';
        g_autofree char *target = g_strconcat("/v1/x?", is_body ? "" : question, NULL);
        Request *request = request_new();

        request_begin(request, NULL, NULL, target);
        request->body = is_body ? g_strdup(question) : NULL;
        request->body_size = is_body ? strlen(question) : 0;
        return request;
}

static void test_row(gconstpointer data)
{
        static const Route route = { .path = "/v1/x" };
        const Row *row = data;
        Exchange exchange = { .request = request_with(row->question), .route = &route };

        seen.question = -1;
        row->door(&exchange);
        g_assert_cmpint(seen.question, ==, row->asked);
        g_assert_cmpuint(seen.status, ==, row->asked < 0 ? 400 : 0);
        g_assert_cmpstr(seen.argument, ==, row->argument);
        seen.status = 0;
        g_clear_pointer(&seen.argument, g_free);
        json_decref(exchange.body);
        request_free(exchange.request);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/api/people/%s", rows[i].sentence);

                g_test_add_data_func(name, &rows[i], test_row);
        }
        return g_test_run();
}
