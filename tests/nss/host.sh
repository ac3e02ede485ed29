#!/bin/sh
# host.sh LOWER FOLDER NAME: what a host is made of, run by unshare in namespaces of its own.
#
# The tree LOWER is its root, read through an overlay whose changes are in memory and go with the
# namespace; /run and /tmp are empty, as at boot. Says "ready", then is the host's first process until
# its input ends.
set -eu
lower=$1 folder=$2 name=$3

mount -t tmpfs -o mode=0755 host "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
chmod 755 "$folder/upper" "$folder/root"
mount -t overlay host -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mkdir run/old
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
hostname "$name"
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || true # a bare tree has neither
echo ready
exec cat >/dev/null
