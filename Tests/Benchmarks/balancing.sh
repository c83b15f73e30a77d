# What a cluster of three endpoints with probes costs over a bare reverse proxy, in user-space instructions for each
# request; then over many endpoints, since a choice must not cost more with more of them. Sourced by run.sh.

measure_balancing() {
    local bare three many binary=$stage/production algorithm upstreams=() number
    prepare_callgrind
    # On every loopback address, for endpoints that differ.
    balanced_port=$(free_ports 1)
    sed "s/listen $origin_address/listen $balanced_port/; s/origin.pid/balanced.pid/" "$stage/origin.conf" >"$stage/balanced.conf"
    start balanced "http://127.0.0.1:$balanced_port/" "${nginx_command[@]}" "$stage/balanced.conf"
    local balanced_pid=$started
    strip -g -o "$binary" "$production"
    ours_counted proxy
    bare=$instructions
    three=$(balanced_counted 3 power-of-two-choices)
    row "instructions, three endpoints with probes, production build" "$(grouped $three)" \
        "ReverseProxy: $(grouped $bare)" "$(ratio $three $bare)" '≤' 1.08 "$(ratio $three $bare)"
    for algorithm in round-robin weighted-round-robin random weighted-random power-of-two-choices least-requests least-time \
        ip-hash ring-hash maglev rendezvous; do
        three=$(balanced_counted 3 $algorithm)
        many=$(balanced_counted 200 $algorithm)
        row "instructions, 200 endpoints over three, $algorithm" "$(grouped $many)" "three: $(grouped $three)" \
            "$(ratio $many $three)"
    done
    stop "$balanced_pid"
}

# COUNT ALGORITHM; every endpoint is the one origin, by another of its loopback addresses.
balanced_counted() {
    local count=$1 algorithm=$2 number upstreams=()
    for number in $(seq "$count"); do upstreams+=(--upstream "127.0.$((number / 250)).$((number % 250 + 1)):$balanced_port"); done
    counted "$our_url/" "$binary" --listen "127.0.0.1:$our_port" --threads 1 "${upstreams[@]}" --balancing "$algorithm" \
        --health-path / --health-interval 3600 >&2
    echo "$instructions"
}
