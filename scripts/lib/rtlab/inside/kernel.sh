# SPDX-License-Identifier: BSD-3-Clause
# The kernel's own path: a bridge over the NIC and two veth pairs, and behind each a namespace that
# stands for a guest, with the kernel's TCP/IP and a server in it.

# guest NAME ADDRESS MAC
guest() {
	ip netns add $1
	ip link add host-$1 type veth peer name eth0 netns $1 address $3
	ip link set host-$1 master br0 up
	ip -n $1 link set lo up
	ip -n $1 addr add $2/24 dev eth0
	ip -n $1 link set eth0 up
}

start_servers() {
	nic=$(ls /sys/bus/pci/devices/$SERVER_NIC/net)
	ip link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip link set $nic master br0 up
	ip link set br0 up
	guest rt $RT_FIRST 02:00:00:00:01:01
	guest nrt $NEIGHBOUR 02:00:00:00:01:02
	/tools/ip netns exec rt chrt -f $PRIO_RT_SERVER linux_server >/run/rt-server.log 2>&1 &
	rt_servers=$!
	/tools/ip netns exec nrt linux_server >/run/server.log 2>&1 &
	server=$!
	await /run/rt-server.log ready $rt_servers
	await /run/server.log ready $server
	irq_priority "*-$nic*" $PRIO_NIC
	# It takes over what exceeds the budget of the NIC's thread: the server waits for it.
	[ "$PREEMPT_RT" = no ] || chrt -f -p $((PRIO_RT_SERVER + 5)) "$(pidof ksoftirqd/0)"
}

# There is one.
rt_guests() {
	:
}

residence_begin() {
	:
}

residence_end() {
	:
}

stop_servers() {
	:
}
