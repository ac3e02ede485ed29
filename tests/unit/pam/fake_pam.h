/* fake_pam: libpam and the daemon as pam_authd sees them, in this process, to be made to fail.
 *
 * What the module calls of libc (sockets, memory, files) and of libpam is counted, and the one
 * whose turn it is fails as the real one might. The daemon's replies are scripted. So each single
 * failure of a conversation can be had, and had again. The real ones are met in tests/pam. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <security/pam_modules.h>

#define FAKE_REPLIES_MAX 8
#define FAKE_HANDLE      ((pam_handle_t *) "handle") /* nobody looks into it */

typedef enum FakeSpoil {
        SPOIL_NOTHING,
        SPOIL_GARBAGE,  /* bytes that are no HTTP */
        SPOIL_ERROR,    /* 500 */
        SPOIL_SILENCE,  /* nothing until the time is over */
        SPOIL_CUT,      /* the first half, then the end */
        SPOIL_EMPTY,    /* 200 without a body */
        SPOIL_TWICE,    /* each line twice */
        SPOIL_UNKNOWN,  /* a key that nobody knows */
        SPOIL_NUL,      /* a NUL in it */
        SPOIL_OTHERS,   /* about another user */
        SPOIL_REFUSED,  /* denied instead */
        SPOIL_NOT_OURS, /* not_ours instead */
        _SPOIL_MAX,
} FakeSpoil;

typedef struct FakePam {
        const char *user;       /* PAM_USER */
        const char *user_later; /* what it is after the first prompt; NULL: the same */
        const char *service;
        const char *replies[FAKE_REPLIES_MAX]; /* lines, in turn; NULL ends */
        const char *typed;                     /* the answer to each prompt */
        unsigned spoiled;                      /* which reply, from 1; 0: none */
        FakeSpoil spoil;
        unsigned failing; /* which call fails, from 1; 0: none */
        /* What happened. */
        unsigned n_calls;
        const char *failed; /* the name of the call that was made to fail */
        unsigned n_asked;
        GString *shown; /* messages, a line each, behind P: e: I: E: */
        GString *sent;  /* all questions' bodies */
        int n_open;     /* descriptors opened less closed */
        int n_held;     /* blocks of memory */
        char *data;     /* of pam_set_data */
} FakePam;

void fake_pam_begin(FakePam *fake); /* from now on it is the one; FakePam's first half is set */
void fake_pam_end(FakePam *fake);
