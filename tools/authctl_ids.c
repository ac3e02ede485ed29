/* authctl_ids: the numbers of people and groups: who has which, written into the realm, the same on
 * every host.
 *
 * An export is the pages of /v1/ids, one JSON object a line; audit reads such files of several
 * hosts and this host's /etc/passwd and /etc/group, and names what differs. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_pages.h"
#include "authctl_text.h"
#include "base/file.h"
#include "token/json.h"
#include "users/local.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASSIGN_DEADLINE_SEC 660                 /* longer than the daemon's own */
#define EXPORT_SIZE_MAX     (256 * 1024 * 1024) /* a million people fit */
#define FILES_MAX           1000

/* --- ids ------------------------------------------------------------------------------------- */

static void add_id(const json_t *one, void *userdata)
{
        Table *table = userdata;
        g_autofree char *id = g_strdup_printf("%lld", (long long) ask_number(one, "id"));

        table_add(table, STYLE_PLAIN, id);
        table_add(table, STYLE_PLAIN, ask_text(one, "kind"));
        table_add(table, STYLE_BOLD, ask_text(one, "name"));
        table_add(table, STYLE_DIM, ask_text(one, "key"));
}

static void print_collision(const json_t *collision)
{
        size_t index;
        json_t *key;

        printf("%s%lld%s is wanted by more than one:\n", style_begin(STYLE_BAD),
               (long long) ask_number(collision, "id"), style_end(STYLE_BAD));
        json_array_foreach (json_object_get(collision, "keys"), index, key) {
                g_autofree char *text = text_printable(json_string_value(key));

                printf("  %s\n", text);
        }
}

static AuthctlExit print_collisions(const AuthctlOptions *options)
{
        g_auto(Answer) answer = { 0 };
        AuthctlExit code = ask_daemon(options, "/v1/ids?limit=1", NULL, &answer);
        size_t index;
        json_t *collision;

        if (code != AUTHCTL_OK)
                return code;
        json_array_foreach (json_object_get(answer.json, "collisions"), index, collision)
                print_collision(collision);
        if (json_array_size(json_object_get(answer.json, "collisions")) > 0)
                printf("Settle each in [users] of authd.conf, the same on every host (id = "
                       "KEY=NUMBER), or by attributes in the realm.\n");
        return AUTHCTL_OK;
}

static AuthctlExit list_ids(const AuthctlOptions *options)
{
        static const char *const titles[] = { "ID", "KIND", "NAME", "KEY", NULL };
        g_autoptr(Table) table = table_new(titles);
        AuthctlExit code = pages_each(options, "/v1/ids", "ids", add_id, table);

        if (code != AUTHCTL_OK || options->json)
                return code;
        table_print(table);
        return print_collisions(options);
}

/* What the daemon refused belongs on stderr alone, not into the file. */
static AuthctlExit export_ids(AuthctlOptions *options)
{
        options->json = false;
        return pages_each(options, "/v1/ids", "ids", NULL, NULL);
}

/* --- ids assign ------------------------------------------------------------------------------ */

static void print_how_many(const json_t *answer, const char *done)
{
        gint64 n_left = ask_number(answer, "left");

        printf("%zu %s, %zu skipped.\n", json_array_size(json_object_get(answer, "assigned")), done,
               json_array_size(json_object_get(answer, "skipped")));
        if (n_left > 0)
                printf("%s%lld left, for time was over or the realm refused: run it again.%s\n",
                       style_begin(STYLE_WARN), (long long) n_left, style_end(STYLE_WARN));
}

/* add_result: who has no name here is shown by the key. */
static void add_result(Table *table, const json_t *one, Style style, const char *result)
{
        const char *name = ask_text(one, "name");
        gint64 number = ask_number(one, "id");
        g_autofree char *id = number != 0 ? g_strdup_printf("%lld", (long long) number) : NULL;

        table_add(table, STYLE_PLAIN, id);
        table_add(table, STYLE_BOLD, name ? name : ask_text(one, "key"));
        table_add(table, style, result);
}

static void print_results(const json_t *answer, const char *done)
{
        static const char *const titles[] = { "ID", "NAME", "RESULT", NULL };
        g_autoptr(Table) table = table_new(titles);
        const json_t *assigned = json_object_get(answer, "assigned");
        const json_t *skipped = json_object_get(answer, "skipped");
        size_t index;
        json_t *one;

        json_array_foreach (assigned, index, one)
                add_result(table, one, STYLE_GOOD, done);
        json_array_foreach (skipped, index, one)
                add_result(table, one, STYLE_BAD, ask_text(one, "why"));
        if (json_array_size(assigned) + json_array_size(skipped) > 0)
                table_print(table);
        print_how_many(answer, done);
}

static void print_assigned(const json_t *answer)
{
        print_results(answer, "assigned");
}

