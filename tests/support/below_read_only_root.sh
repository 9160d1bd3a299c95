#!/bin/sh
# below_read_only_root.sh ROOT COMMAND...: run a command in a folder as containers run it: user 10001 without capabilities, the root
# file system read-only, /tmp and /var/lib/docparse empty and writable. Everything ends with it. Needs root.
exec unshare --mount --pid --fork --kill-child sh -c '
set -e
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0750,uid=10001,gid=10001 tmpfs "$root/var/lib/docparse"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -o remount,ro,bind "$root"
exec chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"' sh "$@"
