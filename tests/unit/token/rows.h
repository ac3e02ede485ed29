/* rows: what the tests of token/ share: a row is a case whose name is a sentence; files of
 * tests/tokens. */
#pragma once

#include "token/jwk.h"
#include "token/jws.h"

#include <glib.h>

/* A slash in the sentence would cut the path. */
static inline char *rows_path(const char *group, const char *sentence)
{
        g_autofree char *plain = g_strdelimit(g_strdup(sentence), "/", '|');

        return g_strdup_printf("/%s/%s", group, plain);
}

/* rows_add: "/group/sentence"; row stays the caller's. */
static inline void rows_add(const char *group, const char *sentence, const void *row,
                            GTestDataFunc run)
{
        g_autofree char *path = rows_path(group, sentence);

        g_test_add_data_func(path, row, run);
}

/* rows_add_file: a row whose sentence is a file's name; run gets a copy of it. */
static inline void rows_add_file(const char *group, const char *name, GTestDataFunc run)
{
        g_autofree char *path = rows_path(group, name);

        g_test_add_data_func_full(path, g_strdup(name), run, g_free);
}

/* rows_compact: a token from its header's and payload's text and an encoded signature. */
static inline char *rows_compact(const char *header, const char *payload, const char *signature)
{
        g_autofree char *head = g_base64_encode((const guchar *) header, strlen(header));
        g_autofree char *body = g_base64_encode((const guchar *) payload, strlen(payload));
        char *compact;

        g_strdelimit(head, "+", '-');
        g_strdelimit(head, "/", '_');
        g_strdelimit(body, "+", '-');
        g_strdelimit(body, "/", '_');
        compact = g_strdup_printf("%.*s.%.*s.%s", (int) strcspn(head, "="), head,
                                  (int) strcspn(body, "="), body, signature);
        return compact;
}

/* rows_file: a file below tests/tokens, whole. */
static inline char *rows_file(const char *name, size_t *ret_len)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tokens", name, NULL);
        g_autoptr(GError) error = NULL;
        char *text = NULL;

        g_file_get_contents(path, &text, ret_len, &error);
        g_assert_no_error(error);
        return text;
}

static inline KeySet *rows_keyset(const char *json)
{
        KeySet *set = NULL;

        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &set), ==, 0);
        return set;
}
