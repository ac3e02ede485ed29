/* desk: an Idp of a realm's text, without a server: questions in, answers out. For tests only. */
#pragma once

#include "idp.h"

#include <glib/gstdio.h>
#include <string.h>

#define DESK_URL "http://127.0.0.1:1"

static inline void desk_open(Idp *idp, const char *realm_text)
{
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;
        int fd = g_file_open_tmp("realm-XXXXXX", &path, NULL);

        g_assert_cmpint(fd, >=, 0);
        g_close(fd, NULL);
        g_assert_true(g_file_set_contents(path, realm_text, -1, NULL));
        idp_open(idp, path, NULL, &error);
        g_assert_no_error(error);
        idp_name(idp, DESK_URL);
        g_unlink(path);
}

static inline GHashTable *desk_table(const char *pairs)
{
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_auto(GStrv) words = g_strsplit(pairs ? pairs : "", "\n", -1);

        for (char **word = words; *word && **word; word++) {
                char *equals = strchr(*word, '=');
                g_hash_table_insert(table, g_strndup(*word, (gsize) (equals - *word)),
                                    g_strdup(equals + 1));
        }
        return table;
}

/* form, headers: "name=value" lines, or NULL. */
static inline Answer desk_ask(Idp *idp, const char *method, const char *path, const char *form,
                              const char *headers)
{
        g_autoptr(GHashTable) form_table = desk_table(form);
        g_autoptr(GHashTable) query_table = desk_table(NULL);
        g_autoptr(GHashTable) header_table = desk_table(headers);
        Question question = { .method = method,
                              .path = path,
                              .form = form_table,
                              .query = query_table,
                              .headers = header_table,
                              .body = "" };
        Answer answer;

        idp_answer(idp, &question, &answer);
        return answer;
}

/* desk_own: POST /devidp/PATH; the answer's JSON, or NULL: it was refused. */
static inline json_t *desk_own(Idp *idp, const char *path, const char *body)
{
        g_autoptr(GHashTable) nothing = desk_table(NULL);
        g_autofree char *whole = g_strdup_printf("/devidp/%s", path);
        Question question = { .method = "POST",
                              .path = whole,
                              .form = nothing,
                              .query = nothing,
                              .headers = nothing,
                              .body = body };
        Answer answer;

        idp_answer(idp, &question, &answer);
        json_t *json = answer.status == 200 ? json_loads(answer.body, 0, NULL) : NULL;
        answer_clear(&answer);
        return json;
}

static inline bool desk_tell(Idp *idp, const char *path, const char *body)
{
        json_t *json = desk_own(idp, path, body);

        json_decref(json);
        return json != NULL;
}
