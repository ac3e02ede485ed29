/* fault: the ways in which an endpoint can be made to fail, for tests of whoever asks it. */
#pragma once

#include <stdbool.h>

#define FAULT_SLOW_SEC 2

typedef enum Fault {
        FAULT_NONE,
        FAULT_500,
        FAULT_503,
        FAULT_HANG,     /* no answer until the fault is taken away */
        FAULT_SLOW,     /* the right answer, FAULT_SLOW_SEC late */
        FAULT_HTML,     /* 200 with a page, as a proxy in between sends */
        FAULT_TRUNCATE, /* the first half of the right answer, declared whole */
        FAULT_RESET,    /* the connection ends in the middle of the answer */
        FAULT_EMPTY,    /* 200 without a body */
        _FAULT_MAX,
} Fault;

/* fault_from_word: "none", "500", "hang"…; false for any other. */
bool fault_from_word(const char *word, Fault *ret);
