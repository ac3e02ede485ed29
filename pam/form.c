/* form: see form.h. */
#include "form.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_FORMAT                                                                                \
        "POST %s HTTP/1.1\r\n"                                                                     \
        "Host: authd\r\n"                                                                          \
        "Content-Type: application/x-www-form-urlencoded\r\n"                                      \
        "Content-Length: %zu\r\n"                                                                  \
        "Connection: close\r\n"                                                                    \
        "\r\n"

void form_init(struct form *form)
{
        *form = (struct form){ .bytes = malloc(FORM_HEAD_MAX + FORM_SIZE_MAX) };
        if (!form->bytes)
                form->trouble = -ENOMEM;
}

static void put(struct form *form, char byte)
{
        if (form->trouble)
                return;
        if (form->size == FORM_SIZE_MAX)
                form->trouble = -E2BIG;
        else
                form->bytes[FORM_HEAD_MAX + form->size++] = byte;
}

static bool is_plain(char byte)
{
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= '0' && byte <= '9') || strchr("-._*", byte);
}

static void put_encoded(struct form *form, const char *value)
{
        static const char digits[] = "0123456789ABCDEF";

        for (; *value; value++) {
                unsigned char byte = (unsigned char) *value;

                if (is_plain(*value)) {
                        put(form, *value);
                        continue;
                }
                put(form, '%');
                put(form, digits[byte >> 4]);
                put(form, digits[byte & 15]);
        }
}

void form_add(struct form *form, const char *name, const char *value)
{
        if (!value)
                return;
        if (form->size > 0)
                put(form, '&');
        put_encoded(form, name);
        put(form, '=');
        put_encoded(form, value);
}

int form_finish(struct form *form, const char *path, const char **ret_bytes, size_t *ret_size)
{
        char head[FORM_HEAD_MAX + 1];
        int size = snprintf(head, sizeof(head), HEAD_FORMAT, path, form->size);

        if (!form->trouble && (size < 0 || size > FORM_HEAD_MAX))
                form->trouble = -E2BIG;
        if (form->trouble)
                return form->trouble;
        memcpy(form->bytes + FORM_HEAD_MAX - size, head, (size_t) size);
        *ret_bytes = form->bytes + FORM_HEAD_MAX - size;
        *ret_size = (size_t) size + form->size;
        return 0;
}

void form_deinit(struct form *form)
{
        if (!form->bytes)
                return;
        explicit_bzero(form->bytes, FORM_HEAD_MAX + FORM_SIZE_MAX);
        free(form->bytes);
        form->bytes = NULL;
}
