# Processor time for each request, user and system, of one thread under 64 busy connections: ours over a peer's, in turn
# in one run, the median of the ratios of the rounds. Sourced by run.sh.

measure_processor() {
    local against_nginx against_haproxy
    start_ours proxy --pass-through 5
    compare_processor "proxy, 104 bytes" / "$nginx_pid" "$nginx_url" "$haproxy_pid" "$haproxy_url"
    row "processor time, proxy behind five head middlewares, 104 bytes" – nginx "$against_nginx" '≤' 1.2 "$against_nginx"
    row "the same against HAProxy" – HAProxy "$against_haproxy"
    compare_processor "proxy, 64 KiB" /64k "$nginx_pid" "$nginx_url" "$haproxy_pid" "$haproxy_url"
    row "processor time, the same with 64 KiB" – nginx "$against_nginx"
    row "the same against HAProxy" – HAProxy "$against_haproxy"
    stop "$our_pid"

    start_ours static --pass-through 5
    compare_processor "static" / "$origin_pid" "$origin"
    row "processor time, static answer behind five head middlewares" – nginx "$against_nginx" '≤' 1.3 "$against_nginx"
    stop "$our_pid"
}

compare_processor() { # WHAT PATH NGINX-PID NGINX-URL [HAPROXY-PID HAPROXY-URL]; in $against_nginx and $against_haproxy
    local what=$1 path=$2 round mine nginx haproxy
    : >"$stage/against-nginx"
    : >"$stage/against-haproxy"
    for round in $(seq "$rounds"); do
        mine=$(microseconds "$our_pid" "$our_url$path")
        nginx=$(microseconds "$3" "$4$path")
        awk -v a="$mine" -v b="$nginx" 'BEGIN { print a / b }' >>"$stage/against-nginx"
        haproxy=–
        if [ $# -gt 4 ]; then
            haproxy=$(microseconds "$5" "$6$path")
            awk -v a="$mine" -v b="$haproxy" 'BEGIN { print a / b }' >>"$stage/against-haproxy"
        fi
        say "  $what, round $round: ours $mine µs a request, nginx $nginx, HAProxy $haproxy"
    done
    against_nginx=$(median <"$stage/against-nginx")
    against_haproxy=$(median <"$stage/against-haproxy")
}

microseconds() { # PID URL
    local before after report requests
    wrk -t1 -c64 -d1s "$2" >/dev/null
    before=$(ticks "$1")
    report=$(wrk -t1 -c64 -d"${seconds}s" "$2")
    after=$(ticks "$1")
    if grep -qE 'Non-2xx|Socket errors' <<<"$report"; then
        grep -E 'Non-2xx|Socket errors' <<<"$report" >&2
        say "$2 did not answer every request; its time counts for nothing"
        exit 1
    fi
    requests=$(awk '/requests in/ { print $1 }' <<<"$report")
    [ "${requests:-0}" -gt 0 ] || fail "$2 answered no request"
    awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v n="$requests" \
        'BEGIN { printf "%.2f", ticks * 1e6 / hz / n }'
}
# User and system time of a process and its children, in ticks: fields 14 and 15 of proc_pid_stat(5), counted from
# behind the command, which may hold spaces.
ticks() { # PID
    local pid sum=0 fields
    for pid in "$1" $(pgrep -P "$1"); do
        fields=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
        set -- $fields
        sum=$((sum + ${12} + ${13}))
    done
    echo "$sum"
}
