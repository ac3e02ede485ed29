/* libjwt_oracle: what libjwt says of tokens when it is used as its tutorials do.
 *
 * libjwt_oracle PEM FILE…: one line a file on stdout, "accepts" or "refuses", in order.
 * jwt_decode() is given the public key and picks the algorithm from the token, which is the point:
 * the differential test lists what that lets through. Each token is tried in a child, because
 * libjwt's alloca() ends the process on a large one ("crashes"). Tests only. */
#include <errno.h>
#include <jwt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_SIZE_MAX (16 * 1024 * 1024)

/* read_file: NUL-terminated; ends the process on any trouble. */
static char *read_file(const char *path, size_t *ret_len)
{
        FILE *file = fopen(path, "rb");
        char *content = malloc(FILE_SIZE_MAX + 1);

        if (!file || !content) {
                fprintf(stderr, "libjwt_oracle: %s: %s\n", path, strerror(errno));
                exit(2);
        }
        size_t len = fread(content, 1, FILE_SIZE_MAX, file);

        fclose(file);
        content[len] = '\0';
        *ret_len = len;
        return content;
}

static bool libjwt_accepts(const char *token, const char *pem, size_t pem_len)
{
        jwt_t *jwt = NULL;
        bool accepted = jwt_decode(&jwt, token, (const unsigned char *) pem, (int) pem_len) == 0;

        jwt_free(jwt);
        return accepted;
}

/* ask: in a child; its exit code is the answer. */
static const char *ask(const char *path, const char *pem, size_t pem_len)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                size_t len;

                _exit(libjwt_accepts(read_file(path, &len), pem, pem_len) ? 0 : 1);
        }
        if (child < 0 || waitpid(child, &status, 0) != child)
                exit(2);
        if (!WIFEXITED(status))
                return "crashes";
        return WEXITSTATUS(status) == 0 ? "accepts" : "refuses";
}

int main(int argc, char **argv)
{
        size_t pem_len;

        if (argc < 2) {
                fprintf(stderr, "usage: libjwt_oracle PEM FILE...\n");
                return 2;
        }
        char *pem = read_file(argv[1], &pem_len);

        for (int i = 2; i < argc; i++)
                puts(ask(argv[i], pem, pem_len));
        free(pem);
        return 0;
}
