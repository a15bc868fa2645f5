# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that must work on a bare machine: packages, build, and a throw-away PostgreSQL.
# Nothing here touches an existing cluster or the installed extensions: the build is installed into a staging
# folder, and only our own server, on a private socket, looks there.
#
#   PG_CONFIG    which PostgreSQL to build for (default: the newest one that has server headers)
#   TMPDIR       where the throw-away folder is made (default: /tmp)

set -euo pipefail
umask 022
# A bare machine has no other UTF-8 locale; perl and apt complain at length about a missing one.
export LC_ALL=C.UTF-8 LANGUAGE=
unset PGSERVICE PGSERVICEFILE PGDATA PGOPTIONS PGDATABASE PGPASSWORD PGHOSTADDR

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}

say() { printf '%s\n' "$*"; }
# usage STATUS: prints the head of the script that runs, and ends it.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[-1]}"; exit "$1"; }
complain() { printf '%s\n' "$*" >&2; }
give_up() { complain "$@"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else give_up "This needs root for: $*" "Run it as root, or install sudo."
    fi
}

# Runs something and shows its output only when it fails.
quietly() {
    local log rc=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    if [ $rc -ne 0 ]; then
        complain "failed ($rc): $*"
        tail -n 60 "$log" >&2
    fi
    rm -f "$log"
    return $rc
}

# ------------------------------------------------------------------------------------------------ packages

is_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"; }

