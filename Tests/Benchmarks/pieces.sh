# What routing and each head middleware of the library add to a request, in instructions: the difference of two runs in
# front of the static answer, behind five heads that do nothing. On one connection, so that the loop finds one event at a
# time and the figures repeat within 0.2 per cent of the whole request. Sourced by run.sh.

measure_pieces() {
    local build binary
    prepare_callgrind
    for build in release production; do
        binary=$stage/$build
        strip -g -o "$binary" "${!build}"
        measure_routing
        measure_head_middlewares
    done
}

measure_routing() {
    local path=/service-7/items/list bare few many
    bare=$(piece_counted $path)
    few=$(piece_counted $path --routes 10)
    many=$(piece_counted $path --routes 10000)
    row "instructions, one of 10,000 routes, $build build" "$(grouped $((many - bare)))" \
        "one of 10: $(grouped $((few - bare)))" "$(ratio $((many - bare)) $((few - bare)))" \
        '≤' 1.2 "$(ratio $((many - bare)) $((few - bare)))"
    row "the same with the whole request" "$(grouped $many)" "one of 10: $(grouped $few)" "$(ratio $many $few)"
    few=$(piece_counted $path --routes 10 --parameters)
    row "instructions, a route with two parameters, $build build" "$(grouped $((few - bare)))" – – \
        '≤' 600 $((few - bare))
}

measure_head_middlewares() {
    local origin='origin: https://app.example' same='sec-fetch-site: same-origin' post=':method: POST' bare few many
    bare=$(piece_counted /)
    piece_row 'IPFilter' --layer ip-filter
    piece_row 'BodyLimit' --layer body-limit
    piece_row 'LoadShedder' --layer load-shedder
    piece_row 'Maintenance, off' --layer maintenance
    piece_row 'SecurityHeaders' --layer security-headers
    piece_row 'SecurityHeaders with a nonce' --layer security-headers-nonce
    piece_row 'CORS, the same origin' --layer cors
    piece_row 'HeaderRewrite, a field set and one removed' --layer header-rewrite
    piece_row 'HeaderRewrite, a path prefix that the path has not' --layer path-rewrite
    piece_row 'ErrorPages' --layer error-pages
    load=(-H "$origin")
    bare=$(piece_counted /)
    piece_row 'CORS, another origin' --layer cors
    load=(-H "$same")
    bare=$(piece_counted /)
    piece_row 'CSRF, GET' --layer csrf
    load=(-H "$same" -H "$post")
    bare=$(piece_counted /)
    piece_row 'CSRF, POST' --layer csrf
    load=()
    few=$(piece_counted / --networks 100)
    many=$(piece_counted / --networks 100000)
    # The look-up is the same to the instruction; the rest is what two runs differ by.
    row "instructions, request behind 100,000 networks, $build build" "$(grouped $many)" \
        "100 networks: $(grouped $few)" "$(ratio $many $few)" '≤' 1.00 "$(ratio $many $few)"
}

piece_row() { # WHAT ARGUMENT …; fields of the requests in $load, and what they cost without the piece in $bare
    local what=$1 with
    shift
    with=$(piece_counted / "$@")
    row "instructions, $what, $build build" "$(grouped $((with - bare)))" – – '≤' 300 $((with - bare))
}

piece_counted() { # PATH ARGUMENT …
    local path=$1
    shift
    our_arguments static --pass-through 5 "$@"
    load=(-c 1 "${load[@]}")
    # The lower of two: now and then the loop finds the two ends of a request in two turns, which costs 250 more.
    counted "$our_url$path" "$binary" "${ours[@]}"
    local first=$instructions
    counted "$our_url$path" "$binary" "${ours[@]}"
    echo "$((first < instructions ? first : instructions))"
}
