# A body of 100 MB through one connection, ours over nginx, in turn in one run, the median of the ratios of the rounds.
# Sourced by run.sh.

measure_throughput() {
    local round mine nginx against
    start_ours proxy --pass-through 5
    : >"$stage/throughput"
    bytes_per_second "$our_url/100m" >/dev/null
    bytes_per_second "$nginx_url/100m" >/dev/null
    for round in $(seq "$rounds"); do
        mine=$(bytes_per_second "$our_url/100m")
        nginx=$(bytes_per_second "$nginx_url/100m")
        awk -v a="$mine" -v b="$nginx" 'BEGIN { print a / b }' >>"$stage/throughput"
        say "  100 MB, round $round: ours $((mine / 1000000)) MB/s, nginx $((nginx / 1000000)) MB/s"
    done
    against=$(median <"$stage/throughput")
    row "throughput, 100 MB through the proxy" – nginx "$against" '≥' 0.9 "$against"
    stop "$our_pid"
}

bytes_per_second() { # URL
    local answer
    answer=$(curl -sf -o /dev/null -w '%{size_download} %{speed_download}' "$1") || fail "$1 was cut short"
    [ "${answer% *}" = 104857600 ] || fail "$1 brought ${answer% *} bytes"
    answer=${answer#* }
    echo "${answer%.*}"
}
