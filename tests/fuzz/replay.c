/* replay: a harness without a fuzzer: each file named, and each file of a folder named, is its
 * input once. A harness aborts on what must not be; here that ends the test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_SIZE_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_replayed;

static int replay_file(const char *path)
{
        FILE *file = fopen(path, "rb");
        uint8_t *input = NULL;
        size_t size;

        if (!file) {
                perror(path);
                return 1;
        }
        input = malloc(INPUT_SIZE_MAX);
        if (!input)
                abort();
        size = fread(input, 1, INPUT_SIZE_MAX, file);
        fclose(file);
        /* Just as large as the input, so that a sanitizer sees a step beyond it. */
        input = realloc(input, size ? size : 1);
        if (!input)
                abort();
        LLVMFuzzerTestOneInput(input, size);
        free(input);
        n_replayed++;
        return 0;
}

static int replay_folder(const char *path)
{
        struct dirent **entries;
        int n_entries = scandir(path, &entries, NULL, alphasort), r = n_entries < 0;

        for (int i = 0; i < n_entries; i++) {
                char file[4096];
                struct stat facts;

                snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
                if (stat(file, &facts) == 0 && S_ISREG(facts.st_mode))
                        r |= replay_file(file);
                free(entries[i]);
        }
        if (n_entries >= 0)
                free(entries);
        return r;
}

int main(int argc, char **argv)
{
        int r = 0;

        for (int i = 1; i < argc; i++) {
                struct stat facts;

                if (stat(argv[i], &facts) < 0) {
                        perror(argv[i]);
                        return 1;
                }
                r |= S_ISDIR(facts.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
        }
        printf("%u inputs replayed\n", n_replayed);
        return r || n_replayed == 0;
}
