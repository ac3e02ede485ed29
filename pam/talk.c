/* talk: see talk.h. */
#include "talk.h"

#include "errand.h"

#include <errno.h>
#include <string.h>

#define USEC_PER_SEC INT64_C(1000000)
#define STATUS_OK    200

int talk_ask(const struct talk *talk, const char *path, struct form *form, struct reply *ret)
{
        int64_t deadline_usec = errand_now_usec() + talk->timeout_sec * USEC_PER_SEC;
        struct wire_answer answer;
        const char *bytes;
        size_t size;
        int r;

        memset(ret, 0, sizeof(*ret));
        r = form_finish(form, path, &bytes, &size);
        if (r == 0)
                r = errand_run(talk->socket_path, bytes, size, deadline_usec, &answer);
        if (r < 0)
                return r;
        r = answer.status == STATUS_OK ? reply_read(answer.body, answer.body_size, ret) : -EPROTO;
        wire_answer_deinit(&answer);
        return r;
}
