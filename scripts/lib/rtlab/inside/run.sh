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
PAUSE=5000	# us between two rounds of what goes on beside a phase

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

# The threads whose CPU time lab_client and lab_load tell.
threads() {
	{
		threads_of outsockd $daemon
		threads_of rt-server $rt_servers
		threads_of server $server
		threads_of client $client
		threads_of load $load
	} >/run/threads
}

# threads_of NAME PID...
threads_of() {
	name=$1
	shift
	for pid in "$@"; do
		for task in /proc/$pid/task/*; do
			read -r comm <$task/comm
			echo "$name/$comm $task/schedstat"
		done
	done
}

start_client() {
	mkfifo /run/client.in /run/client.out
	chrt -f $PRIO_CLIENT lab_client $EAL --file-prefix=client --allow=$CLIENT_NIC -- \
		$CLIENT /run/threads </run/client.in >/run/client.out 2>/run/client.log &
	client=$!
	exec 3>/run/client.in 4</run/client.out
	client_says
	[ "$line" = ready ] || die "the RT client says: $line"
}

client_says() {
	read -r line <&4 || { cat /run/client.log; die "the RT client has failed"; }
}

# start_load NAME
start_load() {
	[ $1 != none ] || return 0
	rm -f /run/load.log
	threads
	lab_load $EAL --file-prefix=load --allow=$LOAD_NIC -- /run/threads $LOADER $NEIGHBOUR \
		$(sed -n "s/^$1 //p" /lab/loads) >/run/load.log 2>&1 &
	load=$!
	await /run/load.log loaded $load
}

stop_load() {
	[ -n "$load" ] || return 0
	kill $load
	wait $load || { cat /run/load.log; die "the load failed"; }
	load=
	say "load $(tail -1 /run/load.log)"
}

# What goes on beside a phase: beside_NAME again and again, until the phase is over.
start_beside() {
	[ $1 != none ] || return 0
	touch /run/beside
	(
		rounds=0
		while [ -e /run/beside ]; do
			beside_$1 </dev/null >/run/beside.log 2>&1 || exit 1
			rounds=$((rounds + 1))
			usleep $PAUSE
		done
		echo $rounds >/run/rounds
	) &
	beside=$!
}

stop_beside() {
	[ -n "$beside" ] || return 0
	rm /run/beside
	wait $beside || { cat /run/beside.log; die "what went on beside failed"; }
	beside=
	say "beside $(cat /run/rounds)"
}

# phase NUMBER REQUESTS PERIOD-US BYTES GUESTS LOAD BESIDE
phase() {
	say "phase $1"
	rt_guests $5
	start_load $6
	start_beside $7
	threads
	residence_begin
	echo "$1 $2 $3 $4 $RT_FIRST $5" >&3
	client_says
	say "client $line"
	residence_end $5
	stop_beside
	stop_load
}

stop() {
	for pid in $rt_servers $server; do
		kill $pid
		wait $pid || true
	done
	tail -n 1 /run/*server*.log | sed 's/^/lab: /'
	stop_servers
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
ulimit -n 8192
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
EAL="--lcores 0@0 -m 32 --in-memory --single-file-segments --no-telemetry --log-level=4"
bind $CLIENT_NIC uio_pci_generic
bind $LOAD_NIC uio_pci_generic
. /lab/$KIND.sh
start_servers
start_client
say "ready"
while read -r words <&5; do
	phase $words
done 5</lab/phases
stop
dmesg | grep -E "$TROUBLE" | sed 's/^/lab: trouble /'
say "done"
