/* mail: see mail.h. A queue under one lock, an eventfd that wakes the owner's loop, a GSource.
 *
 * The source takes the whole queue as a batch and delivers without the lock, so a letter's function
 * may post, close or drop the mailbox. What it posts waits for the next turn of the loop, and a
 * turn delivers at most MAIL_TURN_MAX: other sources are not starved by a busy sender. */
#include "base/mail.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAIL_TURN_MAX 256

typedef struct Letter {
        GList link; /* link.data is the letter itself: one allocation each */
        MailFunc deliver;
        MailFunc discard;
        void *content;
} Letter;

struct Mailbox {
        atomic_uint n_refs;
        int event_fd;
        GSource *source;
        GMutex lock;  /* queue, closed */
        GQueue queue; /* posted */
        GQueue batch; /* being delivered; the owner's thread only */
        bool closed;
};

typedef struct MailSource {
        GSource source;
        Mailbox *mailbox; /* borrowed: mailbox_close destroys the source first */
        void *fd_tag;
} MailSource;

/* wake: an eventfd's write blocks only at 2^64 - 2 wake-ups unread, and then it is awake anyway. */
static void wake(Mailbox *mailbox)
{
        uint64_t one = 1;

        while (write(mailbox->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

static void fall_asleep(Mailbox *mailbox)
{
        uint64_t count;

        while (read(mailbox->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
                ;
}

static Letter *pop_letter(GQueue *queue)
{
        GList *link = g_queue_pop_head_link(queue);

        return link ? link->data : NULL;
}

static void deliver_letter(Letter *letter)
{
        letter->deliver(letter->content);
        g_free(letter);
}

static void discard_letter(Letter *letter)
{
        if (letter->discard)
                letter->discard(letter->content);
        g_free(letter);
}

static void discard_all(GQueue *queue)
{
        Letter *letter;

        while ((letter = pop_letter(queue)))
                discard_letter(letter);
}

static gboolean source_prepare(GSource *source, gint *ret_timeout_ms)
{
        Mailbox *mailbox = ((MailSource *) source)->mailbox;

        *ret_timeout_ms = -1;
        return !g_queue_is_empty(&mailbox->batch);
}

static gboolean source_check(GSource *source)
{
        MailSource *mail = (MailSource *) source;

        return !g_queue_is_empty(&mail->mailbox->batch) ||
               g_source_query_unix_fd(source, mail->fd_tag) != 0;
}

/* take_batch: sleeping and emptying go together under the lock, so that no wake-up is lost. */
static void take_batch(Mailbox *mailbox)
{
        g_mutex_lock(&mailbox->lock);
        fall_asleep(mailbox);
        mailbox->batch = mailbox->queue;
        g_queue_init(&mailbox->queue);
        g_mutex_unlock(&mailbox->lock);
}

static gboolean source_dispatch(GSource *source, GSourceFunc unused, gpointer userdata)
{
        /* A letter may drop the last reference but ours; what is left is then discarded. */
        g_autoptr(Mailbox) mailbox = mailbox_ref(((MailSource *) source)->mailbox);
        Letter *letter;

        if (g_queue_is_empty(&mailbox->batch))
                take_batch(mailbox);
        for (size_t n = 0; n < MAIL_TURN_MAX && atomic_load(&mailbox->n_refs) > 1; n++) {
                letter = pop_letter(&mailbox->batch);
                if (!letter)
                        break;
                deliver_letter(letter);
        }
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {
        .prepare = source_prepare,
        .check = source_check,
        .dispatch = source_dispatch,
};

static GSource *source_new(Mailbox *mailbox, GMainContext *context)
{
        GSource *source = g_source_new(&source_functions, sizeof(MailSource));
        MailSource *mail = (MailSource *) source;

        mail->mailbox = mailbox;
        mail->fd_tag = g_source_add_unix_fd(source, mailbox->event_fd, G_IO_IN);
        g_source_set_static_name(source, "mailbox");
        g_source_set_can_recurse(source, TRUE); /* spares the loop three system calls a dispatch */
        g_source_attach(source, context);
        return source;
}

Mailbox *mailbox_new(GMainContext *context)
{
        Mailbox *mailbox = g_new0(Mailbox, 1);

        atomic_init(&mailbox->n_refs, 1);
        mailbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (mailbox->event_fd < 0)
                g_error("mailbox: no eventfd: %s", g_strerror(errno));
        g_mutex_init(&mailbox->lock);
        g_queue_init(&mailbox->queue);
        g_queue_init(&mailbox->batch);
        mailbox->source = source_new(mailbox, context);
        return mailbox;
}

Mailbox *mailbox_ref(Mailbox *mailbox)
{
        atomic_fetch_add_explicit(&mailbox->n_refs, 1, memory_order_relaxed);
        return mailbox;
}

void mailbox_unref(Mailbox *mailbox)
{
        if (!mailbox || atomic_fetch_sub_explicit(&mailbox->n_refs, 1, memory_order_acq_rel) > 1)
                return;
        mailbox_close(mailbox);
        close(mailbox->event_fd);
        g_mutex_clear(&mailbox->lock);
        g_free(mailbox);
}

/* mailbox_close: closed before the letters are taken, so that nobody can post behind our back. */
void mailbox_close(Mailbox *mailbox)
{
        GQueue unread;
        GSource *source;

        g_mutex_lock(&mailbox->lock);
        mailbox->closed = true;
        unread = mailbox->queue;
        g_queue_init(&mailbox->queue);
        source = g_steal_pointer(&mailbox->source);
        g_mutex_unlock(&mailbox->lock);

        if (source) {
                g_source_destroy(source);
                g_source_unref(source);
        }
        discard_all(&mailbox->batch);
        discard_all(&unread);
}

/* push: false when closed. Only the first letter in an empty box needs to wake the owner. */
static bool push(Mailbox *mailbox, Letter *letter)
{
        bool open;

        g_mutex_lock(&mailbox->lock);
        open = !mailbox->closed;
        if (open) {
                g_queue_push_tail_link(&mailbox->queue, &letter->link);
                if (mailbox->queue.length == 1)
                        wake(mailbox);
        }
        g_mutex_unlock(&mailbox->lock);
        return open;
}

void mailbox_post(Mailbox *mailbox, MailFunc deliver, void *letter, MailFunc discard)
{
        Letter *posted = g_new0(Letter, 1);

        posted->link.data = posted;
        posted->deliver = deliver;
        posted->discard = discard;
        posted->content = letter;
        if (!push(mailbox, posted))
                discard_letter(posted);
}
