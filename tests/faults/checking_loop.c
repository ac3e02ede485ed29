/* checking_loop: a service that asks about tokens, again and again, and counts what it was told.
 *
 *     checking_loop SOCKET N_CONNECTIONS CHECKS_A_SECOND
 *
 * Standard input is lines. First the tokens, one a line: "PHASE POLICY METHOD OFFSET TOKEN": asked
 * from that phase on, in turn; METHOD may be "-"; with an OFFSET of 0 or more the characters there
 * are made anew for each question, so that every one names another kid. An empty line ends them.
 * Then each line prints what was told since the last one as JSON (a list by token of counts by
 * reason, and the times) and begins the next phase; the end of the input ends the program, once
 * everything asked was answered. What was not answered at all counts as "none". One thread. It does
 * not know which answers are right. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX  256
#define TOKENS_MAX       4096
#define TOKEN_SIZE_MAX   8192
#define REASONS_MAX      8
#define REASON_SIZE      32
#define ANSWER_SIZE_MAX  65536
#define ANSWER_USEC      10000000 /* later is no answer */
#define DIAL_USEC        20000    /* between two attempts where nobody listens */
#define BEHIND_USEC      20000    /* what a late question may be made up for */
#define STRANGER_GROUPS  8        /* of four characters: 24 random ones in the kid */
#define BUCKETS_A_DOUBLE 16
#define BUCKETS          (40 * BUCKETS_A_DOUBLE)
#define NO_ANSWER        "none"
#define NO_METHOD        "-"
#define USEC_A_SECOND    1000000

typedef struct Token {
        unsigned phase;
        char policy[64], method[16];
        long offset; /* -1: asked as it is */
        char *text;
        struct {
                char reason[REASON_SIZE];
                unsigned long n;
        } told[REASONS_MAX];
} Token;

typedef struct Connection {
        int fd;       /* -1: none */
        Token *token; /* NULL: nothing asked */
        int64_t since_usec;
        size_t size;
        char answer[ANSWER_SIZE_MAX + 1]; /* and a NUL, so that it can be searched */
} Connection;

typedef struct Loop {
        const char *path;
        Connection *connections;
        size_t n_connections, n_busy;
        Token tokens[TOKENS_MAX];
        size_t n_tokens, next;
        unsigned phase;
        int64_t pause_usec, next_usec;
        unsigned long buckets[BUCKETS];
        unsigned long worst_usec;
        bool ended;
} Loop;

static Loop loop;

static int64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * USEC_A_SECOND + now.tv_nsec / 1000;
}

/* Counting */

static void token_told(Token *token, const char *reason, size_t len)
{
        for (size_t i = 0; i < REASONS_MAX; i++) {
                if (token->told[i].n == 0)
                        snprintf(token->told[i].reason, REASON_SIZE, "%.*s", (int) len, reason);
                else if (strncmp(token->told[i].reason, reason, len) != 0 ||
                         token->told[i].reason[len])
                        continue;
                token->told[i].n++;
                return;
        }
        errx(1, "a token was told more than %d things", REASONS_MAX);
}

/* Buckets grow by a sixteenth of a doubling: a quantile is right within 5 %. */
static size_t bucket_of(unsigned long usec)
{
        size_t octave = 0;
        unsigned long base = 1;

        for (; base * 2 <= usec && octave < 39; octave++)
                base *= 2;
        return octave * BUCKETS_A_DOUBLE +
               (usec - base) * BUCKETS_A_DOUBLE / base % BUCKETS_A_DOUBLE;
}

static unsigned long bucket_usec(size_t bucket)
{
        unsigned long base = 1ul << (bucket / BUCKETS_A_DOUBLE);

        return base + base * (bucket % BUCKETS_A_DOUBLE + 1) / BUCKETS_A_DOUBLE;
}

static unsigned long quantile_usec(double part)
{
        unsigned long n = 0, seen = 0;

        for (size_t i = 0; i < BUCKETS; i++)
                n += loop.buckets[i];
        for (size_t i = 0; i < BUCKETS; i++) {
                seen += loop.buckets[i];
                if (seen && (double) seen >= part * (double) n)
                        return bucket_usec(i);
        }
        return 0;
}

static void took(int64_t usec)
{
        unsigned long time_usec = usec > 0 ? (unsigned long) usec : 1;

        loop.buckets[bucket_of(time_usec)]++;
        if (time_usec > loop.worst_usec)
                loop.worst_usec = time_usec;
}

