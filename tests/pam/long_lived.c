/* long_lived: an application that lives on and has many people log in, one after the other.
 *
 *   long_lived SERVICE USER CONVERSATIONS <TOKEN
 *
 * Each conversation is a whole one: pam_start, authenticate with the line of standard input at each
 * prompt that does not echo, acct_mgmt, open_session, close_session, pam_end. Says what it has left
 * of descriptors and memory after the first tenth and at the end, and what of its own processor
 * time a call of the module took (all of them wait for the daemon besides):
 *
 *   allowed N refused N fds N N heap_kib N N call_usec N */
#include <dirent.h>
#include <malloc.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_SIZE 16384
#define CALLS         4 /* of a conversation */

static char line[LINE_MAX_SIZE];

static int answer(int n, const struct pam_message **messages, struct pam_response **ret,
                  void *userdata)
{
        struct pam_response *responses = calloc((size_t) n, sizeof(*responses));

        (void) userdata;
        if (!responses)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++)
                if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
                        responses[i].resp = strdup(line);
                else if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
                        responses[i].resp = strdup("");
        *ret = responses;
        return PAM_SUCCESS;
}

static int converse(const char *service, const char *user)
{
        static const struct pam_conv conv = { answer, NULL };
        pam_handle_t *pamh = NULL;
        int r = pam_start(service, user, &conv, &pamh);

        if (r == PAM_SUCCESS)
                r = pam_authenticate(pamh, 0);
        if (r == PAM_SUCCESS)
                r = pam_acct_mgmt(pamh, 0);
        if (r == PAM_SUCCESS) {
                r = pam_open_session(pamh, 0);
                pam_close_session(pamh, 0);
        }
        pam_end(pamh, r);
        return r;
}

static size_t n_fds(void)
{
        DIR *folder = opendir("/proc/self/fd");
        size_t n = 0;

        while (folder && readdir(folder))
                n++;
        if (folder)
                closedir(folder);
        return n;
}

static size_t heap_kib(void)
{
        return mallinfo2().uordblks / 1024;
}

static long long cpu_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
        size_t n_all, n_first, n_allowed = 0, n_refused = 0, fds = 0, heap = 0;
        long long begun = 0;

        if (argc != 4 || !fgets(line, sizeof(line), stdin))
                return 2;
        line[strcspn(line, "\n")] = '\0';
        n_all = strtoul(argv[3], NULL, 10);
        n_first = n_all > 9 ? n_all / 10 : 1;
        for (size_t i = 0; i < n_all; i++) {
                if (i == n_first) {
                        fds = n_fds();
                        heap = heap_kib();
                        begun = cpu_usec();
                }
                if (converse(argv[1], argv[2]) == PAM_SUCCESS)
                        n_allowed++;
                else
                        n_refused++;
        }
        printf("allowed %zu refused %zu fds %zu %zu heap_kib %zu %zu call_usec %lld\n", n_allowed,
               n_refused, fds, n_fds(), heap, heap_kib(),
               (cpu_usec() - begun) / (long long) ((n_all - n_first) * CALLS));
        return n_refused > 0;
}
