#include "flight.h"

Flights *flights_new(void)
{
        Flights *flights = g_new0(Flights, 1);

        flights->by_token = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        flights->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return flights;
}

void flights_free(Flights *flights)
{
        if (!flights)
                return;
        g_hash_table_destroy(flights->by_token);
        g_hash_table_destroy(flights->seen);
        g_free(flights);
}

static unsigned count_of(const Flights *flights, const char *flight)
{
        return GPOINTER_TO_UINT(g_hash_table_lookup(flights->by_token, flight));
}

char *flights_begin(Flights *flights, const char *token)
{
        char *flight = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token ? token : "", -1);
        unsigned n = count_of(flights, flight) + 1;

        g_hash_table_insert(flights->by_token, g_strdup(flight), GUINT_TO_POINTER(n));
        if (g_hash_table_size(flights->seen) < FLIGHTS_SEEN_MAX)
                g_hash_table_add(flights->seen, g_strdup(flight));
        flights->now++;
        flights->peak = MAX(flights->peak, flights->now);
        flights->peak_token = MAX(flights->peak_token, n);
        return flight;
}

void flights_end(Flights *flights, char *flight)
{
        unsigned n = count_of(flights, flight);

        if (n > 1)
                g_hash_table_insert(flights->by_token, g_strdup(flight), GUINT_TO_POINTER(n - 1));
        else
                g_hash_table_remove(flights->by_token, flight);
        flights->now--;
        g_free(flight);
}

void flights_reset(Flights *flights)
{
        GHashTableIter iter;
        gpointer n;

        g_hash_table_remove_all(flights->seen);
        flights->peak = flights->now;
        flights->peak_token = 0;
        g_hash_table_iter_init(&iter, flights->by_token);
        while (g_hash_table_iter_next(&iter, NULL, &n))
                flights->peak_token = MAX(flights->peak_token, GPOINTER_TO_UINT(n));
}