# The major version of PostgreSQL to work with: PG_CONFIG's, the newest with server headers, or Debian's default.
server_version() {
    if [ -n "${PG_CONFIG:-}" ]; then
        "$PG_CONFIG" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
        return
    fi
    local newest
    newest=$({ ls -d /usr/lib/postgresql/*/lib/pgxs 2>/dev/null || true; } | cut -d/ -f5 | sort -n | tail -n 1)
    [ -n "$newest" ] || newest=$({ apt-cache show postgresql 2>/dev/null || true; } |
        sed -n 's/^Version: \([0-9]*\)+.*/\1/p' | sed -n 1p)
    echo "${newest:-15}"
}

# ensure_packages NAME...: installs what is missing; %v in a name is the server version.
ensure_packages() {
    command -v dpkg-query >/dev/null || { say "Not a Debian system: assuming that $* are there."; return 0; }
    local name missing=() updated=
    if ! ls -d /usr/lib/postgresql/*/lib/pgxs >/dev/null 2>&1 && [ -z "${PG_CONFIG:-}" ]; then
        update_package_lists; updated=1   # before the version is asked of them
    fi
    local version; version=$(server_version)
    for name in "$@"; do
        name=${name//%v/$version}
        is_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing packages: ${missing[*]}"
    [ -n "$updated" ] || update_package_lists
    without_main_cluster quietly apt_get install -y --no-install-recommends "${missing[@]}"
}

# Those of these packages that the release has.
ensure_known_packages() {
    local name version; version=$(server_version)
    for name in "$@"; do
        name=${name//%v/$version}
        if is_installed "$name" || apt-cache show "$name" >/dev/null 2>&1; then ensure_packages "$name"
        else say "There is no package $name."
        fi
    done
}

update_package_lists() { quietly apt_get update || give_up "apt-get update failed."; }

# Debian creates and starts a cluster when a server package is first installed. We only want the programs.
without_main_cluster() {
    local folder=/etc/postgresql-common/createcluster.d rc=0
    local file=$folder/vecstore-tests.conf
    if is_installed postgresql-common; then "$@"; return; fi
    as_root mkdir -p "$folder"
    as_root sh -c "echo 'create_main_cluster = false' > $file"
    "$@" || rc=$?
    as_root rm -f "$file"
    return $rc
}

BUILD_PACKAGES=(make g++ libhwy-dev libsqlite3-dev libhnswlib-dev libpq-dev zlib1g-dev postgresql-server-dev-%v postgresql-%v)
PYTHON_PACKAGES=(python3-numpy python3-faiss python3-hnswlib)
CLIENT_PACKAGES=(python3-psycopg2 python3-psycopg python3-asyncpg python3-sqlalchemy)
TEST_PACKAGES=(cmake xz-utils gnuplot-nox libgtest-dev clang libclang-rt-dev perl libipc-run-perl postgresql-%v-pgtap "${PYTHON_PACKAGES[@]}" "${CLIENT_PACKAGES[@]}")

# --------------------------------------------------------------------------------------------------- build

find_postgres() {
    PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$(server_version)/bin/pg_config}
    [ -x "$PG_CONFIG" ] || PG_CONFIG=$(command -v pg_config) || give_up "No pg_config found: set PG_CONFIG."
    BINDIR=$("$PG_CONFIG" --bindir)
    PGXS_DIR=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/../.." && pwd)
    [ -x "$BINDIR/postgres" ] || give_up "There is no server beside $PG_CONFIG."
    # Debian's programs come first: another python on the PATH seldom has FAISS.
    export PG_CONFIG PATH="$BINDIR:/usr/bin:/bin:$PATH"
}

# Builds in the source tree. Objects made for another server are thrown away first.
build_extension() {
    local stamp=$ROOT/build/built-for version
    version="$PG_CONFIG $("$PG_CONFIG" --version)"
    if [ "$(cat "$stamp" 2>/dev/null)" != "$version" ]; then
        quietly make -C "$ROOT" PG_CONFIG="$PG_CONFIG" clean
        mkdir -p "$ROOT/build"
        echo "$version" >"$stamp"
    fi
    quietly make -C "$ROOT" -j"$JOBS" PG_CONFIG="$PG_CONFIG" all client
}

# ---------------------------------------------------------------------------------- the throw-away instance

# Makes WORK, a folder that an unprivileged user can read and write, with the sources and the staged extension.
make_workplace() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/vecstore.XXXXXX")
    trap remove_workplace EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$WORK"
    copy_sources
    mkdir "$WORK/stage" "$WORK/sock"
    quietly make -C "$ROOT" PG_CONFIG="$PG_CONFIG" DESTDIR="$WORK/stage" install install-client
    write_server_settings
    if [ "$(id -u)" = 0 ]; then
        # initdb and the server refuse to run as root
        getent passwd postgres >/dev/null || give_up "There is no user postgres to run the server as."
        chown -R postgres: "$WORK"
    fi
    mount_small_disk
    export VECSTORE_SHARED=$WORK/shared VECSTORE_STAGE=$WORK/stage HOME=$WORK
    export PGHOST=$WORK/sock PGPORT=5432 PGUSER=postgres
}

# A file system that is soon full. Tests that need one are skipped where none may be mounted.
mount_small_disk() {
    mkdir "$WORK/small"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || return 0
    if as_root mount -t tmpfs -o size=32m,mode=1777 tmpfs "$WORK/small" 2>/dev/null; then export VECSTORE_SMALL_DISK=$WORK/small; fi
}

remove_workplace() {
    local rc=$?
    set +e
    [ -z "${VECSTORE_SMALL_DISK:-}" ] || as_root umount -l "$WORK/small"
    [ -f "$WORK/data/postmaster.pid" ] && unprivileged "$BINDIR/pg_ctl" -D "$WORK/data" -m immediate -w stop >/dev/null 2>&1
    if [ -n "${KEEP_WORK:-}" ]; then say "Kept: $WORK"; else rm -rf "$WORK"; fi
    return $rc
}

# The tree may lie where the server's user cannot read (/root, a home): tests run on a copy. The part of
# the shared material that tests can use comes along.
copy_sources() {
    mkdir "$WORK/vecstore" "$WORK/shared"
    tar -C "$ROOT" --exclude-vcs --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude=./build \
        --exclude='./tmp_check*' --exclude=./results --exclude=./output_iso -cf - . | tar -C "$WORK/vecstore" -xf -
    local shared=${VECSTORE_SHARED:-$ROOT/../shared} part
    for part in testdata bench reference; do
        if [ -d "$shared/$part" ]; then cp -r "$shared/$part" "$WORK/shared/"; fi
    done
    chmod -R u+w,a+rX "$WORK"
}

# The settings by which a server finds the staged extension. Debian's look in extension_destdir first; from 18 on there are
# settings for it in PostgreSQL itself. Where there is neither, the extension has to be installed for real.
write_server_settings() {
    local share lib
    share=$WORK/stage$("$PG_CONFIG" --sharedir) lib=$WORK/stage$("$PG_CONFIG" --pkglibdir)
    SERVER_SETTINGS=$WORK/server.conf
    {
        if grep -q extension_destdir "$BINDIR/postgres"; then
            echo "extension_destdir = '$WORK/stage'"
        elif [ "$(server_version)" -ge 18 ]; then
            echo "extension_control_path = '$share:\$system'"
            echo "dynamic_library_path = '$lib:\$libdir'"
        else
            as_root make -C "$ROOT" PG_CONFIG="$PG_CONFIG" install >/dev/null
        fi
    } >"$SERVER_SETTINGS"
}

# Runs a command as the user the server runs as, in the copy of the sources.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then (cd "$WORK/vecstore" && runuser -u postgres -- "$@")
    else (cd "$WORK/vecstore" && "$@")
    fi
}

# start_server [SETTING...]: a cluster in WORK/data; settings as in postgresql.conf.
start_server() {
    unprivileged "$BINDIR/initdb" -D "$WORK/data" -U postgres -A trust -E UTF8 --no-locale -N >"$WORK/initdb.log" 2>&1 ||
        { cat "$WORK/initdb.log" >&2; return 1; }
    {
        cat "$SERVER_SETTINGS"
        printf '%s\n' "unix_socket_directories = '$WORK/sock'" "listen_addresses = ''"
        printf '%s\n' "$@"
    } | unprivileged tee -a "$WORK/data/postgresql.conf" >/dev/null
    start_again
}

# start_again [OPTION...]: of pg_ctl. (test/run gives some.)
# shellcheck disable=SC2120
start_again() {
    unprivileged "$BINDIR/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -s -w -t 60 "$@" start </dev/null >/dev/null ||
        { cat "$WORK/server.log" >&2; return 1; }
}

stop_server() { unprivileged "$BINDIR/pg_ctl" -D "$WORK/data" -m fast -s -w stop; }
