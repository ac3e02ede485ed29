/* words: the code's tables as one JSON object, for docs_words.py: settings, reasons, routes. */
#include "api/routes.h"
#include "config.h"
#include "verdict/verdict.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *settings(void)
{
        json_t *rows = json_array();
        size_t n;
        const ConfigSetting *table = config_settings(&n);

        for (size_t i = 0; i < n; i++)
                json_array_append_new(rows,
                                      json_pack("{s:s, s:s, s:s, s:s}", "section", table[i].section,
                                                "key", table[i].key, "kind", table[i].kind,
                                                "fallback", table[i].fallback));
        return rows;
}

static json_t *reasons(void)
{
        json_t *rows = json_array();

        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                const ReasonWords *words = reason_words(reason);

                json_array_append_new(rows,
                                      json_pack("{s:s, s:s, s:i, s:s?, s:s}", "word", words->word,
                                                "verdict", verdict_class_text(words->verdict),
                                                "status", (int) words->status, "bearer_error",
                                                words->bearer_error, "sentence", words->sentence));
        }
        return rows;
}

static json_t *routes(void)
{
        json_t *rows = json_array();
        size_t n;
        const Route *table = routes_table(&n);

        for (size_t i = 0; i < n; i++)
                json_array_append_new(rows, json_pack("{s:s, s:s}", "path", table[i].path,
                                                      "methods", table[i].methods));
        return rows;
}

int main(void)
{
        json_t *words = json_pack("{s:o, s:o, s:o}", "settings", settings(), "reasons", reasons(),
                                  "routes", routes());

        if (!words || json_dumpf(words, stdout, JSON_INDENT(1)) < 0)
                return EXIT_FAILURE;
        json_decref(words);
        return EXIT_SUCCESS;
}
