#!/usr/bin/env bash
# Compares this library with nginx and HAProxy on this machine, in one run, and prints a Markdown table.
#
#   run.sh [PART …] [OPTION …]       parts: instructions pieces balancing processor throughput files tcp memory; all
#                                    unless given
#                                    profile, which is none of them: the costliest functions, under callgrind
#     --write                        put the table into Documentation/Performance.md
#     --rounds N                     rounds of whatever is measured in time, in turn with the peers; 5 unless given
#     --seconds N                    seconds of load in each of them; 4 unless given
#     --connections N                idle connections to weigh; 2000 unless given
#     --gigabytes N                  what the slow reader is sent; 1 unless given
#     --release FILE, --production FILE
#                                    an ExampleServer that was built before, instead of building it now
#
# Documentation/Performance.md says what is measured and how to read it. Machines differ and are noisy: a time is only
# worth its ratio to a peer's in the same run, so the table has no times. Instructions and bytes repeat.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
for part in stage instructions pieces balancing processor throughput files tcp memory; do . "$here/$part.sh"; done

parts=() write= rounds=5 seconds=4 idle_connections=2000 gigabytes=1 release= production= arguments=()
number() { # OPTION VALUE
    [[ "$2" =~ ^[1-9][0-9]*$ ]] || fail "$1 '$2' is no number above zero"
    echo "$2"
}
while [ $# -gt 0 ]; do
    # The command that is written down names no file of this machine.
    case $1 in
    --release | --production) arguments+=("$1" FILE) ;;
    --rounds | --seconds | --connections | --gigabytes) arguments+=("$1" "${2-}") ;;
    *) arguments+=("$1") ;;
    esac
    case $1 in
    all) parts+=(instructions pieces balancing processor throughput files tcp memory) ;;
    instructions | pieces | balancing | processor | throughput | files | tcp | memory | profile) parts+=("$1") ;;
    --write) write=yes ;;
    --rounds) rounds=$(number "$1" "${2-}"); shift ;;
    --seconds) seconds=$(number "$1" "${2-}"); shift ;;
    --connections) idle_connections=$(number "$1" "${2-}"); shift ;;
    --gigabytes) gigabytes=$(number "$1" "${2-}"); shift ;;
    --release) release=${2:?--release needs a file}; shift ;;
    --production) production=${2:?--production needs a file}; shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "unknown argument '$1'; see run.sh --help" ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(instructions pieces balancing processor throughput files tcp memory)
page=$root/Documentation/Performance.md
if [ -n "$write" ]; then
    grep -q '^<!-- figures: begin -->$' "$page" && grep -q '^<!-- figures: end -->$' "$page" \
        || fail "Documentation/Performance.md has no line '<!-- figures: begin -->' or none '<!-- figures: end -->'"
fi

need nginx nginx
need haproxy haproxy
need curl curl
need python3 python3
for part in "${parts[@]}"; do
    case $part in
    instructions | pieces | balancing | profile)
        need valgrind valgrind
        need h2load nghttp2-client
        need strip binutils
        need clang clang
        ;;
    processor | files)
        need wrk wrk
        need pgrep procps
        ;;
    esac
done
missing_tools

open_stage
[ -n "$release" ] || [[ ! " ${parts[*]} " =~ " "(instructions|pieces)" " ]] || build_release
[ -n "$production" ] || build_production
start_peers
if [ "${parts[*]}" = profile ]; then
    measure_profile
    exit 0
fi

table_head
for part in "${parts[@]}"; do "measure_$part"; done

{
    echo "Measured on $(date -u +%Y-%m-%d) by \`Tests/Benchmarks/run.sh${arguments:+ ${arguments[*]}}\`: $(about)."
    echo
    cat "$stage/table"
} >"$stage/report"
if [ -n "$write" ]; then
    python3 "$here/insert.py" "$stage/report" "$page"
    say "The table is in Documentation/Performance.md."
else
    echo
    cat "$stage/report"
fi
