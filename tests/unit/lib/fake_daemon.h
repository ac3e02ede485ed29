/* fake_daemon: a fake of authd for libauthd's tests: a child process that answers at a Unix socket
 * with whatever its script says, so that it can be stopped, killed, or run as somebody else.
 *
 * It judges nothing. The real daemon is asked by the behaviour tests. */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef enum FakeEnd {
        FAKE_KEEPS,  /* the connection stays open after the answer */
        FAKE_CLOSES, /* without saying so before */
        FAKE_DIES,   /* the process kills itself */
        FAKE_STOPS,  /* the process stops itself, as by SIGSTOP */
} FakeEnd;

typedef struct FakeScript {
        const char *answer; /* the bytes; NULL: a yes whose claim sub is the token */
        gssize answer_size; /* of it; 0: up to its NUL */
        gsize n_sent;       /* only so many bytes of it; 0: all */
        gsize slice;        /* bytes at a time; 0: all at once */
        guint pause_usec;   /* before each */
        gboolean silent;    /* no answer at all, and nothing after it */
        guint n_dropped;    /* the first questions: closed unanswered, whatever else stands here */
        FakeEnd end;
        uid_t uid;          /* who it is; 0: the test's own */
        const char *parent; /* of its folder; NULL: the temporary one */
        uid_t folder_uid;   /* whose the folder is; 0: the test's own */
} FakeScript;

typedef struct Fake Fake;

Fake *fake_new(const FakeScript *script);
const char *fake_path(const Fake *fake);
guint fake_n_connections(const Fake *fake);              /* accepted */
guint fake_n_questions(const Fake *fake);                /* read in full */
guint fake_n_open(const Fake *fake);                     /* accepted and not ended */
void fake_kill(Fake *fake);                              /* the process; the socket's file stays */
void fake_restart(Fake *fake, const FakeScript *script); /* at the same path */
void fake_free(Fake *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fake, fake_free)
