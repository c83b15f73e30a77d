# Resident memory: how far it grows while a slow client takes a large body, and what an idle kept-alive connection holds.
# Sourced by run.sh.

measure_memory() {
    local mine nginx
    start_ours proxy --pass-through 5
    mine=$(python3 "$here/memory.py" slow "$our_pid" "$our_url/large")
    nginx=$(python3 "$here/memory.py" slow "$nginx_pid" "$nginx_url/large")
    row "memory growth, $gigabytes GiB to a slow reader" "$mine MB" "nginx $nginx MB" – '≤' 32 "$mine" MB
    stop "$our_pid"

    start_ours proxy --awaiting 10
    mine=$(python3 "$here/memory.py" idle "$our_pid" "$our_url/" "$idle_connections")
    nginx=$(python3 "$here/memory.py" idle "$nginx_pid" "$nginx_url/" "$idle_connections")
    row "memory, an idle connection that was served through ten awaiting middlewares" "$(grouped "$mine") bytes" \
        "nginx $(grouped "$nginx") bytes" "$(ratio "$mine" "$nginx")" '≤' 10240 "$mine" bytes
    stop "$our_pid"
}
