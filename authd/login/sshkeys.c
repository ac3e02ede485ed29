/* sshkeys: see sshkeys.h. */
#include "login/sshkeys.h"

#include "base/clock.h"

#include <string.h>

#define COMMENT_BYTES_MAX 256

static const char *const migrations[] = {
        "CREATE TABLE ssh_keys (subject TEXT PRIMARY KEY, at INTEGER NOT NULL, keys TEXT NOT NULL)",
};

static const char *const types[] = {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
};

typedef struct KnownKeys {
        int64_t at_sec; /* wall clock: when the realm said so */
        char *text;
} KnownKeys;

struct SshKeys {
        Store *store;
        GHashTable *known; /* subject → KnownKeys */
        GPtrArray *asking; /* Asking, not owned */
};

typedef struct Waiter {
        int64_t stale_sec;
        SshKeysDone done;
        void *userdata;
} Waiter;

/* Asking: a question to the realm, and who waits for its answer. */
typedef struct Asking {
        SshKeys *keys;
        AdminCall *call;
        char *subject, *attribute;
        GArray *waiters;
} Asking;

static void known_free(void *pointer)
{
        KnownKeys *known = pointer;

        g_free(known->text);
        g_free(known);
}

/* What fits. */

static bool is_type(const char *word, size_t len)
{
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if (strlen(types[i]) == len && memcmp(types[i], word, len) == 0)
                        return true;
        return false;
}

static bool is_base64(const char *text, size_t len)
{
        size_t n_pads = 0;

        while (len > 0 && n_pads < 2 && text[len - 1] == '=') {
                n_pads++;
                len--;
        }
        for (size_t i = 0; i < len; i++)
                if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
                        return false;
        return len > 0 && (len + n_pads) % 4 == 0;
}

static bool is_comment(const char *text, size_t len)
{
        if (len > COMMENT_BYTES_MAX)
                return false;
        for (size_t i = 0; i < len; i++)
                if (!g_ascii_isprint(text[i]))
                        return false;
        return true;
}

bool sshkeys_line_fits(Span line)
{
        const char *space = memchr(line.data, ' ', line.len);
        const char *end = line.data + line.len;
        const char *key, *comment;

        if (line.len > SSHKEYS_SIZE_MAX || !space || !is_type(line.data, space - line.data))
                return false;
        key = space + 1;
        comment = memchr(key, ' ', end - key);
        if (!comment)
                return is_base64(key, end - key);
        return is_base64(key, comment - key) && is_comment(comment + 1, end - comment - 1);
}

static void add_lines(GString *text, const char *value, size_t *n_keys)
{
        g_auto(GStrv) lines = g_strsplit(value, "\n", SSHKEYS_MAX + 1);

        for (size_t i = 0; lines[i]; i++) {
                const char *line = g_strstrip(lines[i]);

                if (*n_keys == SSHKEYS_MAX || !sshkeys_line_fits(span_from(line)))
                        continue;
                g_string_append_printf(text, "%s\n", line);
                (*n_keys)++;
        }
}

char *sshkeys_text(const json_t *values)
{
        GString *text = g_string_new(NULL);
        size_t n_keys = 0, index;
        json_t *value;

        json_array_foreach ((json_t *) values, index, value)
                if (json_is_string(value))
                        add_lines(text, json_string_value(value), &n_keys);
        return g_string_free(text, FALSE);
}

/* What is kept. */

static void row_read(const StoreValue *values, size_t n_values, void *userdata)
{
        SshKeys *keys = userdata;
        KnownKeys *known = g_new(KnownKeys, 1);

        *known = (KnownKeys){ .at_sec = values[1].integer,
                              .text = g_strndup(values[2].bytes.data, values[2].bytes.len) };
        g_hash_table_replace(keys->known, g_strndup(values[0].bytes.data, values[0].bytes.len),
                             known);
}

SshKeys *sshkeys_new(Store *store, GError **error)
{
        SshKeys *keys;

        if (store && !store_migrate(store, "ssh_keys", migrations, G_N_ELEMENTS(migrations), error))
                return NULL;
        keys = g_new0(SshKeys, 1);
        keys->store = store;
        keys->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
        keys->asking = g_ptr_array_new();
        if (store)
                store_read(store, "SELECT subject, at, keys FROM ssh_keys", NULL, 0, row_read,
                           keys);
        return keys;
}

/* keep: a disk that cannot be written costs no more than the next outage's keys. */
static void keep(SshKeys *keys, const char *subject, const char *text, int64_t now_sec)
{
        const StoreValue values[] = { store_text(span_from(subject)), store_integer(now_sec),
                                      store_text(span_from(text)) };
        KnownKeys *known = g_new(KnownKeys, 1);

        *known = (KnownKeys){ .at_sec = now_sec, .text = g_strdup(text) };
        g_hash_table_replace(keys->known, g_strdup(subject), known);
        if (keys->store)
                (void) store_change(keys->store,
                                    "INSERT OR REPLACE INTO ssh_keys (subject, at, keys) "
                                    "VALUES (?, ?, ?)",
                                    values, G_N_ELEMENTS(values));
}