static void print_told(Token *token)
{
        const char *comma = "";

        putchar('{');
        for (size_t i = 0; i < REASONS_MAX && token->told[i].n; i++) {
                printf("%s\"%s\":%lu", comma, token->told[i].reason, token->told[i].n);
                token->told[i].n = 0;
                comma = ",";
        }
        putchar('}');
}

static void mark(void)
{
        printf("{\"p50_usec\":%lu,\"p99_usec\":%lu,\"worst_usec\":%lu,\"tokens\":[",
               quantile_usec(0.5), quantile_usec(0.99), loop.worst_usec);
        for (size_t i = 0; i < loop.n_tokens; i++) {
                if (i > 0)
                        putchar(',');
                print_told(&loop.tokens[i]);
        }
        printf("]}\n");
        fflush(stdout);
        memset(loop.buckets, 0, sizeof(loop.buckets));
        loop.worst_usec = 0;
        loop.phase++;
}

/* Questions */

/* Three letters as base64url writes them, over each group: the header stays JSON. */
static void make_stranger(char *at)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
        static const char base64[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned char random[3 * STRANGER_GROUPS];

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                err(1, "getrandom");
        for (size_t i = 0; i < STRANGER_GROUPS; i++) {
                unsigned bits = 0;

                for (size_t j = 0; j < 3; j++)
                        bits = bits << 8 | (unsigned char) letters[random[3 * i + j] % 32];
                for (size_t j = 0; j < 4; j++)
                        at[4 * i + j] = base64[bits >> (18 - 6 * j) & 63];
        }
}

/* The next in turn whose phase has begun; NULL: none has. */
static Token *next_token(void)
{
        for (size_t i = 0; i < loop.n_tokens; i++) {
                Token *token = &loop.tokens[loop.next];

                loop.next = (loop.next + 1) % loop.n_tokens;
                if (token->phase <= loop.phase)
                        return token;
        }
        return NULL;
}

static bool dial(Connection *connection)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (connection->fd >= 0)
                return true;
        if (strlen(loop.path) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", loop.path);
        strcpy(address.sun_path, loop.path);
        connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(connection->fd, (const struct sockaddr *) &address, sizeof(address)) == 0)
                return true;
        close(connection->fd);
        connection->fd = -1;
        return false;
}

static void hang_up(Connection *connection)
{
        close(connection->fd);
        connection->fd = -1;
}

static void done(Connection *connection, const char *reason, size_t len)
{
        token_told(connection->token, reason, len);
        took(now_usec() - connection->since_usec);
        connection->token = NULL;
        loop.n_busy--;
}

static void unanswered(Connection *connection)
{
        done(connection, NO_ANSWER, strlen(NO_ANSWER));
        hang_up(connection);
}

static void ask(Connection *connection, Token *token)
{
        char body[TOKEN_SIZE_MAX + 256], request[TOKEN_SIZE_MAX + 512];
        bool told = strcmp(token->method, NO_METHOD) != 0;
        int body_size, size;

        connection->token = token;
        connection->since_usec = now_usec();
        connection->size = 0;
        loop.n_busy++;
        if (!dial(connection)) {
                done(connection, NO_ANSWER, strlen(NO_ANSWER));
                loop.next_usec = now_usec() + DIAL_USEC;
                return;
        }
        if (token->offset >= 0)
                make_stranger(token->text + token->offset);
        body_size = snprintf(body, sizeof(body), "{\"token\":\"%s\",\"policy\":\"%s\"%s%s%s}",
                             token->text, token->policy, told ? ",\"method\":\"" : "",
                             told ? token->method : "", told ? "\"" : "");
        size = snprintf(
            request, sizeof(request),
            "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n%s",
            body_size, body);
        if (send(connection->fd, request, (size_t) size, MSG_NOSIGNAL) != size)
                unanswered(connection);
}

/* Asks as often as the clock wants and connections are free. */
static void ask_all(void)
{
        for (size_t i = 0; i < loop.n_connections && !loop.ended; i++) {
                int64_t now = now_usec();
                Token *token;

                if (loop.connections[i].token)
                        continue;
                if (loop.next_usec > now || !(token = next_token()))
                        return;
                if (loop.next_usec < now - BEHIND_USEC)
                        loop.next_usec = now - BEHIND_USEC;
                loop.next_usec += loop.pause_usec;
                ask(&loop.connections[i], token);
        }
}

/* Answers */

