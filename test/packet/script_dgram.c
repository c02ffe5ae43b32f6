/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet scripts: UDP, ICMP, ARP. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

/* ---- in ---- */

/* Words that many packets have: "frag OFF LEN [mf]", "id N", "ttl N", "badsum", "to broadcast". */
struct in_words {
	int64_t frag_off, frag_len;
	bool mf, bad_sum, no_sum;
	struct frame f;
};

static void in_words(struct script *t, struct in_words *w)
{
	w->frag_off = -1;
	while (t->at < t->n_tok) {
		if (take_word(t, "frag")) {
			w->frag_off = need_num(t, "offset");
			w->frag_len = need_num(t, "length");
			w->mf = take_word(t, "mf");
		} else if (take_word(t, "id")) {
			w->f.id = need_num(t, "id");
		} else if (take_word(t, "ttl")) {
			w->f.ttl = need_num(t, "TTL");
		} else if (take_word(t, "badsum")) {
			w->bad_sum = true;
		} else if (take_word(t, "nosum")) {
			w->no_sum = true;
		} else if (take_word(t, "broadcast")) {
			w->f.dst = 0xffffffff;
		} else {
			return;
		}
	}
}

static void inject(struct script *t, struct in_words *w, const uint8_t *l4, uint32_t len)
{
	w->f.l4 = l4;
	w->f.l4_len = len;
	if (w->frag_off >= 0) {
		if (w->frag_off + w->frag_len > len)
			fail(t, "the fragment ends beyond the packet's %u bytes", len);
		w->f.l4 = l4 + w->frag_off;
		w->f.l4_len = w->frag_len;
		w->f.frag_off = w->frag_off;
		w->f.mf = w->mf;
	}
	net_inject(t, &w->f);
}

/* "< udp SPORT DPORT LEN [words] [length N]" */
static void udp_in(struct script *t)
{
	static uint8_t buf[FRAME_MAX], data[FRAME_MAX];
	struct in_words w = { .f.proto = IPPROTO_UDP };
	uint16_t sport = need_num(t, "source port"), dport = need_num(t, "destination port");
	uint32_t len = need_num(t, "length"), total;

	if (len > 65507)
		fail(t, "too long");
	pattern_fill(data, 0, len, sport);
	in_words(t, &w);
	total = udp_build(buf, sport, dport, data, len, PEER_ADDR, w.f.dst ? w.f.dst : t->cfg.addr);
	if (w.bad_sum)
		buf[6] ^= 0x5a;
	if (w.no_sum)
		buf[6] = buf[7] = 0;
	if (take_word(t, "length")) { /* the header lies */
		uint16_t lie = need_num(t, "length");

		buf[4] = lie >> 8;
		buf[5] = lie;
	}
	if (take_word(t, "cut"))
		total = RTE_MIN(total, (uint32_t)need_num(t, "bytes"));
	inject(t, &w, buf, total);
}

static uint32_t icmp_finish(uint8_t *buf, uint32_t len, const struct in_words *w)
{
	uint16_t sum;

	buf[2] = buf[3] = 0;
	sum = ~rte_raw_cksum(buf, len);
	memcpy(buf + 2, &sum, 2);
	if (w->bad_sum)
		buf[2] ^= 0x5a;
	return len;
}

static void echo_in(struct script *t)
{
	static uint8_t buf[FRAME_MAX];
	struct in_words w = { .f.proto = IPPROTO_ICMP };
	uint16_t id = need_num(t, "id"), seq = need_num(t, "sequence number");
	uint32_t len = need_num(t, "length");

	in_words(t, &w);
	memcpy(buf, (uint8_t[]){ 8, 0, 0, 0, id >> 8, id, seq >> 8, seq }, 8);
	pattern_fill(buf + 8, 0, len, id);
	inject(t, &w, buf, icmp_finish(buf, 8 + len, &w));
}

/* Our packet as the error quotes it: IP header and eight bytes. */
static uint8_t *quote(struct script *t, uint8_t *p, uint8_t proto, const uint8_t l4[8])
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(40),
		.time_to_live = 60,
		.next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(t->cfg.addr),
		.dst_addr = rte_cpu_to_be_32(PEER_ADDR),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(p, &ip, sizeof(ip));
	memcpy(p + sizeof(ip), l4, 8);
	return p + sizeof(ip) + 8;
}