static void print_rehearsed(const json_t *answer)
{
        print_results(answer, "would be assigned");
}

static bool is_all_done(const json_t *answer)
{
        return json_array_size(json_object_get(answer, "skipped")) == 0 &&
               ask_number(answer, "left") == 0;
}

static AuthctlExit assign_ids(AuthctlOptions *options, bool dry_run)
{
        g_auto(Answer) answer = { 0 };
        json_auto *question = json_pack("{s:b}", "dry_run", (int) dry_run);
        AuthctlExit code;

        options->deadline_sec = ASSIGN_DEADLINE_SEC;
        if (isatty(STDERR_FILENO) && !options->json)
                fputs(dry_run ? "Writing nothing; asking the realm may take minutes.\n"
                              : "Writing into the realm; that may take minutes.\n",
                      stderr);
        code = ask_show(options, "/v1/ids/assign", question,
                        dry_run ? print_rehearsed : print_assigned, &answer);
        if (code == AUTHCTL_OK && !is_all_done(answer.json))
                return AUTHCTL_REFUSED;
        return code;
}

/* --- ids audit ------------------------------------------------------------------------------- */

/* Holder: who has an id, or which id somebody has, and by which file first. */
typedef struct Holder {
        char *key;
        char *name;
        gint64 id;
        const char *file;
} Holder;

typedef struct Audit {
        GPtrArray *holders;     /* Holder: each key with each of its ids once */
        GHashTable *by_key;     /* key → Holder, both borrowed, the first one */
        GHashTable *by_id;      /* &holder->id → likewise */
        GHashTable *collisions; /* texts: those that were told, and of which file */
        Local *local;
        json_t *findings; /* sentences */
        size_t n_ids;
} Audit;

static void holder_free(void *pointer)
{
        Holder *holder = pointer;

        g_free(holder->key);
        g_free(holder->name);
        g_free(holder);
}

static void find(Audit *audit, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void find(Audit *audit, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_autofree char *sentence = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        json_array_append_new(audit->findings, json_string(sentence));
}

/* compare_with_host: people and groups are one space of numbers and of names for the daemon, too.
 */
static void compare_with_host(Audit *audit, const Holder *holder)
{
        const char *user = NULL, *group = NULL;

        if (local_has_uid(audit->local, (uid_t) holder->id, &user))
                find(audit, "%lld of %s (%s) is %s in this host's own /etc/passwd",
                     (long long) holder->id, holder->name, holder->file, user);
        if (local_has_gid(audit->local, (gid_t) holder->id, &group))
                find(audit, "%lld of %s (%s) is %s in this host's own /etc/group",
                     (long long) holder->id, holder->name, holder->file, group);
        if (local_has_user(audit->local, holder->name))
                find(audit, "the name %s (%s) is in this host's own /etc/passwd", holder->name,
                     holder->file);
        if (local_has_group(audit->local, holder->name, NULL))
                find(audit, "the name %s (%s) is in this host's own /etc/group", holder->name,
                     holder->file);
}

static void compare(Audit *audit, Holder *holder)
{
        const Holder *same_key = g_hash_table_lookup(audit->by_key, holder->key);
        const Holder *same_id = g_hash_table_lookup(audit->by_id, &holder->id);

        if (same_key && same_key->id == holder->id) {
                holder_free(holder);
                return;
        }
        if (same_key)
                find(audit, "%s (%s) is %lld in %s and %lld in %s", holder->name, holder->key,
                     (long long) same_key->id, same_key->file, (long long) holder->id,
                     holder->file);
        if (same_id && strcmp(same_id->key, holder->key) != 0)
                find(audit, "%lld is %s (%s) in %s and %s (%s) in %s", (long long) holder->id,
                     same_id->name, same_id->key, same_id->file, holder->name, holder->key,
                     holder->file);
        g_ptr_array_add(audit->holders, holder);
        if (!same_id)
                g_hash_table_insert(audit->by_id, &holder->id, holder);
        if (same_key)
                return;
        compare_with_host(audit, holder);
        g_hash_table_insert(audit->by_key, holder->key, holder);
}

static void take_id(Audit *audit, const json_t *one, const char *file)
{
        const char *name = ask_text(one, "name");
        Holder *holder = g_new(Holder, 1);

        *holder = (Holder){ .key = g_strdup(ask_text(one, "key")),
                            .name = g_strdup(name ? name : "somebody"),
                            .id = ask_number(one, "id"),
                            .file = file };
        audit->n_ids++;
        compare(audit, holder);
}

static bool ids_fit(const json_t *page)
{
        size_t index;
        json_t *one;

        if (!json_is_array(json_object_get(page, "ids")))
                return false;
        json_array_foreach (json_object_get(page, "ids"), index, one)
                if (!ask_text(one, "key") || ask_number(one, "id") <= 0 ||
                    ask_number(one, "id") > UINT32_MAX)
                        return false;
        return true;
}

/* take_collisions: each page has them all. */
static void take_collisions(Audit *audit, const json_t *page, const char *file)
{
        size_t index;
        json_t *one;

        json_array_foreach (json_object_get(page, "collisions"), index, one) {
                gint64 id = ask_number(one, "id");

                if (g_hash_table_add(audit->collisions,
                                     g_strdup_printf("%lld %s", (long long) id, file)))
                        find(audit, "%lld is wanted by more than one in %s", (long long) id, file);
        }
}

/* take_page: one JSON value of a file; false: it is no page of an export. */
static bool take_page(Audit *audit, const json_t *page, const char *file)
{
        size_t index;
        json_t *one;

        if (!ids_fit(page))
                return false;
        json_array_foreach (json_object_get(page, "ids"), index, one)
                take_id(audit, one, file);
        take_collisions(audit, page, file);
        return true;
}

static AuthctlExit audit_text(Audit *audit, const char *text, size_t size, const char *file)
{
        size_t at = 0;

        while (at < size) {
                json_error_t error;
                json_auto *page = json_loadb(
                    text + at, size - at, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);

                if (!page || !take_page(audit, page, file))
                        return authctl_complain(
                            AUTHCTL_USAGE, "%s is not what `authctl ids export` writes: %s", file,
                            page ? "it is JSON of another form" : error.text);
                at += (size_t) error.position;
                at += strspn(text + at, " \t\r\n");
        }
        return AUTHCTL_OK;
}

static AuthctlExit audit_file(Audit *audit, const char *file)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        size_t size;

        if (!file_read(file, EXPORT_SIZE_MAX, &text, &size, &error))
                return authctl_complain(AUTHCTL_USAGE, "%s", error->message);
        return audit_text(audit, text, size, file);
}

