#!/bin/sh
# The first process in namespaces of its own: makes TREE the root, and becomes dockerd. tests/servers/docker.py runs it.
#
#   start.sh TREE SHARED CGROUP
#
# TREE is Debian with the engine; nothing is written to it. SHARED is the test's folder: the engine has it as /shared
# and keeps its data there. CGROUP is the one that containers go into.
set -eu
tree=$1 shared=$2 cgroup=$3 root=$2/root

mount --make-rprivate /
ip link set lo up
mkdir -p "$shared/written" "$shared/work" "$root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$shared/written,workdir=$shared/work" "$root"
mkdir -p "$root/shared" "$root/old"
mount --bind "$shared" "$root/shared"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
: >"$root/etc/resolv.conf" # there is no way out
cd "$root"
pivot_root . old
cd /
umount -l /old
exec dockerd --data-root /shared/data --storage-driver overlay2 --cgroup-parent "$cgroup"