static const char *young_enough(const SshKeys *keys, const char *subject, int64_t age_sec)
{
        const KnownKeys *known = g_hash_table_lookup(keys->known, subject);
        int64_t now_sec = clock_wall_sec();

        if (!known || known->at_sec > now_sec || now_sec - known->at_sec > age_sec)
                return NULL;
        return known->text;
}

/* Asking. */

static Asking *asking_new(SshKeys *keys, const char *subject, const char *attribute)
{
        Asking *asking = g_new0(Asking, 1);

        asking->keys = keys;
        asking->subject = g_strdup(subject);
        asking->attribute = g_strdup(attribute);
        asking->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        g_ptr_array_add(keys->asking, asking);
        return asking;
}

static void asking_free(Asking *asking)
{
        g_ptr_array_remove_fast(asking->keys->asking, asking);
        g_array_unref(asking->waiters);
        g_free(asking->subject);
        g_free(asking->attribute);
        g_free(asking);
}

static Asking *find_asking(const SshKeys *keys, const char *subject, const char *attribute)
{
        for (guint i = 0; i < keys->asking->len; i++) {
                Asking *asking = keys->asking->pdata[i];

                if (strcmp(asking->subject, subject) == 0 &&
                    strcmp(asking->attribute, attribute) == 0)
                        return asking;
        }
        return NULL;
}

/* tell_kept: what is kept, if it is young enough for who waits. */
static void tell_kept(const SshKeys *keys, const char *subject, const Waiter *waiter)
{
        g_autofree char *text = g_strdup(young_enough(keys, subject, waiter->stale_sec));

        waiter->done(text, waiter->userdata);
}

/* answer: the question is gone before who waits is told: that may ask anew. */
static void answer(Asking *asking, const char *text)
{
        g_autoptr(GArray) waiters = g_array_ref(asking->waiters);

        asking_free(asking);
        for (guint i = 0; i < waiters->len; i++) {
                const Waiter waiter = g_array_index(waiters, Waiter, i);

                waiter.done(text, waiter.userdata);
        }
}

static void answer_kept(Asking *asking)
{
        const SshKeys *keys = asking->keys;
        g_autofree char *subject = g_strdup(asking->subject);
        g_autoptr(GArray) waiters = g_array_ref(asking->waiters);

        asking_free(asking);
        for (guint i = 0; i < waiters->len; i++)
                tell_kept(keys, subject, &g_array_index(waiters, Waiter, i));
}

static void keep_and_answer(Asking *asking, const char *text)
{
        keep(asking->keys, asking->subject, text, clock_wall_sec());
        answer(asking, text);
}

static char *text_of_user(const json_t *user, const char *attribute)
{
        if (!json_is_true(json_object_get(user, "enabled")))
                return g_strdup("");
        return sshkeys_text(json_object_get(json_object_get(user, "attributes"), attribute));
}

static void realm_said(const AdminAnswer *said, void *userdata)
{
        Asking *asking = userdata;
        g_autofree char *text = NULL;

        switch (said->result) {
        case ADMIN_OK:
                text = text_of_user(said->items, asking->attribute);
                keep_and_answer(asking, text);
                break;
        case ADMIN_NOT_FOUND: keep_and_answer(asking, ""); break;
        default: answer_kept(asking); break;
        }
}

static bool has_room(const SshKeys *keys)
{
        return keys->asking->len < SSHKEYS_ASKING_MAX;
}

void sshkeys_ask(SshKeys *keys, Admin *admin, const char *subject, const char *attribute,
                 int64_t stale_sec, SshKeysDone done, void *userdata)
{
        const Waiter waiter = { stale_sec, done, userdata };
        Asking *asking = find_asking(keys, subject, attribute);

        if (young_enough(keys, subject, SSHKEYS_FRESH_SEC)) {
                tell_kept(keys, subject, &(Waiter){ SSHKEYS_FRESH_SEC, done, userdata });
                return;
        }
        if (!admin || (!asking && !has_room(keys))) {
                tell_kept(keys, subject, &waiter);
                return;
        }
        if (!asking) {
                asking = asking_new(keys, subject, attribute);
                asking->call = admin_user(admin, subject, realm_said, asking);
        }
        g_array_append_val(asking->waiters, waiter);
}

void sshkeys_free(SshKeys *keys)
{
        if (!keys)
                return;
        while (keys->asking->len > 0) {
                Asking *asking = keys->asking->pdata[0];

                admin_cancel(asking->call);
                answer(asking, NULL);
        }
        g_ptr_array_unref(keys->asking);
        g_hash_table_unref(keys->known);
        g_free(keys);
}
