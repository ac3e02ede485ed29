/* asker: see asker.h. */
#include "asker.h"

#include "account.h"
#include "bypass.h"
#include "errand.h"
#include "where.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define QUESTION_SIZE_MAX 256
#define QUESTION_REST     " HTTP/1.1\r\nHost: authd\r\nConnection: close\r\n\r\n"
#define STATUS_OK         200
#define STATUS_NOT_FOUND  404

static _Atomic int64_t silent_until_usec;

static int take_body(struct wire_answer *answer, char **ret)
{
        if (answer->status == STATUS_NOT_FOUND)
                return ACCOUNT_E_NOT_FOUND;
        if (answer->status != STATUS_OK)
                return -EAGAIN;
        if (strlen(answer->body) != answer->body_size)
                return -EPROTO;
        *ret = answer->body;
        answer->body = NULL;
        return 0;
}

struct question {
        char bytes[QUESTION_SIZE_MAX];
        size_t size;
};

static bool add(struct question *question, const char *text)
{
        size_t size = strlen(text);

        if (size > sizeof(question->bytes) - question->size)
                return false;
        memcpy(question->bytes + question->size, text, size);
        question->size += size;
        return true;
}

static int ask(const char *door, const char *key, int64_t deadline_usec, char **ret)
{
        struct question question = { .size = 0 };
        struct wire_answer answer;
        int r;

        if (!add(&question, "GET ") || !add(&question, door) || !add(&question, key) ||
            !add(&question, QUESTION_REST))
                return -EINVAL;
        r = errand_run(where_socket(), question.bytes, question.size, deadline_usec, &answer);
        if (r < 0)
                return r;
        r = take_body(&answer, ret);
        wire_answer_deinit(&answer);
        return r;
}

int asker_ask(const char *door, const char *key, char **ret_body)
{
        int64_t now_usec = errand_now_usec();
        int cancelling;
        int r;

        if (bypass_is_on() || now_usec < atomic_load(&silent_until_usec))
                return -ECONNREFUSED;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
        r = ask(door, key, now_usec + ASKER_DEADLINE_USEC, ret_body);
        pthread_setcancelstate(cancelling, NULL);
        if (r < 0)
                asker_distrust();
        return r;
}

void asker_distrust(void)
{
        atomic_store(&silent_until_usec, errand_now_usec() + ASKER_SILENCE_USEC);
}
