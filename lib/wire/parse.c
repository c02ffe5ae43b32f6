/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/parse.h"

#include "wire/byteorder.h"

bool ip4_options_check(const struct ip4_hdr *h, bool *ret_source_route)
{
	const uint8_t *opt = (const uint8_t *)h;
	unsigned int i = IP4_MIN_LEN, end = ip4_hdr_len(h);

	*ret_source_route = false;
	while (i < end && opt[i] != IP4_OPT_END) {
		unsigned int len = 1;

		if (opt[i] == IP4_OPT_LSRR || opt[i] == IP4_OPT_SSRR)
			*ret_source_route = true;
		if (opt[i] != IP4_OPT_NOP) {
			if (end - i < 2)
				return false;
			len = opt[i + 1];
			if (len < 2 || len > end - i)
				return false;
		}
		i += len;
	}
	return true;
}

bool arp_check(const void *data, size_t avail)
{
	const struct arp_hdr *a = data;

	if (avail < sizeof(*a))
		return false;
	if (a->hw_type != be16(ARP_HW_ETHER) || a->proto_type != be16(ETH_TYPE_IP4) ||
	    a->hw_len != sizeof(struct eth_addr) || a->proto_len != sizeof(uint32_t))
		return false;
	if (a->op != be16(ARP_REQUEST) && a->op != be16(ARP_REPLY))
		return false;
	/* A probe (RFC 5227) has 0.0.0.0 for its sender; a group is nobody's address. */
	return !(a->sha.b[0] & 1) && (!a->spa || !ip4_is_bad_source(a->spa));
}
