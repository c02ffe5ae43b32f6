/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_priv.h"

#include <rte_ethdev.h>

/* Frames and bytes as our own TX queues count them: some drivers count what they lost as sent. */
static void sum_tx(struct daemon *d, unsigned int port, uint64_t *ret_frames, uint64_t *ret_bytes,
		   uint64_t *ret_refused)
{
	*ret_frames = *ret_bytes = *ret_refused = 0;
	for (unsigned int i = 0; i < d->n_lcores; i++) {
		const struct port_if *pi = port_if(d->ports[port], i);

		*ret_frames += count_read(&pi->frames);
		*ret_bytes += count_read(&pi->bytes);
		*ret_refused += count_read(&pi->refused);
	}
}

static const char *poller(const struct daemon *d, unsigned int port)
{
	unsigned int i = d->pollers[port];

	if (port_steered(d->ports[port]))
		return "steered";
	return i < d->n_lcores ? lcore_conf(d->lcores[i])->head.name : "none";
}

json_t *ctl_port_json(struct daemon *d, unsigned int i)
{
	const struct port *p = d->ports[i];
	const struct conf_port *conf = port_conf(p);
	const struct eth_addr *mac = port_mac(p);
	struct rte_eth_stats st = { 0 };
	struct rte_eth_link link = { 0 };
	uint64_t frames, bytes, refused;
	char text[18];

	rte_eth_stats_get(port_dev(p), &st);
	rte_eth_link_get_nowait(port_dev(p), &link);
	sum_tx(d, i, &frames, &bytes, &refused);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac->b[0], mac->b[1],
		 mac->b[2], mac->b[3], mac->b[4], mac->b[5]);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I}",
			 "name", conf->head.name, "device", conf->device, "mac", text, "link",
			 link.link_status ? "up" : "down", "mtu", (int)conf->mtu, "vlan",
			 (int)conf->vlan, "lcore", poller(d, i), "waits", port_wait_name(p),
			 "rx_frames", (json_int_t)st.ipackets, "rx_bytes", (json_int_t)st.ibytes,
			 "rx_missed", (json_int_t)st.imissed, "rx_nombuf", (json_int_t)st.rx_nombuf,
			 "tx_frames", (json_int_t)frames, "tx_bytes", (json_int_t)bytes,
			 "tx_refused", (json_int_t)refused, "tx_errors", (json_int_t)st.oerrors);
}

json_t *ctl_port_list(struct ctl_call *call)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < call->d->n_ports; i++)
		json_array_append_new(array, ctl_port_json(call->d, i));
	return array;
}
