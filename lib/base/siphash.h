/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 and the shorter SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input
 * PRF"): keyed hashes for tables that the network can address, for ISNs (RFC 6528) and for ports
 * (RFC 6056). @len is in bytes.
 */
#ifndef OUTSOCK_BASE_SIPHASH_H
#define OUTSOCK_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2];
};

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len);
uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len);

#endif
