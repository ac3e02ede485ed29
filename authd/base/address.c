/* address: see address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#define NETWORK_BYTES 8  /* of an IPv6 address: the rest is the peer's own to choose */
#define IPV4_OFFSET   12 /* within ::ffff:192.0.2.7 */

char *address_network(const char *text)
{
        g_autofree char *plain = g_strndup(text, strcspn(text, "%"));
        char shown[INET6_ADDRSTRLEN];
        struct in6_addr address;

        if (inet_pton(AF_INET6, plain, &address) != 1)
                return g_ascii_strdown(text, -1);
        if (IN6_IS_ADDR_V4MAPPED(&address))
                return g_strdup(
                    inet_ntop(AF_INET, address.s6_addr + IPV4_OFFSET, shown, sizeof(shown)));
        memset(address.s6_addr + NETWORK_BYTES, 0, sizeof(address.s6_addr) - NETWORK_BYTES);
        return g_strdup(inet_ntop(AF_INET6, &address, shown, sizeof(shown)));
}
