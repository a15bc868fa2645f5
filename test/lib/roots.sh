# shellcheck shell=bash
# Sourced after common.sh by the scripts that work in Debian releases other than the machine's own: root folders, which
# debootstrap fills. Nothing is installed on this machine itself but debootstrap.
#
#   VECSTORE_ROOTS       folder that keeps the roots, some 2 GB each, for the next time (default: a throw-away folder)
#   VECSTORE_MIRROR      Debian mirror (default: the one that apt uses on this machine)
#   VECSTORE_OLD_MIRROR  1: use a mirror whose lists have expired, as those of a snapshot have (signatures are checked)

# The folder of the roots, as ROOTS.
use_roots() {
    ensure_packages debootstrap
    if [ -n "${VECSTORE_ROOTS:-}" ]; then
        mkdir -p "$VECSTORE_ROOTS"
        ROOTS=$(cd "$VECSTORE_ROOTS" && pwd)
    else
        ROOTS=$(mktemp -d "${TMPDIR:-/tmp}/vecstore-roots.XXXXXX")
        trap 'as_root rm -rf --one-file-system "$ROOTS"' EXIT
        trap 'exit 130' INT TERM
    fi
    # the server's user must reach its folder
    chmod 755 "$ROOTS"
}

# The mirror of the machine's own apt, security updates aside.
debian_mirror() {
    local mirror=${VECSTORE_MIRROR:-}
    [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | sed -n 1p)
    [ -n "$mirror" ] || give_up "apt knows no Debian mirror: set VECSTORE_MIRROR."
    echo "$mirror"
}

# make_root RELEASE [NAME]: unless an earlier run left one. A root that was not finished is not there.
make_root() {
    local root=$ROOTS/${2:-$1}
    [ ! -d "$root" ] || return 0
    say "$1: making $root"
    as_root rm -rf "$root.part"
    quietly as_root debootstrap --variant=minbase "$1" "$root.part" "$(debian_mirror)" || return 1
    if [ -n "${VECSTORE_OLD_MIRROR:-}" ]; then
        echo 'Acquire::Check-Valid-Until "false";' | as_root tee "$root.part/etc/apt/apt.conf.d/vecstore" >/dev/null
    fi
    as_root mv "$root.part" "$root"
}

# The sources, and the shared material beside them. All are of today: objects of an earlier run may be of another tree.
copy_tree() {
    local root=$1/srv/vecstore shared=${VECSTORE_SHARED:-$ROOT/../shared} part
    as_root mkdir -p "$root" "$1/srv/shared"
    as_root find "$root" -type f ! -path "$root/build/*" ! -name '*.o' ! -name '*.d' ! -name '*.so' -delete
    tar -C "$ROOT" --exclude-vcs --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude=./build \
        --exclude='./tmp_check*' --exclude=./results --exclude=./output_iso -cf - . | as_root tar -C "$root" -xmf -
    for part in testdata bench reference; do
        if [ -d "$shared/$part" ]; then as_root cp -ru "$shared/$part" "$1/srv/shared/"; fi
    done
}

# in_root ROOT COMMAND...: with all that a server needs of a system; the mounts end with the command. A service
# that a package would start on a real machine is not started.
in_root() {
    local root=$1; shift
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$root/usr/sbin/policy-rc.d" >/dev/null
    as_root chmod 755 "$root/usr/sbin/policy-rc.d"
    local file
    for file in /etc/resolv.conf /etc/hosts; do
        if [ -e "$file" ]; then as_root cp -L "$file" "$root$file"; fi
    done
    as_root unshare --mount --propagation private bash -c '
        root=$1; shift
        mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" || exit 1
        mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" && mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
        exec chroot "$root" "$@"' in_root "$root" "$@"
}
