# Where a run takes place: a folder of its own, the servers in it, and the table that comes out. Sourced by run.sh.

say() { echo "$*" >&2; }
fail() { say "run.sh: $*"; exit 1; }

# Where Debian keeps servers, and an ordinary user's path does not look.
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=()
need() { # TOOL PACKAGE
    command -v "$1" >/dev/null || missing+=("$1:$2")
}
missing_tools() {
    [ ${#missing[@]} -gt 0 ] || return 0
    local packages
    packages=$(printf '%s\n' "${missing[@]#*:}" | sort -u | paste -s -d ' ')
    fail "not installed: ${missing[*]%%:*}. On Debian and Ubuntu: apt-get install --no-install-recommends $packages"
}

open_stage() {
    stage=$(mktemp -d)
    chmod 755 "$stage"
    : >"$stage/pids"
    trap close_stage EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # Every server holds a descriptor for each connection, a proxy two.
    ulimit -n "$(ulimit -H -n)"
}
close_stage() {
    trap - EXIT
    local pid
    while read -r pid; do stop "$pid"; done <"$stage/pids"
    rm -rf "$stage"
}

# Starts a server and waits until the URL answers; its process is in $started. Processes are noted in a file, since a
# subshell's variables are its own.
start() { # NAME URL COMMAND …
    local name=$1 url=$2 try
    shift 2
    "$@" </dev/null >"$stage/$name.out" 2>&1 &
    started=$!
    echo "$started" >>"$stage/pids"
    for try in $(seq 300); do
        curl -s -o /dev/null --max-time 2 "$url" && return 0
        kill -0 "$started" 2>/dev/null || break
        sleep 0.1
    done
    say "$name does not answer. Its last words:"
    tail -n 20 "$stage/$name.out" >&2
    exit 1
}
stop() { # PID
    kill -TERM "$1" 2>/dev/null || return 0
    local try
    for try in $(seq 600); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
free_ports() { # COUNT
    python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])' "$1"
}

build() { # FLAG …; the binary is in $built
    say "Building: swift build -c release --product ExampleServer $*"
    (cd "$root" && swift build -c release --product ExampleServer "$@" >&2)
    built=$(cd "$root" && swift build -c release --product ExampleServer "$@" --show-bin-path)/ExampleServer
}
build_release() {
    build
    release=$built
}
build_production() {
    build --scratch-path "$root/.build-production" --static-swift-stdlib \
        -Xswiftc -Ounchecked -Xswiftc -enforce-exclusivity=unchecked \
        -Xswiftc -cross-module-optimization
    production=$built
}

# One process and one thread each, so that a process identifier is all there is to weigh. The origin also answers as the
# peer of static answers.
start_peers() {
    local origin_port nginx_port haproxy_port
    read -r origin_port nginx_port haproxy_port our_port <<<"$(free_ports 4)"
    origin=http://127.0.0.1:$origin_port
    origin_address=127.0.0.1:$origin_port
    nginx_url=http://127.0.0.1:$nginx_port
    haproxy_url=http://127.0.0.1:$haproxy_port
    our_url=http://127.0.0.1:$our_port

    mkdir "$stage/files"
    head -c 65536 /dev/zero | tr '\0' 'a' >"$stage/files/64k"
    truncate -s 104857600 "$stage/files/100m"
    truncate -s "$((gigabytes << 30))" "$stage/files/large"

    local json='{"message":"a hundred and four bytes of JSON from the origin, that is an nginx with nothing else to do"}'
    nginx_configuration origin <<END
server {
    listen $origin_address backlog=8192;
    root $stage/files;
    default_type application/octet-stream;
    sendfile on;
    location = / { default_type application/json; return 200 '$json'; }
}
END
    nginx_configuration nginx <<END
upstream origin { server $origin_address; keepalive 256; keepalive_requests 100000000; }
server {
    listen 127.0.0.1:$nginx_port backlog=8192;
    location / {
        proxy_pass http://origin;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        proxy_max_temp_file_size 0;
    }
}
END
    cat >"$stage/haproxy.cfg" <<END
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    option forwardfor
frontend proxy
    bind 127.0.0.1:$haproxy_port
    default_backend origin
backend origin
    http-reuse always
    server origin $origin_address
END
    nginx_command=(nginx -p "$stage" -e "$stage/nginx.log" -c)
    start origin "$origin/" "${nginx_command[@]}" "$stage/origin.conf"
    origin_pid=$started
    start_nginx
    start_haproxy
    [ "$(curl -s "$origin/" | wc -c)" = 104 ] || fail "the origin's answer is not 104 bytes"
}
nginx_configuration() { # NAME <HTTP-BLOCK
    {
        printf 'daemon off; master_process off; pid %s/%s.pid;\n' "$stage" "$1"
        printf 'events { worker_connections 16384; }\nhttp {\naccess_log off; keepalive_requests 100000000;\n'
        local kind
        for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/temp;\n' "$kind" "$stage"; done
        cat
        echo '}'
    } >"$stage/$1.conf"
}
start_nginx() {
    start nginx "$nginx_url/" "${nginx_command[@]}" "$stage/nginx.conf"
    nginx_pid=$started
}
start_haproxy() {
    start haproxy "$haproxy_url/" haproxy -db -f "$stage/haproxy.cfg"
    haproxy_pid=$started
}

# One event loop in the given shape.
our_arguments() { # proxy|static ARGUMENT …; in $ours
    ours=(--listen "127.0.0.1:$our_port" --threads 1)
    case $1 in
    proxy) ours+=(--upstream "$origin_address") ;;
    static) ours+=(--static) ;;
    esac
    shift
    ours+=("$@")
}
start_ours() { # proxy|static ARGUMENT …
    our_arguments "$@"
    start ours "$our_url/" "$production" "${ours[@]}"
    our_pid=$started
}

table_head() {
    printf '| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n' \
        'what' 'ours' 'peer' 'ratio' 'target' | tee "$stage/table"
}
# A target is a bound on the figure that is given after it: `row … '≤' 42000 "$count"`.
row() { # WHAT OURS PEER RATIO ["≤"|"≥" BOUND FIGURE [UNIT]]
    local target='–'
    if [ $# -gt 4 ]; then
        local met
        met=$(awk -v how="$5" -v bound="$6" -v figure="$7" \
            'BEGIN { print ((how == "≤" ? figure <= bound : figure >= bound) ? "met" : "**missed**") }')
        target="$5 $(grouped "$6")${8:+ $8}, $met"
    fi
    printf '| %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" "$target" | tee -a "$stage/table"
}
grouped() { sed -E ':again; s/^([0-9]+)([0-9]{3})/\1,\2/; t again' <<<"$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "–" }'; }
median() { sort -g | awk '{ v[NR] = $1 } END { printf "%.2f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
about() {
    local swift
    swift=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9.]+' | head -n 1)
    printf '%s, %s cores, %s, %s, %s' "$(uname -s -m)" "$(getconf _NPROCESSORS_ONLN)" "${swift:-no Swift}" \
        "$(nginx -v 2>&1 | grep -oE 'nginx/[0-9.]+' | tr / ' ')" \
        "$(haproxy -v | grep -oE 'HAProxy version [0-9.]+' | head -n 1 | sed 's/ version//')"
}
