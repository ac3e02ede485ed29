/* address: where somebody asks from, as it is counted.
 *
 * Pure; any thread. */
#pragma once

/* address_network: what stands for all that one peer can easily have: the network of an IPv6
 * address (/64), an IPv4 address, also one mapped into IPv6; a name that is no address in small
 * letters. Without a zone ("%eth0"). Owned. */
char *address_network(const char *text);
