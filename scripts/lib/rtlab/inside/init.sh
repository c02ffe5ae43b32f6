#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# Process 1 of the machine in the laboratory: what run.sh says goes out by the second serial port.
export PATH=/tools:/bin HOME=/root
/bin/busybox --install -s /bin
chmod 755 /
ln -s /run /var/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
exec </dev/null >/dev/ttyS1 2>&1
stty raw -echo <&1
sh -e /lab/run.sh
[ $? -eq 0 ] || echo "lab: failed"
poweroff -f
