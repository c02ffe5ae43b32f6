# SPDX-License-Identifier: BSD-3-Clause
# outsockd, and two simulated guests: processes that speak its ABI and sleep on their call
# descriptors, as vCPUs that halt. /lab/outsockd.conf says which lcores there are.

start_servers() {
	bind $SERVER_NIC vfio-pci
	outsockd --config /lab/outsockd.conf >/run/outsockd.log 2>&1 &
	daemon=$!
	await /run/outsockd.log "ready:" $daemon
	rt_guests 1
	guest_server large /run/nrt.sock >/run/server.log 2>&1 &
	server=$!
	await /run/server.log ready $server
	irq_priority "*-vfio*" $PRIO_NIC
	grep "waits by" /run/outsockd.log
}

# rt_guests COUNT: so many are attached from now on
attached=0
rt_guests() {
	[ $1 -gt $attached ] || return 0
	sockets=
	for k in $(seq $attached $(($1 - 1))); do
		sockets="$sockets /run/rt$k.sock"
	done
	chrt -f $PRIO_RT_SERVER guest_server small $sockets >/run/rt-server-$1.log 2>&1 &
	rt_servers="$rt_servers $!"
	await /run/rt-server-$1.log ready $!
	attached=$1
}

control() {
	outsockctl --socket /run/control.sock --json "$@"
}

# How long messages stay in the daemon is counted anew for each phase.
residence_begin() {
	control latency --reset >/run/latency.txt
}

# residence_end GUESTS: of the one, or of their class. What 128 guests have is too much for the
# serial port: QEMU's interrupts now and then before there is room, and after 100000 such interrupts
# the kernel disables them ("nobody cared").
residence_end() {
	if [ $1 -gt 1 ]; then
		rows=$(control latency | tr -d '\n' | sed 's/{/\n{/g' | grep '"kind": "class"' |
			sed 's/}.*/}/' | tr '\n' ',')
		say "residence [${rows%,}]"
	else
		control latency rt0 >/run/latency.txt
		say "residence $(tr -d '\n' </run/latency.txt)"
	fi
}

stop_servers() {
	control lcore list >/run/outsockd.txt
	kill $daemon
	wait $daemon || true
	say "daemon $(tr -d '\n' </run/outsockd.txt)"
}

# ---- what goes on beside a phase ----

beside_control() {
	control status
	control guest list
	control guest show rt0
	control socket list
	control counters
	control port list
	control lcore list
	control latency
	control config dump
}

# come_and_go CLASS: guests that are added, attach, go away and are removed. Several at once: the
# vhost library notices a new socket once a second.
come_and_go() {
	sockets=
	for k in 1 2 3 4 5 6 7 8; do
		sockets="$sockets /run/passing$k.sock"
		control guest add passing$k socket=/run/passing$k.sock mode=server port=nic \
			address=10.77.0.$((240 + k))/24 class=$1
	done
	rm -f /run/passing.log
	guest_server small $sockets >/run/passing.log 2>&1 &
	await /run/passing.log ready $!
	kill $!
	wait $!
	for k in 1 2 3 4 5 6 7 8; do
		control guest remove passing$k
	done
}

beside_churn_nrt() {
	come_and_go non-rt
}

beside_churn_rt() {
	come_and_go rt
}

# Each way to break the rules; the session is over, or the guest goes on for a little while.
beside_hostile() {
	[ -n "$evils" ] || evils=$(evil --list | cut -f 1)
	for evil in $evils; do
		[ -e /run/beside ] || break
		usleep 2000 | evil /run/hostile.sock $NEIGHBOUR $evil
	done
}
