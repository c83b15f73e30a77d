# Bulk data through TCPProxy over HAProxy in TCP mode, in turn in one run, the median of the ratios of the rounds: bytes a
# second of two downloads at a time, and processor time for a gigabyte. Sourced by run.sh.

measure_tcp() {
    local round mine theirs haproxy haproxy_port tcp_port size
    read -r haproxy_port tcp_port <<<"$(free_ports 2)"
    cat >"$stage/tcp.cfg" <<END
global
    nbthread 1
defaults
    mode tcp
    timeout client 60s
    timeout server 60s
    timeout connect 5s
listen bulk
    bind 127.0.0.1:$haproxy_port
    server origin $origin_address
END
    start haproxy-tcp "http://127.0.0.1:$haproxy_port/" haproxy -db -f "$stage/tcp.cfg"
    haproxy=$started
    start ours "http://127.0.0.1:$tcp_port/" "$production" --static --listen "127.0.0.1:$our_port" --threads 1 \
        --tcp "127.0.0.1:$tcp_port=$origin_address"
    our_pid=$started
    size=$((gigabytes << 30))

    : >"$stage/rate"
    : >"$stage/cost"
    for round in $(seq "$rounds"); do
        theirs=$(bulk "$haproxy" "http://127.0.0.1:$haproxy_port/large" "$size")
        mine=$(bulk "$our_pid" "http://127.0.0.1:$tcp_port/large" "$size")
        awk -v a="$mine" -v b="$theirs" 'BEGIN { split(a, m); split(b, t); print m[1] / t[1] }' >>"$stage/rate"
        awk -v a="$mine" -v b="$theirs" 'BEGIN { split(a, m); split(b, t); print m[2] / t[2] }' >>"$stage/cost"
        say "  bulk data, round $round (GB a second, processor seconds a GB): ours $mine, HAProxy $theirs"
    done
    local rate cost
    rate=$(median <"$stage/rate")
    cost=$(median <"$stage/cost")
    row "throughput, TCPProxy, bulk data" – "HAProxy, mode tcp" "$rate" '≥' 0.9 "$rate"
    row "processor time, the same" – "HAProxy, mode tcp" "$cost"
    stop "$our_pid"
    stop "$haproxy"
}

# Two downloads at a time: GB a second, and processor seconds of the process for a GB.
bulk() { # PID URL BYTES
    local before began pids=() pid
    before=$(ticks "$1")
    began=$(date +%s%N)
    for _ in 1 2; do
        curl -sf -o /dev/null "$2" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "$2 was not sent whole"; done
    awk -v bytes="$((2 * $3))" -v nanoseconds="$(($(date +%s%N) - began))" \
        -v ticks="$(($(ticks "$1") - before))" -v hertz="$(getconf CLK_TCK)" \
        'BEGIN { printf "%.3f %.3f", bytes / nanoseconds, ticks / hertz / (bytes / 1e9) }'
}
