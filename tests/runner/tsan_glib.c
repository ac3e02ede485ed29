/* tsan_glib: tells ThreadSanitizer of GLib's locks.
 *
 * GLib is not instrumented and its GMutex is a futex of its own, so ThreadSanitizer would take all
 * that a GMutex protects for races. This library is preloaded by the suite tsan; it stands before
 * GLib's functions, calls them, and says what they order. Nothing is silenced by it, and there is
 * no file of suppressions: a lock that is not taken is still a race. */
#include <dlfcn.h>
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

/* Of libtsan (sanitizer/tsan_interface.h); absent in a process that is not instrumented. */
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);
__attribute__((weak)) void __tsan_mutex_pre_lock(void *address, unsigned flags);
__attribute__((weak)) void __tsan_mutex_post_lock(void *address, unsigned flags, int recursion);
__attribute__((weak)) int __tsan_mutex_pre_unlock(void *address, unsigned flags);
__attribute__((weak)) void __tsan_mutex_post_unlock(void *address, unsigned flags);
__attribute__((weak)) void __tsan_mutex_destroy(void *address, unsigned flags);
__attribute__((weak)) void AnnotateIgnoreReadsBegin(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreReadsEnd(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesBegin(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesEnd(const char *file, int line);

enum { TSAN_TRY_LOCK = 1 << 4, TSAN_TRY_LOCK_FAILED = 1 << 5 };

/* find: GLib's own function of that name, into the pointer at place; looked up once. */
static void find(void *place, const char *name)
{
        if (!*(void **) place)
                *(void **) place = dlsym(RTLD_NEXT, name);
}

static void acquire(void *address)
{
        if (__tsan_acquire)
                __tsan_acquire(address);
}

static void release(void *address)
{
        if (__tsan_release)
                __tsan_release(address);
}

/* watch: whether what this thread reads and writes is looked at. */
static void watch(bool on)
{
        if (!AnnotateIgnoreReadsBegin)
                return;
        if (on) {
                AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
                AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
        } else {
                AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
                AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
        }
}

void g_mutex_lock(GMutex *mutex)
{
        static __typeof__(g_mutex_lock) *real;
        find(&real, "g_mutex_lock");
        if (__tsan_mutex_pre_lock)
                __tsan_mutex_pre_lock(mutex, 0);
        real(mutex);
        if (__tsan_mutex_post_lock)
                __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
        static __typeof__(g_mutex_trylock) *real;
        find(&real, "g_mutex_trylock");
        if (__tsan_mutex_pre_lock)
                __tsan_mutex_pre_lock(mutex, TSAN_TRY_LOCK);
        gboolean locked = real(mutex);
        if (__tsan_mutex_post_lock)
                __tsan_mutex_post_lock(mutex, TSAN_TRY_LOCK | (locked ? 0 : TSAN_TRY_LOCK_FAILED),
                                       0);
        return locked;
}

void g_mutex_unlock(GMutex *mutex)
{
        static __typeof__(g_mutex_unlock) *real;
        find(&real, "g_mutex_unlock");
        if (__tsan_mutex_pre_unlock)
                __tsan_mutex_pre_unlock(mutex, 0);
        real(mutex);
        if (__tsan_mutex_post_unlock)
                __tsan_mutex_post_unlock(mutex, 0);
}

void g_mutex_clear(GMutex *mutex)
{
        static __typeof__(g_mutex_clear) *real;
        find(&real, "g_mutex_clear");
        real(mutex);
        if (__tsan_mutex_destroy)
                __tsan_mutex_destroy(mutex, 0);
}

/* A wait gives the mutex away and takes it again. */
void g_cond_wait(GCond *cond, GMutex *mutex)
{
        static __typeof__(g_cond_wait) *real;
        find(&real, "g_cond_wait");
        if (__tsan_mutex_pre_unlock)
                __tsan_mutex_pre_unlock(mutex, 0), __tsan_mutex_post_unlock(mutex, 0);
        real(cond, mutex);
        if (__tsan_mutex_pre_lock)
                __tsan_mutex_pre_lock(mutex, 0), __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
        static __typeof__(g_cond_wait_until) *real;
        find(&real, "g_cond_wait_until");
        if (__tsan_mutex_pre_unlock)
                __tsan_mutex_pre_unlock(mutex, 0), __tsan_mutex_post_unlock(mutex, 0);
        gboolean woken = real(cond, mutex, end_time);
        if (__tsan_mutex_pre_lock)
                __tsan_mutex_pre_lock(mutex, 0), __tsan_mutex_post_lock(mutex, 0, 0);
        return woken;
}

/* The last one out must have seen all that the others did with the object. */
gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
        static __typeof__(g_atomic_ref_count_dec) *real;
        find(&real, "g_atomic_ref_count_dec");
        release(count);
        gboolean last = real(count);

        if (last)
                acquire(count);
        return last;
}

/* Who finds the location set sees all that was done before it was set. */
void(g_once_init_leave)(volatile void *location, gsize result)
{
        static __typeof__(g_once_init_leave) *real;
        find(&real, "g_once_init_leave");
        release((void *) location);
        real(location, result);
}

gboolean(g_once_init_enter)(volatile void *location)
{
        static __typeof__(g_once_init_enter) *real;
        find(&real, "g_once_init_enter");
        gboolean ours = real(location);

        if (!ours)
                acquire((void *) location);
        return ours;
}

/* GLib's table of interned strings has a lock of its own; here it is one that is seen. */
const gchar *g_intern_string(const gchar *string)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static __typeof__(g_intern_string) *real;
        find(&real, "g_intern_string");
        const gchar *interned;

        pthread_mutex_lock(&lock);
        interned = real(string);
        pthread_mutex_unlock(&lock);
        return interned;
}

/* What another thread is asked to do sees what was done before it was asked. */
typedef struct Invocation {
        GSourceFunc function;
        gpointer argument;
} Invocation;

static gboolean invoke(gpointer userdata)
{
        Invocation *invocation = userdata;

        acquire(invocation);
        return invocation->function(invocation->argument);
}

/* Not by the context's own thread, whose function would run at once and unwatched. GLib frees its
 * source on the other thread, ordered by a lock of its own: not to be looked at. */
void g_main_context_invoke(GMainContext *context, GSourceFunc function, gpointer argument)
{
        static __typeof__(g_main_context_invoke_full) *real;
        find(&real, "g_main_context_invoke_full");
        Invocation *invocation = g_new(Invocation, 1);

        *invocation = (Invocation){ function, argument };
        release(invocation);
        watch(false);
        real(context, G_PRIORITY_DEFAULT, invoke, invocation, g_free);
        watch(true);
}

/* A job of a thread pool sees what was done before it was pushed, and who waited for the pool's end
 * sees what its jobs did. */
typedef struct Pool {
        GFunc work;
        gpointer userdata;
} Pool;

static void pool_work(gpointer job, gpointer userdata)
{
        Pool *pool = userdata;

        acquire(job);
        pool->work(job, pool->userdata);
        release(pool);
}

GThreadPool *g_thread_pool_new(GFunc work, gpointer userdata, gint n_max, gboolean exclusive,
                               GError **error)
{
        static __typeof__(g_thread_pool_new) *real;
        find(&real, "g_thread_pool_new");
        Pool *pool = g_new(Pool, 1);

        *pool = (Pool){ work, userdata };
        return real(pool_work, pool, n_max, exclusive, error);
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer job, GError **error)
{
        static __typeof__(g_thread_pool_push) *real;
        find(&real, "g_thread_pool_push");
        gboolean pushed;

        release(job);
        watch(false); /* its queue is ordered by a lock of its own */
        pushed = real(pool, job, error);
        watch(true);
        return pushed;
}

void g_thread_pool_free(GThreadPool *pool, gboolean at_once, gboolean wait)
{
        static __typeof__(g_thread_pool_free) *real;
        find(&real, "g_thread_pool_free");
        Pool *ours = pool->user_data;

        watch(false); /* likewise */
        real(pool, at_once, wait);
        watch(true);
        if (!wait)
                return; /* it may be at work yet */
        acquire(ours);
        g_free(ours);
}
