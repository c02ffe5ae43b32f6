# SPDX-License-Identifier: BSD-3-Clause
# outsockd, and two simulated guests: processes that speak its ABI and sleep on their call
# descriptors, as vCPUs that halt. /lab/outsockd.conf says which lcores there are.

start_servers() {
	bind $SERVER_NIC vfio-pci
	outsockd --config /lab/outsockd.conf >/run/outsockd.log 2>&1 &
	daemon=$!
	await /run/outsockd.log "ready:" $daemon
	chrt -f $PRIO_RT_SERVER guest_server /run/rt.sock >/run/rt-server.log 2>&1 &
	rt_server=$!
	guest_server /run/nrt.sock >/run/server.log 2>&1 &
	server=$!
	await /run/rt-server.log ready $rt_server
	await /run/server.log ready $server
	irq_priority "*-vfio*" $PRIO_NIC
	grep "waits by" /run/outsockd.log
}
