/* numbers: see numbers.h. */
#include "users/numbers.h"

#include <string.h>

static int compare(gconstpointer a, gconstpointer b)
{
        uint32_t left = *(const uint32_t *) a, right = *(const uint32_t *) b;

        return (left > right) - (left < right);
}

GArray *numbers_new(void)
{
        return g_array_new(FALSE, FALSE, sizeof(uint32_t));
}

GArray *numbers_sort(GArray *numbers)
{
        guint n = 0;

        g_array_sort(numbers, compare);
        for (guint i = 0; i < numbers->len; i++) {
                uint32_t number = g_array_index(numbers, uint32_t, i);

                if (n == 0 || g_array_index(numbers, uint32_t, n - 1) != number)
                        g_array_index(numbers, uint32_t, n++) = number;
        }
        g_array_set_size(numbers, n);
        return numbers;
}

bool numbers_find(const GArray *numbers, uint32_t number, guint *ret_at)
{
        return g_array_binary_search((GArray *) numbers, &number, compare, ret_at);
}

bool numbers_keep(uint32_t **at, size_t n, const GArray *numbers)
{
        size_t size = numbers->len * sizeof(uint32_t);

        if (n == numbers->len && (size == 0 || memcmp(*at, numbers->data, size) == 0))
                return false;
        g_free(*at);
        *at = g_memdup2(numbers->data, size);
        return true;
}
