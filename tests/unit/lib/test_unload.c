/* test_unload: libauthd loaded with dlopen, used and unloaded leaves the process as it was. */
#include "authd.h"
#include "fake_daemon.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static const char *library;

static guint n_entries(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        guint n = 0;

        while (g_dir_read_name(dir))
                n++;
        return n;
}

static gboolean is_mapped(const char *name)
{
        g_autofree char *maps = NULL;

        g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        return strstr(maps, name) != NULL;
}

/* The key that the next pthread_key_create gives: a library that kept one moves it. */
static pthread_key_t next_key(void)
{
        pthread_key_t key;

        g_assert_cmpint(pthread_key_create(&key, NULL), ==, 0);
        pthread_key_delete(key);
        return key;
}

static void use(void *handle, const char *path)
{
        int (*open)(authd **, const struct authd_options *) = dlsym(handle, "authd_open");
        int (*check)(authd *, const char *, const char *, authd_verdict **) =
            dlsym(handle, "authd_check");
        void (*free_verdict)(authd_verdict *) = dlsym(handle, "authd_verdict_free");
        void (*close)(authd *) = dlsym(handle, "authd_close");
        struct authd_options options = { .size = sizeof(options), .socket = path };
        authd_verdict *verdict;
        authd *client;

        g_assert_cmpint(open(&client, &options), ==, 0);
        g_assert_cmpint(check(client, "t", NULL, &verdict), ==, 0);
        free_verdict(verdict);
        close(client);
}

static void test_unload(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        guint n_fds = n_entries("/proc/self/fd"), n_threads = n_entries("/proc/self/task");
        pthread_key_t key = next_key();

        for (int i = 0; i < 3; i++) {
                void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

                g_assert_nonnull(handle);
                g_assert_true(is_mapped("libauthd.so"));
                use(handle, fake_path(fake));
                g_assert_cmpint(dlclose(handle), ==, 0);
                g_assert_false(is_mapped("libauthd.so"));
        }
        g_assert_cmpuint(n_entries("/proc/self/fd"), ==, n_fds);
        g_assert_cmpuint(n_entries("/proc/self/task"), ==, n_threads);
        g_assert_cmpuint(next_key(), ==, key);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        library = argv[1];
        g_test_add_func("/unload/no mapping, descriptor, thread or key is left", test_unload);
        return g_test_run();
}