static void print_findings(const AuthctlOptions *options, const Audit *audit, int n_files)
{
        size_t index;
        json_t *finding;

        if (options->json) {
                json_auto *report =
                    json_pack("{s:i, s:I, s:O}", "files", n_files, "ids", (json_int_t) audit->n_ids,
                              "findings", audit->findings);
                g_autofree char *text = json_dumps(report, JSON_COMPACT);

                printf("%s\n", text);
                return;
        }
        json_array_foreach (audit->findings, index, finding) {
                g_autofree char *text = text_printable(json_string_value(finding));

                printf("%s\n", text);
        }
        printf("%zu ids in %d files, %zu findings.\n", audit->n_ids, n_files,
               json_array_size(audit->findings));
}

static AuthctlExit audit_ids(const AuthctlOptions *options, char **files)
{
        Audit audit = {
                .holders = g_ptr_array_new_with_free_func(holder_free),
                .by_key = g_hash_table_new(g_str_hash, g_str_equal),
                .by_id = g_hash_table_new(g_int64_hash, g_int64_equal),
                .collisions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .local = local_new("/etc/passwd", "/etc/group"),
                .findings = json_array(),
        };
        AuthctlExit code = AUTHCTL_OK;
        int n_files = 0;

        for (; code == AUTHCTL_OK && files[n_files]; n_files++)
                code = audit_file(&audit, files[n_files]);
        if (code == AUTHCTL_OK) {
                print_findings(options, &audit, n_files);
                code = json_array_size(audit.findings) > 0 ? AUTHCTL_REFUSED : AUTHCTL_OK;
        }
        g_hash_table_unref(audit.by_id);
        g_hash_table_unref(audit.by_key);
        g_ptr_array_unref(audit.holders);
        g_hash_table_unref(audit.collisions);
        local_free(audit.local);
        json_decref(audit.findings);
        return code;
}

static AuthctlExit complain_ids(void)
{
        return authctl_complain(AUTHCTL_USAGE,
                                "ids takes assign, export, audit FILE... or nothing, and --dry-run "
                                "with assign alone");
}

int authctl_ids(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_optional = FILES_MAX };
        gboolean dry_run = false;
        const GOptionEntry own[] = {
                { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run, "assign: write nothing", NULL },
                { NULL },
        };
        const char *what;
        bool is_assign;

        if (!authctl_options(&options, own, "[assign | export | audit FILE...]", argc, argv))
                return AUTHCTL_USAGE;
        what = options.words[0];
        is_assign = g_strcmp0(what, "assign") == 0 && !options.words[1];
        if (dry_run && !is_assign)
                return complain_ids();
        if (!what)
                return list_ids(&options);
        if (is_assign)
                return assign_ids(&options, dry_run);
        if (strcmp(what, "audit") == 0 && options.words[1])
                return audit_ids(&options, options.words + 1);
        if (strcmp(what, "export") == 0 && !options.words[1])
                return export_ids(&options);
        return complain_ids();
}