/* "< icmp TYPE CODE [mtu N] seq N" about a segment of the flow, or "... udp" about a datagram. */
static void error_in(struct script *t)
{
	const struct flow *fl = t->flow;
	struct in_words w = { .f.proto = IPPROTO_ICMP };
	uint8_t type = need_num(t, "type"), code = need_num(t, "code");
	uint16_t mtu = take_word(t, "mtu") ? need_num(t, "mtu") : 0;
	uint8_t buf[64] = { type, code, 0, 0, 0, 0, mtu >> 8, mtu }, *end;
	uint16_t sport = fl->local_port, dport = fl->peer_port;
	uint32_t seq;

	if (take_word(t, "seq")) {
		seq = fl->our_isn + need_num(t, "sequence number");
		end = quote(t, buf + 8, IPPROTO_TCP,
			    (uint8_t[]){ sport >> 8, sport, dport >> 8, dport, seq >> 24, seq >> 16,
					 seq >> 8, seq });
	} else if (take_word(t, "udp")) {
		end = quote(t, buf + 8, IPPROTO_UDP,
			    (uint8_t[]){ sport >> 8, sport, dport >> 8, dport, 0, 20, 0, 0 });
	} else {
		fail(t, "seq N or udp?");
	}
	in_words(t, &w);
	inject(t, &w, buf, icmp_finish(buf, end - buf, &w));
}

static void arp_inject(struct script *t, bool ask)
{
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	uint32_t spa = rte_cpu_to_be_32(PEER_ADDR), tpa = rte_cpu_to_be_32(t->cfg.addr);
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, ask ? 1 : 2 };

	memcpy(arp + 8, peer_mac, 6);
	memcpy(arp + 14, &spa, 4);
	if (!ask)
		memcpy(arp + 18, t->cfg.mac, 6);
	memcpy(arp + 24, &tpa, 4);
	host_rx(&t->host,
		frame_raw(t->host.pool, 0x0806, arp, sizeof(arp), ask ? broadcast : t->cfg.mac,
			  peer_mac));
}

void net_arp_reply(struct script *t)
{
	arp_inject(t, false);
}

/* "< arp ask": who has our address? "< arp reply": the peer's address */
static void arp_in(struct script *t)
{
	bool ask = take_word(t, "ask");

	if (!ask && !take_word(t, "reply"))
		fail(t, "ask or reply?");
	arp_inject(t, ask);
}

/* "< raw TYPE HEX...": any bytes behind an Ethernet header. */
static void raw_in(struct script *t)
{
	uint16_t type = need_num(t, "EtherType");
	uint8_t buf[512];
	uint32_t n = 0;

	for (const char *s; (s = next_token(t));) {
		for (; s[0] && s[1] && n < sizeof(buf); s += 2)
			buf[n++] = strtoul((char[]){ s[0], s[1], 0 }, NULL, 16);
	}
	host_rx(&t->host, frame_raw(t->host.pool, type, buf, n, t->cfg.mac, peer_mac));
}

bool dgram_in(struct script *t)
{
	if (take_word(t, "udp"))
		udp_in(t);
	else if (take_word(t, "echo"))
		echo_in(t);
	else if (take_word(t, "icmp"))
		error_in(t);
	else if (take_word(t, "arp"))
		arp_in(t);
	else if (take_word(t, "raw"))
		raw_in(t);
	else
		return false;
	return true;
}

/* ---- out ---- */

static void want_num(struct script *t, const struct capture *c, const char *what, int64_t got)
{
	int64_t want = need_num(t, what);

	if (want != got)
		fail(t, "%s is %ld, not %ld:%s", what, (long)got, (long)want, capture_text(t, c));
}

static struct frame parsed(struct script *t, const struct capture *c)
{
	struct frame f;
	const char *err = frame_parse(c->data, c->len, &f);

	if (err)
		fail(t, "%s:%s", err, capture_text(t, c));
	if (f.src != t->cfg.addr)
		fail(t, "source address is wrong:%s", capture_text(t, c));
	return f;
}

static void check_pattern(struct script *t, const struct capture *c, const uint8_t *p, uint32_t len,
			  uint32_t key)
{
	if (pattern_check(p, 0, len, key) != len)
		fail(t, "the payload is not what was sent:%s", capture_text(t, c));
}

