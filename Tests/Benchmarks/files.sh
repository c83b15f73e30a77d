# Files of a folder, ours over nginx with `sendfile off`, in turn in one run, the median of the ratios of the rounds: requests
# a second and processor time for 64 KiB, and resident memory while eight connections take 100 MB each. Sourced by run.sh.

measure_files() {
    local round mine nginx rate port rss
    port=$(free_ports 1)
    nginx_configuration files <<END
server {
    listen 127.0.0.1:$port backlog=8192;
    root $stage/files;
    default_type application/octet-stream;
    sendfile off;
}
END
    start files "http://127.0.0.1:$port/64k" "${nginx_command[@]}" "$stage/files.conf"
    nginx=$started
    start ours "$our_url/64k" "$production" --listen "127.0.0.1:$our_port" --threads 1 --files "$stage/files"
    our_pid=$started

    : >"$stage/rate"
    for round in $(seq "$rounds"); do
        mine=$(requests_per_second "$our_url/64k")
        rate=$(requests_per_second "http://127.0.0.1:$port/64k")
        awk -v a="$mine" -v b="$rate" 'BEGIN { print a / b }' >>"$stage/rate"
        say "  64 KiB of a file, round $round: ours $mine requests a second, nginx $rate"
    done
    rate=$(median <"$stage/rate")
    row "throughput, a file of 64 KiB" – "nginx, sendfile off" "$rate" '≥' 0.9 "$rate"
    compare_processor "file, 64 KiB" /64k "$nginx" "http://127.0.0.1:$port"
    row "processor time, the same" – "nginx, sendfile off" "$against_nginx"

    # A warm-up first, so that what is weighed is what a larger file needs and not what the first one does.
    wrk -t1 -c8 -d2s "$our_url/64k" >/dev/null
    mine=$(resident "$our_pid")
    wrk -t1 -c8 -d"${seconds}s" "$our_url/100m" >/dev/null &
    for round in $(seq "$((seconds * 10))"); do
        sleep 0.1
        resident "$our_pid"
    done | sort -n | tail -n 1 >"$stage/resident"
    wait $!
    rss=$(awk -v a="$(cat "$stage/resident")" -v b="$mine" 'BEGIN { printf "%.1f", (a > b ? a - b : 0) / 1024 }')
    row "memory growth, eight clients take 100 MB of a file" "$rss MB" – – '≤' 32 "$rss" MB
    stop "$our_pid"
    stop "$nginx"
}

requests_per_second() { # URL
    local report
    report=$(wrk -t1 -c32 -d"${seconds}s" "$1")
    if grep -qE 'Non-2xx|Socket errors' <<<"$report"; then fail "$1 did not answer every request"; fi
    awk '/Requests\/sec/ { printf "%d", $2 }' <<<"$report"
}
# Resident memory in KiB.
resident() { # PID
    awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}