static bool answer_is_whole(const Connection *connection)
{
        const char *body = strstr(connection->answer, "\r\n\r\n");
        const char *length = body ? strcasestr(connection->answer, "\r\nContent-Length:") : NULL;

        return length && length < body &&
               connection->size >= (size_t) (body + 4 - connection->answer) +
                                       strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

/* The first "reason" is the answer's own: it stands before the claims. */
static void judge(Connection *connection)
{
        static const char mark[] = "\"reason\":\"";
        const char *reason = strstr(connection->answer, mark);
        const char *end = reason ? strchr(reason + strlen(mark), '"') : NULL;

        if (!end)
                errx(1, "not an answer: %.400s", connection->answer);
        reason += strlen(mark);
        done(connection, reason, (size_t) (end - reason));
}

static void hear(Connection *connection)
{
        ssize_t n = recv(connection->fd, connection->answer + connection->size,
                         ANSWER_SIZE_MAX - connection->size, 0);

        if (n <= 0) {
                unanswered(connection);
                return;
        }
        connection->size += (size_t) n;
        connection->answer[connection->size] = '\0';
        if (answer_is_whole(connection))
                judge(connection);
}

static void give_up_late(void)
{
        for (size_t i = 0; i < loop.n_connections; i++)
                if (loop.connections[i].token &&
                    now_usec() - loop.connections[i].since_usec > ANSWER_USEC)
                        unanswered(&loop.connections[i]);
}

/* Commands */

static void read_tokens(void)
{
        static char line[TOKEN_SIZE_MAX + 256], text[TOKEN_SIZE_MAX];

        while (fgets(line, sizeof(line), stdin) && line[0] != '\n') {
                Token *token = &loop.tokens[loop.n_tokens];

                if (loop.n_tokens == TOKENS_MAX)
                        errx(2, "more than %d tokens", TOKENS_MAX);
                if (sscanf(line, "%u %63s %15s %ld %8191s", &token->phase, token->policy,
                           token->method, &token->offset, text) != 5)
                        errx(2, "not a token's line: %.80s", line);
                token->text = strdup(text);
                loop.n_tokens++;
        }
}

static void obey(void)
{
        char words[64];
        ssize_t n = read(STDIN_FILENO, words, sizeof(words));

        if (n <= 0)
                loop.ended = true;
        for (ssize_t i = 0; i < n; i++)
                if (words[i] == '\n')
                        mark();
}

/* Waits for an answer, a command or the next question's time. */
static void wait_and_hear(void)
{
        struct pollfd polled[CONNECTIONS_MAX + 1] = { { .fd = loop.ended ? -1 : STDIN_FILENO,
                                                        .events = POLLIN } };
        bool idle = loop.n_busy < loop.n_connections && !loop.ended;
        int64_t wait_usec = idle ? loop.next_usec - now_usec() : USEC_A_SECOND;
        struct timespec wait = { 0 };

        if (wait_usec > 0)
                wait = (struct timespec){ wait_usec / USEC_A_SECOND,
                                          wait_usec % USEC_A_SECOND * 1000 };
        for (size_t i = 0; i < loop.n_connections; i++)
                polled[i + 1] =
                    (struct pollfd){ loop.connections[i].token ? loop.connections[i].fd : -1,
                                     POLLIN, 0 };
        if (ppoll(polled, loop.n_connections + 1, &wait, NULL) < 0 && errno != EINTR)
                err(1, "ppoll");
        if (polled[0].revents)
                obey();
        for (size_t i = 0; i < loop.n_connections; i++)
                if (polled[i + 1].revents)
                        hear(&loop.connections[i]);
}

int main(int argc, char **argv)
{
        long n_connections = argc == 4 ? atol(argv[2]) : 0, rate = argc == 4 ? atol(argv[3]) : 0;

        if (n_connections < 1 || n_connections > CONNECTIONS_MAX || rate < 1)
                errx(2, "checking_loop SOCKET N_CONNECTIONS CHECKS_A_SECOND");
        setvbuf(stdin, NULL, _IONBF, 0); /* what follows the tokens is for poll */
        loop.path = argv[1];
        loop.n_connections = (size_t) n_connections;
        loop.pause_usec = USEC_A_SECOND / rate;
        loop.connections = calloc(loop.n_connections, sizeof(Connection));
        if (!loop.connections)
                err(1, "connections");
        for (size_t i = 0; i < loop.n_connections; i++)
                loop.connections[i].fd = -1;
        read_tokens();
        loop.next_usec = now_usec();
        while (!loop.ended || loop.n_busy > 0) {
                ask_all();
                wait_and_hear();
                give_up_late();
        }
        mark();
        return 0;
}
