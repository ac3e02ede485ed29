/* Addresses: which are one when they are counted. */
#include "base/address.h"

#include <glib.h>

typedef struct Row {
        const char *sentence, *text, *network;
} Row;

static const Row rows[] = {
        { "an IPv4 address is itself", "192.0.2.7", "192.0.2.7" },
        { "one mapped into IPv6 is the same", "::ffff:192.0.2.7", "192.0.2.7" },
        { "an IPv6 address is its network", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
        { "also in capitals", "2001:DB8:1:2::1", "2001:db8:1:2::" },
        { "another network is another", "2001:db8:1:3::1", "2001:db8:1:3::" },
        { "the loopback has a network of its own", "::1", "::" },
        { "a zone is nobody's", "fe80::1%eth0", "fe80::" },
        { "a name is in small letters", "Host.Example.com", "host.example.com" },
        { "what is nearly an address is a name", "2001:db8::1::2", "2001:db8::1::2" },
        { "nothing is nothing", "", "" },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autofree char *network = address_network(row->text);

        g_assert_cmpstr(network, ==, row->network);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/address/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        return g_test_run();
}
