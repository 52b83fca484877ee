#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the packages of tools/packages that are missing:
#   tools/setup.sh run      what `make run` needs
#   tools/setup.sh web      that, and what `make page` needs
#   tools/setup.sh check    all of it: what `make check` needs
# As root or with sudo; otherwise it prints the one command to run, and fails.
set -u

usage() {
    echo "usage: tools/setup.sh run|web|check [--list]"
    echo "Installs the Debian packages that are missing (tools/packages); --list only names them."
}

case "${1:-}" in
run | web | check) scope=$1 ;;
--help | -h) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac
list=$(dirname "$0")/packages

# present PROOF: see tools/packages
present() {
    case $1 in
    # A dynamic program names its interpreter right after its headers.
    static:*) [ -x "${1#static:}" ] && ! head -c 1024 "${1#static:}" | grep -aq /ld-linux ;;
    /*)
        # shellcheck disable=SC2086 # a pattern, to be expanded
        set -- $1
        [ -e "$1" ]
        ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# find_missing: sets $missing, each name with a space before it
find_missing() {
    missing=
    while read -r package proof purpose _; do
        case $package in '' | '#'*) continue ;; esac
        [ "$scope" = check ] || [ "$purpose" = run ] || [ "$purpose" = "$scope" ] || continue
        present "$proof" || missing="$missing $package"
    done <"$list"
}

find_missing

if [ "${2:-}" = --list ]; then
    for package in $missing; do echo "$package"; done
    exit 0
fi
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Quire needs these Debian packages, or what your system has for them:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    echo "Quire needs packages that are not installed. As root, run:" >&2
    echo "    apt-get update && $install" >&2
    exit 1
fi

echo "Installing what is missing:$missing"
# The lists may be missing or too old to name what the servers have: then they are renewed.
export DEBIAN_FRONTEND=noninteractive
run() { $as_root env DEBIAN_FRONTEND=noninteractive "$@"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the command is a list of words
if ! run $install >"$log" 2>&1; then
    { run apt-get update && run $install; } >"$log" 2>&1 || {
        cat "$log" >&2
        echo "The packages could not be installed. As root, run:" >&2
        echo "    apt-get update && $install" >&2
        exit 1
    }
fi

find_missing
if [ -n "$missing" ]; then
    echo "Installed, but what shows it in tools/packages is still not there:$missing" >&2
    exit 1
fi