/* Puts @n fragments together, the first being @c. */
static struct frame reassemble(struct script *t, struct capture *c, unsigned int n)
{
	static uint8_t buf[FRAME_MAX];
	struct frame f = parsed(t, c), whole = f;
	uint32_t at = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (i) {
			struct capture *more = net_wait(t);

			f = parsed(t, more);
			memcpy(buf + at, f.l4, f.l4_len);
			free(more);
		} else {
			memcpy(buf, f.l4, f.l4_len);
		}
		if (f.frag_off != at || f.mf != (i + 1 < n) || f.id != whole.id)
			fail(t, "fragment %u is at %u, not %u, of id %u, mf %u", i, f.frag_off, at,
			     f.id, f.mf);
		if (f.l4_len + 20 > t->cfg.mtu)
			fail(t, "fragment %u is larger than the MTU", i);
		at += f.l4_len;
	}
	whole.l4 = buf;
	whole.l4_len = at;
	return whole;
}

/* "> udp SPORT DPORT LEN [frags N] [broadcast] [ttl N] [tos N]" */
static void udp_out(struct script *t, struct capture *c)
{
	uint16_t want_sport = need_num(t, "source port"), want_dport = need_num(t, "dest. port");
	uint32_t want_len = need_num(t, "length");
	bool frags = take_word(t, "frags");
	struct frame f = frags ? reassemble(t, c, need_num(t, "fragments")) : parsed(t, c);
	const char *err;
	uint16_t sport, dport;

	err = udp_parse(&f, &sport, &dport);
	if (err)
		fail(t, "%s:%s", err, capture_text(t, c));
	if (sport != want_sport || dport != want_dport || f.l4_len - 8 != want_len)
		fail(t, "another datagram left: udp %u %u %u", sport, dport, f.l4_len - 8);
	if (take_word(t, "broadcast") != (c->data[0] == 0xff))
		fail(t, "MAC broadcast or not:%s", capture_text(t, c));
	if (take_word(t, "ttl"))
		want_num(t, c, "TTL", f.ttl);
	if (take_word(t, "tos"))
		want_num(t, c, "TOS", f.tos);
	check_pattern(t, c, f.l4 + 8, want_len, t->flow->peer_port);
}

/* "> echo ID SEQ LEN": the answer */
static void echo_out(struct script *t, struct capture *c)
{
	struct frame f = parsed(t, c);

	if (f.proto != IPPROTO_ICMP || f.l4_len < 8 || f.l4[0] != 0 ||
	    rte_raw_cksum(f.l4, f.l4_len) != 0xffff)
		fail(t, "no echo reply:%s", capture_text(t, c));
	want_num(t, c, "id", f.l4[4] << 8 | f.l4[5]);
	want_num(t, c, "sequence number", f.l4[6] << 8 | f.l4[7]);
	want_num(t, c, "length", f.l4_len - 8);
	check_pattern(t, c, f.l4 + 8, f.l4_len - 8, f.l4[4] << 8 | f.l4[5]);
}

/* "> icmp TYPE CODE [quotes BYTES]" */
static void icmp_out(struct script *t, struct capture *c)
{
	struct frame f = parsed(t, c);

	if (f.proto != IPPROTO_ICMP || f.l4_len < 8 || rte_raw_cksum(f.l4, f.l4_len) != 0xffff)
		fail(t, "no ICMP message:%s", capture_text(t, c));
	want_num(t, c, "type", f.l4[0]);
	want_num(t, c, "code", f.l4[1]);
	if (f.l4_len < 8 + 28 || f.l4[8] != 0x45)
		fail(t, "an error quotes the IP header and eight bytes:%s", capture_text(t, c));
	if (take_word(t, "quotes"))
		want_num(t, c, "quoted bytes", f.l4_len - 8);
}

/* "> arp ask" (who has the peer's address), "> arp reply" */
static void arp_out(struct script *t, struct capture *c)
{
	bool ask = take_word(t, "ask");
	uint32_t peer = rte_cpu_to_be_32(PEER_ADDR);

	if (!ask && !take_word(t, "reply"))
		fail(t, "ask or reply?");
	if (c->len < 42 || c->data[12] != 8 || c->data[13] != 6 || c->data[21] != (ask ? 1 : 2))
		fail(t, "no such ARP packet:%s", capture_text(t, c));
	if (memcmp(c->data + 38, &peer, 4) || memcmp(c->data + 22, t->cfg.mac, 6))
		fail(t, "the ARP packet's addresses are wrong");
}

bool dgram_out(struct script *t, struct capture *c)
{
	if (take_word(t, "udp"))
		udp_out(t, c);
	else if (take_word(t, "echo"))
		echo_out(t, c);
	else if (take_word(t, "icmp"))
		icmp_out(t, c);
	else if (take_word(t, "arp"))
		arp_out(t, c);
	else
		return false;
	return true;
}
