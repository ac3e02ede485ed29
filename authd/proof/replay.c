/* replay: see replay.h. A slot whose time is over is free. */
#include "proof/replay.h"

#include "base/secret.h"

#define SET_SLOTS 64 /* half full on average, one in ten million overflows */
#define SHARDS    64

typedef struct Slot {
        uint64_t tag;
        int64_t until_sec;
} Slot;

struct Replay {
        size_t n_sets;
        Slot *slots;
        GMutex locks[SHARDS];
};

Replay *replay_new(size_t n_slots)
{
        Replay *replay = g_new0(Replay, 1);
        size_t n = SET_SLOTS * SHARDS;

        while (n < n_slots && n < REPLAY_SLOTS_MAX)
                n *= 2;
        replay->n_sets = n / SET_SLOTS;
        replay->slots = g_new0(Slot, n);
        for (size_t i = 0; i < SHARDS; i++)
                g_mutex_init(&replay->locks[i]);
        return replay;
}

void replay_free(Replay *replay)
{
        if (!replay)
                return;
        for (size_t i = 0; i < SHARDS; i++)
                g_mutex_clear(&replay->locks[i]);
        g_free(replay->slots);
        g_free(replay);
}

/* Both hashed first: together they are of a fixed size, and no id can reach into the owner. */
static void hash_of(Span owner, Span id, uint64_t *ret_set, uint64_t *ret_tag)
{
        Fingerprint parts[2], whole;

        fingerprint_of(owner, &parts[0]);
        fingerprint_of(id, &parts[1]);
        fingerprint_of(span_of(parts, sizeof(parts)), &whole);
        memcpy(ret_set, whole.bytes, sizeof(*ret_set));
        memcpy(ret_tag, whole.bytes + sizeof(*ret_set), sizeof(*ret_tag));
}

static int set_note(Slot *set, uint64_t tag, int64_t now_sec, int64_t until_sec)
{
        Slot *spare = NULL;

        for (size_t i = 0; i < SET_SLOTS; i++) {
                if (set[i].until_sec <= now_sec)
                        spare = &set[i];
                else if (set[i].tag == tag)
                        return REPLAY_E_SEEN;
        }
        if (!spare)
                return REPLAY_E_FULL;
        *spare = (Slot){ tag, until_sec };
        return 0;
}

int replay_note(Replay *replay, Span owner, Span id, int64_t now_sec, int64_t until_sec)
{
        uint64_t hash, tag;
        size_t index;
        int r;

        hash_of(owner, id, &hash, &tag);
        index = hash & (replay->n_sets - 1);
        g_mutex_lock(&replay->locks[index % SHARDS]);
        r = set_note(replay->slots + index * SET_SLOTS, tag, now_sec, until_sec);
        g_mutex_unlock(&replay->locks[index % SHARDS]);
        return r;
}
