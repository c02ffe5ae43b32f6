# SPDX-License-Identifier: BSD-3-Clause
# One variant: starts the servers, then the clients in each phase. Lines that begin with "lab:" are
# for scripts/lib/rtlab/vm.py. /lab/parameters says what to run; the machine's NICs are
#	0000:00:04.0  the host's		0000:00:05.0, 06.0  the RT client's, the load's
. /lab/parameters
SERVER_NIC=0000:00:04.0
CLIENT_NIC=0000:00:05.0
LOAD_NIC=0000:00:06.0
# Of processes, and of threads of interrupts, where there are such. The RT client stands for another
# machine, hence first. Clients poll at fixed times: their NICs interrupt nobody.
PRIO_CLIENT=97
PRIO_NIC=80
PRIO_RT_SERVER=60

# The shell would run its own.
ip() {
	/tools/ip "$@"
}

say() {
	echo "lab: $*"
}

die() {
	say "error $*"
	exit 1
}

# bind DEVICE DRIVER
bind() {
	device=/sys/bus/pci/devices/$1
	echo $2 >$device/driver_override
	[ ! -e $device/driver ] || echo $1 >$device/driver/unbind
	echo $1 >/sys/bus/pci/drivers_probe
	[ -e $device/driver ] || die "$2 does not take $1"
}

# irq_priority PATTERN PRIORITY: threads of interrupts whose name is irq/PATTERN
irq_priority() {
	for comm in /proc/[0-9]*/comm; do
		pid=${comm#/proc/}
		case $(cat $comm) in
		irq/$1) chrt -f -p $2 ${pid%/comm} ;;
		esac
	done
}

# await FILE WORD PID: until the process has said it
await() {
	until grep -qs "$2" $1; do
		kill -0 $3 2>/dev/null || { cat $1; die "$1 ended before it said $2"; }
		usleep 10000
	done
}

# What CPU time has been used: of all, and idle (1/100 s); by each program (ns)
snapshot() {
	say "time $1 $(cut -d. -f1,2 /proc/uptime | tr -d .) $(head -1 /proc/stat)"
	for process in "outsockd $daemon" "rt-server $rt_server" "server $server"; do
		set -- $process
		[ -n "$2" ] && cat /proc/$2/task/*/schedstat | awk -v name=$1 \
			'{ ns += $1 } END { printf "lab: cpu %s %.0f\n", name, ns }'
	done
	return 0
}

start_client() {
	mkfifo /run/client.in /run/client.out
	chrt -f $PRIO_CLIENT lab_client $EAL --file-prefix=client --allow=$CLIENT_NIC -- \
		10.77.0.1 10.77.0.11 $PERIOD </run/client.in >/run/client.out 2>/run/client.log &
	exec 3>/run/client.in 4</run/client.out
	client_says
	[ "$line" = ready ] || die "the RT client says: $line"
}

client_says() {
	read -r line <&4 || { cat /run/client.log; die "the RT client has failed"; }
}

# client PHASE REQUESTS
client() {
	say "phase $1"
	snapshot begin
	echo "$1 $2" >&3
	client_says
	snapshot end
	say "client $line"
}

# start_load PARAMETERS
start_load() {
	rm -f /run/load.log
	lab_load $EAL --file-prefix=load --allow=$LOAD_NIC -- \
		10.77.0.2 10.77.0.12 $1 >/run/load.log 2>&1 &
	load=$!
	await /run/load.log loaded $load
}

stop_load() {
	kill $load
	wait $load || { cat /run/load.log; die "the load failed"; }
	say "load $(tail -1 /run/load.log)"
}

stop() {
	[ -z "$daemon" ] ||
		outsockctl --socket /run/control.sock --json lcore list >/run/outsockd.txt
	for pid in $rt_server $server $daemon; do
		kill $pid
		wait $pid || true
	done
	say "rt-server $(tail -1 /run/rt-server.log)"
	say "server $(tail -1 /run/server.log)"
	[ -z "$daemon" ] || say "daemon $(tr '\n' ' ' </run/outsockd.txt)"
}

# ---- start ----

for module in $(cat /modules/order); do
	# There is no other guest that a device's interrupts could harm.
	case $module in
	vfio_iommu_type1.ko) insmod /modules/$module allow_unsafe_interrupts=1 ;;
	*) insmod /modules/$module ;;
	esac
done
say "kernel $(uname -r)"
ip link set lo up
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
EAL="--lcores 0@0 -m 32 --in-memory --single-file-segments --no-telemetry --log-level=4"
bind $CLIENT_NIC uio_pci_generic
bind $LOAD_NIC uio_pci_generic
. /lab/$KIND.sh
start_servers
start_client
say "ready"
client 0 $WARM_UP
client 1 $IDLE
start_load "$LOAD_MODERATE"
client 2 $LOADED
stop_load
start_load "$LOAD_HEAVY"
client 3 $LOADED
stop_load
stop
dmesg | grep -E "$TROUBLE" | sed 's/^/lab: trouble /'
say "done"
