/* judge: where a request carries its token. */
#include "api/judge.h"

#include "net/request.h"

typedef struct BearerRow {
        const char *sentence;
        const char *header; /* NULL: no Authorization */
        bool ours;
        const char *token;
} BearerRow;

static const BearerRow rows[] = {
        { "no header is no token", NULL, true, "" },
        { "the token follows the scheme", "Bearer a.b.c", true, "a.b.c" },
        { "the scheme is read in any case", "bEARer a.b.c", true, "a.b.c" },
        { "one byte is a token", "Bearer a", true, "a" },
        { "what follows the token belongs to it", "Bearer a.b.c, Bearer d", true,
          "a.b.c, Bearer d" },
        { "a second space belongs to the token", "Bearer  a", true, " a" },
        { "the scheme alone is not ours", "Bearer", false, "" },
        { "the scheme and a space are not ours", "Bearer ", false, "" },
        { "a tab is no space", "Bearer\ta.b.c", false, "" },
        { "a longer scheme is another", "Bearers a.b.c", false, "" },
        { "Basic is another scheme", "Basic YTpi", false, "" },
        { "DPoP is another scheme", "DPoP a.b.c", false, "" },
        { "an empty header is not ours", "", false, "" },
        { "a token without a scheme is not ours", "a.b.c", false, "" },
};

static void test_bearer(gconstpointer data)
{
        const BearerRow *row = data;
        Request *request = request_new();
        Span token = span_from("untouched");

        if (row->header)
                head_add(&request->head, span_from("authorization"), span_from(row->header));
        g_assert_cmpint(judge_bearer(request, &token), ==, row->ours);
        g_assert_true(span_equal_string(token, row->token));
        request_free(request);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/judge/bearer/%s", rows[i].sentence);

                g_test_add_data_func(name, &rows[i], test_bearer);
        }
        return g_test_run();
}
