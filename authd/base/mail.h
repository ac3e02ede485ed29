/* mail: letters between threads.
 *
 * State has one thread; whoever wants something of it posts a letter to that thread's mailbox and
 * goes on. Letters of one sender arrive in order. A mailbox belongs to one GMainContext, whose
 * thread delivers; posting is for any thread. After mailbox_close, and for letters still in the
 * box, discard is called instead of deliver, on the closing or posting thread. */
#pragma once

#include <glib.h>

typedef struct Mailbox Mailbox;
typedef void (*MailFunc)(void *letter);

/* The holder of the first reference is the owner, on the context's thread, and closes before it
 * drops it when others may still post. */
Mailbox *mailbox_new(GMainContext *context);
Mailbox *mailbox_ref(Mailbox *mailbox);
void mailbox_unref(Mailbox *mailbox);
void mailbox_close(Mailbox *mailbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mailbox, mailbox_unref)

/* mailbox_post: deliver owns the letter; discard (may be NULL) frees one that nobody read. */
void mailbox_post(Mailbox *mailbox, MailFunc deliver, void *letter, MailFunc discard);
