/* replay: which proofs were seen already, by hash, for as long as each could be used again.
 *
 * Of a fixed size, in sets; a set that is full of proofs still in their time takes no more, and
 * whoever comes then is refused: memory is bounded and nothing is let through unseen. Sharded, a
 * lock a shard. Any thread; time is passed in. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

#define REPLAY_SLOTS_DEFAULT (256 * 1024) /* 16 bytes each: about 2000 proofs a second */
#define REPLAY_SLOTS_MAX     (8 * 1024 * 1024)

typedef enum ReplayAnswer {
        REPLAY_E_SEEN = 1,
        REPLAY_E_FULL, /* whether it was seen could not be kept */
} ReplayAnswer;

typedef struct Replay Replay;

Replay *replay_new(size_t n_slots); /* rounded up to a power of two */
void replay_free(Replay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replay, replay_free)
/* replay_note: 0 when id of this owner was not seen, and is remembered until until_sec. */
int replay_note(Replay *replay, Span owner, Span id, int64_t now_sec, int64_t until_sec);
