#!/usr/bin/env bash
# Installs the programs that the scripts of this folder run: Debian's packages and, in a cache outside of
# the checkout, Python's and Node's. Prints the cache's folder last. What is there already stays.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache="${QUERN_CLIENTS:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/quern/clients}"
mkdir -p "$cache"

# What a program of a package is called: apt is asked only if one is missing.
debian() {
    local missing=()
    for pair in "$@"; do
        [ -e "${pair#*=}" ] || command -v "${pair#*=}" >/dev/null || missing+=("${pair%%=*}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# A virtual environment of a name with the packages of `requirements/NAME.txt`, made again if that file changed.
python() {
    local place="$cache/$1" wanted="$here/requirements/$1.txt"
    cmp -s "$wanted" "$place/requirements.txt" && return
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/pip" install -q --disable-pip-version-check --only-binary=:all: -r "$wanted"
    cp "$wanted" "$place/requirements.txt"
}

node() {
    local place="$cache/node"
    cmp -s "$here/requirements/package.json" "$place/package.json" && [ -d "$place/node_modules" ] && return
    mkdir -p "$place"
    cp "$here/requirements/package.json" "$place/package.json"
    (cd "$place" && npm install --no-audit --no-fund --silent)
}

{
    debian postgresql-15=/usr/lib/postgresql/15/bin/postgres postgresql-contrib=/usr/lib/postgresql/15/bin/pgbench \
        zstd=zstd sqlsmith=sqlsmith default-jdk-headless=javac libpostgresql-jdbc-java=/usr/share/java/postgresql.jar \
        nodejs=node npm=npm pgbouncer=pgbouncer odbc-postgresql=/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so \
        libodbc2=/usr/lib/x86_64-linux-gnu/libodbc.so.2 \
        libdbd-pg-perl=/usr/share/doc/libdbd-pg-perl ruby-pg=/usr/share/doc/ruby-pg php-cli=php \
        php-pgsql=/usr/share/doc/php-pgsql golang-go=go golang-github-lib-pq-dev=/usr/share/gocode/src/github.com/lib/pq
    python3 -c 'import ensurepip' || debian python3-venv=/nonexistent
    python main
    python sqlalchemy14
    python dbt
    node
} >&2
echo "$cache"
