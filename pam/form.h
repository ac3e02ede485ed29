/* form: a question to the daemon, application/x-www-form-urlencoded, in a buffer that is erased.
 *
 * Of a fixed size: nothing that was typed is left behind by a buffer that grew. libc only. */
#pragma once

#include <stddef.h>

#define FORM_HEAD_MAX 256
#define FORM_SIZE_MAX (64 * 1024)

struct form {
        char *bytes; /* FORM_HEAD_MAX for the head, then the body */
        size_t size; /* of the body */
        int trouble; /* a negative errno: something did not fit, or there is no memory */
};

void form_init(struct form *form);
/* form_add: value NULL: left out. */
void form_add(struct form *form, const char *name, const char *value);
/* form_finish: the whole request, head and body. 0 or form->trouble. */
int form_finish(struct form *form, const char *path, const char **ret_bytes, size_t *ret_size);
void form_deinit(struct form *form); /* erases */
