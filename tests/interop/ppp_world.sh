#!/bin/sh
# The first process of a User Mode Linux whose disk is this computer's, read-only: ppp_world.sh PYTHON
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/mnt TMPDIR=/mnt
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /mnt
mount -t tmpfs run /run
mkdir -p /run/lock /run/netns
mount -t tmpfs dev /dev
for node in "null 1 3" "zero 1 5" "random 1 8" "urandom 1 9" "tty 5 0" "ptmx 5 2" "ppp 108 0"; do
  # shellcheck disable=SC2086
  mknod -m 666 /dev/${node%% *} c ${node#* }
done
mkdir /dev/pts /dev/shm && mount -t devpts pts /dev/pts && ln -s /proc/self/fd /dev/fd
echo 1 >/proc/sys/vm/overcommit_memory
echo 3 >/proc/sys/kernel/printk
cd "$(dirname "$0")/../.." || exit
"$1" -B tests/interop/ppp_world.py
echo o >/proc/sysrq-trigger
sleep 60
