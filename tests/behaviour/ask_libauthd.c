/* ask_libauthd: "VERDICT REASON" of the token on stdin under a policy, through libauthd.
 *
 *     ask_libauthd POLICY <token */
#include <authd.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
        static char token[AUTHD_TOKEN_SIZE_MAX + 2];
        authd_verdict *verdict = NULL;
        authd *client;
        int r;

        if (argc != 2 || !fgets(token, sizeof(token), stdin))
                return 2;
        token[strcspn(token, "\n")] = '\0';
        r = authd_open(&client, NULL);
        if (r == 0) {
                r = authd_check(client, token, argv[1], &verdict);
                authd_close(client);
        }
        if (r == 0)
                printf("%s %s\n", authd_class_text(authd_verdict_class(verdict)),
                       authd_verdict_reason(verdict));
        else
                fprintf(stderr, "ask_libauthd: %s\n", authd_error_text(r));
        authd_verdict_free(verdict);
        return r == 0 ? 0 : 2;
}
