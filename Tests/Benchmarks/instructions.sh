# User-space instructions for each request on kept-alive connections: two runs under callgrind that differ by 2,000
# requests, so that starting and stopping cancel out. The figures repeat within one per cent. Sourced by run.sh.

# More arguments for h2load, such as the fields of its requests.
load=()

# valgrind 3.19 cannot read the debug information of Swift: the binary is stripped of it and keeps its symbols.
counted() { # URL COMMAND …; in $instructions
    local url=$1 few many
    shift
    few=$(count 1000 "$url" "$@") && many=$(count 3000 "$url" "$@") || fail "no instructions were counted"
    instructions=$(((many - few) / 2000))
}
count() { # REQUESTS URL COMMAND …
    local requests=$1 url=$2 done_requests
    shift 2
    start callgrind "$url" env LD_PRELOAD="$stage/sigsuspend.so" \
        valgrind --tool=callgrind --callgrind-out-file="$stage/callgrind" "$@"
    done_requests=$(h2load --h1 -n "$requests" -c 8 -t 1 "${load[@]}" "$url" 2>&1 | grep -oE '[0-9]+ succeeded' || true)
    if [ "$done_requests" != "$requests succeeded" ]; then
        say "$1 answered ${done_requests:-nothing} of $requests requests"
        return 1
    fi
    stop "$started"
    grep -E 'Collected' "$stage/callgrind.out" | grep -oE '[0-9]+' | tail -n 1
}

measure_instructions() {
    local nginx_proxy nginx_static haproxy_proxy build binary proxy port
    prepare_callgrind
    # The peers that run already keep their ports: under callgrind they are started again there.
    stop "$nginx_pid"
    counted "$nginx_url/" "$(command -v nginx)" "${nginx_command[@]:1}" "$stage/nginx.conf"
    nginx_proxy=$instructions
    start_nginx
    stop "$haproxy_pid"
    counted "$haproxy_url/" "$(command -v haproxy)" -db -f "$stage/haproxy.cfg"
    haproxy_proxy=$instructions
    start_haproxy
    # The origin is the peer of static answers, on a port of its own here since it still has to answer as the origin.
    port=$(free_ports 1)
    sed "s/listen $origin_address/listen 127.0.0.1:$port/; s/origin.pid/static.pid/" "$stage/origin.conf" >"$stage/static.conf"
    counted "http://127.0.0.1:$port/" "$(command -v nginx)" "${nginx_command[@]:1}" "$stage/static.conf"
    nginx_static=$instructions

    for build in release production; do
        binary=$stage/$build
        strip -g -o "$binary" "${!build}"
        local bound=42000
        [ $build = release ] || bound=33000

        ours_counted proxy --pass-through 5
        proxy=$instructions
        row "instructions, proxy behind five head middlewares, $build build" "$(grouped $proxy)" \
            "nginx $(grouped $nginx_proxy)" "$(ratio $proxy $nginx_proxy)" '≤' $bound $proxy
        row "the same against HAProxy" "$(grouped $proxy)" \
            "HAProxy $(grouped $haproxy_proxy)" "$(ratio $proxy $haproxy_proxy)"
        ours_counted static --pass-through 5
        static=$instructions
        row "instructions, static answer behind five head middlewares, $build build" "$(grouped $static)" \
            "nginx $(grouped $nginx_static)" "$(ratio $static $nginx_static)"
        # In front of the static answer, and many of them: how many events the loop finds at a time varies a little from run
        # to run, and weighs less here.
        ours_counted static --pass-through 55
        instructions=$(((instructions - static) / 50))
        row "instructions, one more head layer, $build build" "$(grouped $instructions)" – – '≤' 100 $instructions
        ours_counted static --pass-through 5 --awaiting 20
        instructions=$(((instructions - static) / 20))
        row "instructions, one more awaiting layer, $build build" "$(grouped $instructions)" – – '≤' 1200 $instructions
    done
}

# What costs how much, function by function, of the proxy behind five head middlewares in the production build. Not part
# of a comparison.
measure_profile() {
    local binary=$stage/production listing=$root/.build-production/profile requests=3000 options
    prepare_callgrind
    strip -g -o "$binary" "$production"
    our_arguments proxy --pass-through 5
    count "$requests" "$our_url/" "$binary" "${ours[@]}" >/dev/null || fail "no instructions were counted"
    mkdir -p "${listing%/*}"
    for options in --inclusive=no --inclusive=yes --tree=both; do
        callgrind_annotate --threshold=99 $options "$stage/callgrind" 2>/dev/null | swift demangle --simplified
    done >"$listing.txt"
    cp "$stage/callgrind" "$listing.callgrind"
    say "Of $requests requests, in .build-production: profile.txt, which has what each function costs, what it costs with"
    say "all it calls, and who calls whom; and profile.callgrind for callgrind_annotate and kcachegrind. The first of it:"
    callgrind_annotate "$stage/callgrind" 2>/dev/null | swift demangle --simplified | cut -c 1-160 | head -n 60
}

prepare_callgrind() {
    clang -shared -fPIC -O1 -o "$stage/sigsuspend.so" "$here/sigsuspend.c"
}
ours_counted() { # SHAPE ARGUMENT …
    our_arguments "$@"
    counted "$our_url/" "$binary" "${ours[@]}"
}
