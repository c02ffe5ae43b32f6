/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What no guest may send; for guests in this process (test_hostile.c) and those of a real daemon
 * (evil.c). Users have a struct evil @e with sockets in it, and a message's header @h that fits a
 * good one.
 */
#ifndef OUTSOCK_TEST_HOSTILE_CASES_H
#define OUTSOCK_TEST_HOSTILE_CASES_H

/* X(test, operation, socket, what to change, body bytes sent, reason) */
#define BAD_MESSAGES(X) \
	X(data_len_short, DATA, e.conn, h.len = 9, 10, BAD_LEN) \
	X(data_len_long, DATA, e.conn, h.len = 11, 10, BAD_LEN) \
	X(data_len_huge, DATA, e.conn, h.len = UINT32_MAX, 10, BAD_LEN) \
	X(data_offset_beyond, DATA, e.conn, h.len = 4; h.off = 1, 4, OFFSET) \
	X(data_offset_huge, DATA, e.conn, h.len = 4; h.off = UINT64_MAX - 1, 4, OFFSET) \
	X(data_credit_shrinks, DATA, e.conn, h.len = 4; h.pos = 5, 4, CREDIT) \
	X(data_unconnected, DATA, e.fresh, h.len = 4, 4, NOT_CONNECTED) \
	X(data_listener, DATA, e.listener, h.len = 4, 4, NOT_CONNECTED) \
	X(data_dgram, DATA, e.dgram, h.len = 4, 4, BAD_TYPE) \
	X(dgram_stream, DGRAM, e.conn, h.len = 30, 30, BAD_TYPE) \
	X(dgram_short, DGRAM, e.dgram, h.len = 23, 23, BAD_LEN) \
	X(data_id_range, DATA, e.conn, h.len = 4; h.sock = 16, 4, BAD_ID) \
	X(data_id_none, DATA, e.conn, h.len = 4; h.sock = OUTSOCK_ID_NONE, 4, BAD_ID) \
	X(data_host_id_range, DATA, e.conn, h.len = 4; h.sock = OUTSOCK_ID_HOST | 31, 4, BAD_ID) \
	X(credit_len, CREDIT, e.conn, h.len = 4, 4, BAD_LEN) \
	X(credit_shrinks, CREDIT, e.conn, h.pos = 1, 0, CREDIT) \
	X(credit_listener_shrinks, CREDIT, e.listener, h.pos = 0, 0, CREDIT) \
	X(credit_id_range, CREDIT, e.conn, h.sock = 16, 0, BAD_ID) \
	X(socket_id_range, SOCKET, e.conn, h.len = 8; h.sock = 16, 8, BAD_ID) \
	X(socket_host_id, SOCKET, e.conn, h.len = 8; h.sock = OUTSOCK_ID_HOST, 8, BAD_ID) \
	X(socket_len, SOCKET, e.conn, h.len = 7, 7, BAD_LEN) \
	X(bind_len, BIND, e.fresh, h.len = 25, 25, BAD_LEN) \
	X(listen_len, LISTEN, e.fresh, h.len = 0, 0, BAD_LEN) \
	X(close_id_range, CLOSE, e.conn, h.len = 16; h.sock = 4711, 16, BAD_ID) \
	X(hello_len, HELLO, NULL, h.len = 31, 31, BAD_LEN) \
	X(epoch_from_guest, EPOCH, NULL, h.len = 0, 0, BAD_OP) \
	X(connected_from_guest, CONNECTED, e.conn, h.len = 0, 0, BAD_OP) \
	X(packet_not_agreed, PACKET, NULL, h.len = 20, 20, BAD_OP) \
	X(op_unknown, DATA, NULL, h.op = 200, 0, BAD_OP) \
	X(reply_from_guest, BIND, e.fresh, h.len = 24; h.flags = OUTSOCK_F_REPLY, 24, BAD_OP)

/* X(test, descriptor of a TX buffer; address 0: its own, reason) */
#define BAD_DESCS(X) \
	X(hole, ((struct vring_desc){ simguest_hole(e.sg), 100, 0, 0 }), DESC_ADDR) \
	X(end, ((struct vring_desc){ simguest_end(e.sg) - 50, 100, 0, 0 }), DESC_ADDR) \
	X(address_wraps, ((struct vring_desc){ UINT64_MAX - 50, 100, 0, 0 }), DESC_ADDR) \
	X(too_long, ((struct vring_desc){ 0, 80000, 0, 0 }), TOO_LONG) \
	X(too_long_32, ((struct vring_desc){ 0, UINT32_MAX, 0, 0 }), TOO_LONG) \
	X(writable, ((struct vring_desc){ 0, 100, VRING_DESC_F_WRITE, 0 }), DESC_DIR) \
	X(next_range, ((struct vring_desc){ 0, 100, VRING_DESC_F_NEXT, 256 }), DESC_INDEX) \
	X(indirect_len, ((struct vring_desc){ 0, 20, VRING_DESC_F_INDIRECT, 0 }), INDIRECT) \
	X(indirect_empty, ((struct vring_desc){ 0, 0, VRING_DESC_F_INDIRECT, 0 }), INDIRECT) \
	X(indirect_next, ((struct vring_desc){ 0, 16, 5, 0 }), INDIRECT) \
	X(indirect_hole, ((struct vring_desc){ simguest_hole(e.sg), 16, 4, 0 }), DESC_ADDR)

#endif
