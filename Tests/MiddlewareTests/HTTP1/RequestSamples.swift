import Middleware

/// Requests as they stand on the wire, one for each rule and each of its sides.
enum RequestSamples {
    private static let host = "\r\nHost: a\r\n\r\n"

    private static func get(_ fields: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n" }
    private static func post(_ fields: String, _ content: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(content)"
    }
    private static func chunks(_ content: String) -> String { post("Transfer-Encoding: chunked", content) }

    static let accepted: [WireSample] = startLines + targets + fieldLines + framing + chunked
    static let refused: [WireSample] =
        refusedStartLines + refusedTargets + refusedFields + refusedFraming + refusedChunks

    private static let startLines: [WireSample] = [
        .accepted("9112 3", "GET /a?b=c HTTP/1.1" + host, "GET /a?b=c authority 'a' none []"),
        .accepted("9110 9.1", "M-SEARCH!$~ / HTTP/1.1" + host, "M-SEARCH!$~ / authority 'a' none []"),
        .accepted("9110 9.1 case-sensitive", "get / HTTP/1.1" + host, "get / authority 'a' none []"),
        .accepted("9112 2.2 one empty line", "\r\nGET / HTTP/1.1" + host, "GET / authority 'a' none []"),
        .accepted("9110 2.5 higher minor", "GET / HTTP/1.7" + host, "GET / authority 'a' none []"),
        .accepted("9112 9.3 HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / authority '' none 1.0 last []"),
        .accepted(
            "9112 9.3 HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            "GET / authority '' none 1.0 [Connection=Keep-Alive]"
        ),
        .accepted(
            "9112 9.3 pipelined", "GET /1 HTTP/1.1\(host)PUT /2 HTTP/1.1\(host)", "GET /1 authority 'a' none []",
            "PUT /2 authority 'a' none []"
        ),
    ]

    private static let targets: [WireSample] = [
        .accepted(
            "9112 3.2.2 wins over Host", "GET http://B:80/x?y HTTP/1.1" + host,
            "GET /x?y scheme http authority 'B:80' none []"
        ),
        .accepted(
            "9110 4.2.3 empty path", "GET HTTPS://b HTTP/1.1" + host, "GET / scheme https authority 'b' none []"
        ),
        .accepted(
            "9110 4.2.3 empty path, query", "GET http://b?q HTTP/1.1" + host,
            "GET /?q scheme http authority 'b' none []"
        ),
        .accepted("9112 3.2.4", "OPTIONS * HTTP/1.1" + host, "OPTIONS * authority 'a' none []"),
        .accepted(
            "9112 3.2.4 absolute", "OPTIONS http://b HTTP/1.1" + host, "OPTIONS * scheme http authority 'b' none []"
        ),
        .accepted("9112 3.2.3", "CONNECT b:443 HTTP/1.1" + host, "CONNECT * authority 'b:443' none last []"),
        .accepted(
            "9112 3.2.3 IPv6", "CONNECT [::1]:443 HTTP/1.1" + host, "CONNECT * authority '[::1]:443' none last []"
        ),
        .accepted(
            "9112 3.2 Host with port", "GET / HTTP/1.1\r\nhOST:\tex-1.org:8080 \r\n\r\n",
            "GET / authority 'ex-1.org:8080' none []"
        ),
        .accepted("9112 3.2 empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / authority '' none []"),
        .accepted("3986 6.2.3 empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / authority 'a' none []"),
        .accepted(
            "3986 3.2.2 IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::192.0.2.1]:8\r\n\r\n",
            "GET / authority '[2001:db8::192.0.2.1]:8' none []"
        ),
        .accepted("3986 5.2.4", "GET /a/./b/../%63 HTTP/1.1" + host, "GET /a/c authority 'a' none []"),
    ]

    private static let fieldLines: [WireSample] = [
        .accepted(
            "9112 5", get("A: b c\r\nx-Y:d\r\nE:  f\t\r\nG:"), "GET / authority 'a' none [A=b c|x-Y=d|E=f|G=]"
        ),
        .accepted("9110 5.5 obs-text, HTAB", get("A: \u{E9}\tx"), "GET / authority 'a' none [A=\u{FFFD}\tx]"),
        .accepted(
            "9110 5.6.2 token", get("!#$%&'*+-.^_`|~09Az: 1"), "GET / authority 'a' none [!#$%&'*+-.^_`|~09Az=1]"),
        .accepted(
            "9112 9.3 close", get("Connection: x, CLOSE"), "GET / authority 'a' none last [Connection=x, CLOSE]"
        ),
        .accepted(
            "9110 5.6.1.2 empty members", get("Connection: , close,,"),
            "GET / authority 'a' none last [Connection=, close,,]"
        ),
        .accepted(
            "9110 7.8", get("Connection: Upgrade\r\nUpgrade: websocket, h2c"),
            "GET / authority 'a' none upgrade websocket [Connection=Upgrade|Upgrade=websocket, h2c]"
        ),
        .accepted("9110 7.8 not named", get("Upgrade: websocket"), "GET / authority 'a' none [Upgrade=websocket]"),
        .accepted(
            "9110 7.8 malformed offer", get("Connection: upgrade\r\nUpgrade: a b"),
            "GET / authority 'a' none [Connection=upgrade|Upgrade=a b]"
        ),
        .accepted(
            "9110 7.8 HTTP/1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            "GET / authority '' none 1.0 last [Connection=upgrade|Upgrade=x]"
        ),
        .accepted(
            "9110 10.1.1", post("Content-Length: 1\r\nExpect: 100-Continue", "x"),
            "POST / authority 'a' length(1) continue [Content-Length=1|Expect=100-Continue]", "content \"x\"", "end -"
        ),
        .accepted(
            "9110 10.1.1 no content", get("Expect: 100-continue"), "GET / authority 'a' none [Expect=100-continue]"
        ),
        .accepted(
            "9110 10.1.1 HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
            "POST / authority '' length(1) 1.0 last [Expect=100-continue|Content-Length=1]", "content \"x\"", "end -"
        ),
    ]

    private static let framing: [WireSample] = [
        .accepted(
            "9112 6.2", post("Content-Length: 0005", "hello"),
            "POST / authority 'a' length(5) [Content-Length=0005]", "content \"hello\"", "end -"
        ),
        .accepted("9112 6.2 zero", post("Content-Length: 0"), "POST / authority 'a' none [Content-Length=0]"),
        .accepted("9112 6.3 neither", post("A: b"), "POST / authority 'a' none [A=b]"),
        .accepted(
            "9112 6.3 next follows", post("Content-Length: 2", "hi") + "GET /2 HTTP/1.1" + host,
            "POST / authority 'a' length(2) [Content-Length=2]", "content \"hi\"", "end -",
            "GET /2 authority 'a' none []"
        ),
        .accepted(
            "9110 9.3.6 empty", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n",
            "CONNECT * authority 'a:1' none last [Content-Length=0]"
        ),
    ]

    private static let head = "POST / authority 'a' chunked [Transfer-Encoding=chunked]"
    private static let chunked: [WireSample] = [
        .accepted(
            "9112 7.1", chunks("5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"), head, "content \"hello0123456789\"",
            "end -"),
        .accepted("9112 7.1 no content", chunks("0\r\n\r\n"), head, "end -"),
        .accepted(
            "9112 7.1 sixteen digits", chunks("0000000000000001\r\nx\r\n0\r\n\r\n"), head, "content \"x\"", "end -"),
        .accepted(
            "9112 7 case", post("Transfer-Encoding: Chunked", "1\r\nx\r\n0\r\n\r\n"),
            "POST / authority 'a' chunked [Transfer-Encoding=Chunked]", "content \"x\"", "end -"
        ),
        .accepted(
            "9112 7.1.1",
            chunks("1;a;b=c ; d = \"e\\\";\"\r\nx\r\n0;z\r\n\r\n"),
            head, "content \"x\"", "end -"
        ),
        .accepted(
            "9112 7.1.2", chunks("1\r\nx\r\n0\r\nA: b\r\nC:d\r\n\r\n"), head, "content \"x\"", "end A=b|C=d"
        ),
        .accepted(
            "9110 6.5.1 dropped", chunks("0\r\nConnection: close\r\nA: b\r\nX-Forwarded-For: c\r\n\r\n"), head,
            "end A=b"
        ),
        .accepted("9110 6.5.1 nothing left", chunks("0\r\nExpect: x\r\n\r\n"), head, "end -"),
    ]

    private static let refusedStartLines: [WireSample] = [
        .refused("9112 2.2 two empty lines", "\r\n\r\nGET / HTTP/1.1" + host, .emptyLines),
        .refused("9112 2.2 bare LF in front", "\nGET / HTTP/1.1" + host, .bareLineFeed),
        .refused("9112 2.2 bare CR in front", "\rGET / HTTP/1.1" + host, .bareCarriageReturn),
        .refused("9110 9.1 no token", "G(T / HTTP/1.1" + host, .methodInvalid),
        .refused("9110 9.1 TLS", "\u{16}\u{3}\u{1}\u{2}", .methodInvalid),
        .refused("9112 3 leading space", " GET / HTTP/1.1" + host, .methodInvalid),
        .refused("9112 3 method too long", String(repeating: "A", count: 33) + " / HTTP/1.1" + host, .methodTooLong),
        .refused("9112 3 two spaces", "GET  / HTTP/1.1" + host, .requestLineInvalid),
        .refused("9112 3 space in target", "GET /a b HTTP/1.1" + host, .versionInvalid),
        .refused("9112 3 tab", "GET\t/ HTTP/1.1" + host, .requestLineInvalid),
        .refused("9112 3 HTTP/0.9", "GET /\r\n\r\n", .requestLineInvalid),
        .refused("9112 3 method alone", "GET\r\n\r\n", .requestLineInvalid),
        .refused("9112 3 trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .requestLineInvalid),
        .refused("9112 2.3 case", "GET / http/1.1" + host, .versionInvalid),
        .refused("9112 2.3 two digits", "GET / HTTP/1.10" + host, .requestLineInvalid),
        .refused("9112 2.3 no minor", "GET / HTTP/1" + host, .versionInvalid),
        .refused("9112 2.3 letter", "GET / HTTP/1.x" + host, .versionInvalid),
        .refused("9110 15.6.6", "GET / HTTP/2.0" + host, .versionUnsupported),
        .refused("9110 15.6.6 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionUnsupported),
        .refused("9110 15.6.6 zero", "GET / HTTP/0.9" + host, .versionUnsupported),
        .refused("9112 2.2 bare LF behind the version", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
        .refused("9112 2.2 bare CR behind the version", "GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
    ]

    private static let refusedTargets: [WireSample] = [
        .refused("9112 3.2 control", "GET /\u{1} HTTP/1.1" + host, .targetInvalid),
        .refused("9112 3.2 NUL", "GET /\u{0} HTTP/1.1" + host, .targetInvalid),
        .refused("9112 3.2 fragment", "GET /a#b HTTP/1.1" + host, .targetInvalid),
        .refused(
            "9112 3 target too long", "GET /" + String(repeating: "a", count: 8192) + " HTTP/1.1" + host, .targetTooLong
        ),
        .refused("3986 2.1", "GET /%zz HTTP/1.1" + host, .targetEscape),
        .refused("3986 2.1 NUL", "GET /%00 HTTP/1.1" + host, .targetEscape),
        .refused("3986 5.2.4 above the root", "GET /../a HTTP/1.1" + host, .targetDotSegments),
        .refused("9112 3.2.1 no slash", "GET a HTTP/1.1" + host, .targetForm),
        .refused("9112 3.2.4 not OPTIONS", "GET * HTTP/1.1" + host, .targetForm),
        .refused("9112 3.2.3 not CONNECT", "GET a:80 HTTP/1.1" + host, .targetForm),
        .refused("9112 3.2.3 CONNECT to a path", "CONNECT / HTTP/1.1" + host, .targetForm),
        .refused("9112 3.2.3 CONNECT to a URI", "CONNECT http://a:80/ HTTP/1.1" + host, .authorityInvalid),
        .refused("9110 9.3.6 no port", "CONNECT a HTTP/1.1" + host, .connectPort),
        .refused("9110 9.3.6 empty port", "CONNECT a: HTTP/1.1" + host, .connectPort),
        .refused("9110 9.3.6 port 0", "CONNECT a:0 HTTP/1.1" + host, .connectPort),
        .refused("9110 9.3.6 port too large", "CONNECT a:65536 HTTP/1.1" + host, .authorityInvalid),
        .refused("9112 3.2.2 scheme", "GET ftp://a/ HTTP/1.1" + host, .schemeUnsupported),
        .refused("9110 4.2.1 no host", "GET http:///x HTTP/1.1" + host, .authorityInvalid),
        .refused("9110 4.2.4", "GET http://u:p@b/ HTTP/1.1" + host, .userInformation),
        .refused("9110 4.2.4 in Host", "GET / HTTP/1.1\r\nHost: u@b\r\n\r\n", .userInformation),
        .refused("9112 3.2 no Host", "GET / HTTP/1.1\r\n\r\n", .hostMissing),
        .refused("9112 3.2 no Host, absolute", "GET http://b/ HTTP/1.1\r\n\r\n", .hostMissing),
        .refused("9112 3.2 two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nHost: a\r\n\r\n", .hostRepeated),
        .refused("9112 3.2 two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .hostRepeated),
        .refused("9112 3.2 invalid Host, absolute", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", .hostInvalid),
        .refused("9110 5.5 joined Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .hostInvalid),
        .refused("9112 3.2 slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostInvalid),
        .refused("9112 3.2 port", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", .hostInvalid),
        .refused("9110 4.2.1 port without host", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .hostInvalid),
        .refused("3986 3.2.2 IPv6 unclosed", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .hostInvalid),
        .refused("3986 3.2.2 IPv6 groups", "GET / HTTP/1.1\r\nHost: [1:2:3]\r\n\r\n", .hostInvalid),
        .refused("6874 zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", .hostInvalid),
        .refused("9110 5.5 obs-text", "GET / HTTP/1.1\r\nHost: \u{E9}\r\n\r\n", .hostInvalid),
    ]

    private static let refusedFields: [WireSample] = [
        .refused("9112 5.1", get("A : b"), .whitespaceBeforeColon),
        .refused("9112 5.1 tab", get("A\t: b"), .whitespaceBeforeColon),
        .refused("9112 5.1 smuggled", post("Transfer-Encoding : chunked", "0\r\n\r\n"), .whitespaceBeforeColon),
        .refused("9112 5.2", get("A: b\r\n c"), .obsoleteFold),
        .refused("9112 5.2 tab", get("A: b\r\n\tc"), .obsoleteFold),
        .refused("9112 2.2 before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .leadingWhitespace),
        .refused("9110 5.1 no name", get(": b"), .fieldNameEmpty),
        .refused("9112 5.1 no colon", get("A"), .fieldNameInvalid),
        .refused("9110 5.1 not a token", get("A(b): c"), .fieldNameInvalid),
        .refused("9110 5.1 obs-text", get("\u{E9}: c"), .fieldNameInvalid),
        .refused("9110 5.1 NUL", get("A\u{0}: c"), .fieldNameInvalid),
        .refused("9110 5.5 NUL", get("A: b\u{0}c"), .fieldValueInvalid),
        .refused("9110 5.5 control", get("A: 123456789\u{B}"), .fieldValueInvalid),
        .refused("9110 5.5 DEL", get("A: \u{7F}"), .fieldValueInvalid),
        .refused("9112 2.2 bare CR in a value", get("A: b\rC: d"), .bareCarriageReturn),
        .refused("9112 2.2 two CR", get("A: b\r"), .bareCarriageReturn),
        .refused("9112 2.2 bare LF in a value", get("A: b\nC: d"), .bareLineFeed),
        .refused("9112 2.2 bare LF in a name", get("A\nC: d"), .bareLineFeed),
        .refused("9112 2.2 bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
        .refused("9112 2.2 bare CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareCarriageReturn),
        .refused("6585 5 bytes", get("A: " + String(repeating: "b", count: 32 << 10)), .headTooLarge),
        .refused("6585 5 fields", get((0..<100).map { "A\($0): b" }.joined(separator: "\r\n")), .tooManyFields),
        .refused("9110 7.6.1", get("Connection: a b"), .connectionInvalid),
        .refused("9110 10.1.1 other", post("Expect: 200-ok\r\nContent-Length: 1", "x"), .expectationUnknown),
        .refused("9110 10.1.1 list", post("Expect: 100-continue, x\r\nContent-Length: 1", "x"), .expectationUnknown),
    ]

    private static let refusedFraming: [WireSample] = [
        .refused("9110 8.6 sign", post("Content-Length: +5", "hello"), .contentLengthInvalid),
        .refused("9110 8.6 negative", post("Content-Length: -5", "hello"), .contentLengthInvalid),
        .refused("9110 8.6 empty", post("Content-Length:"), .contentLengthInvalid),
        .refused("9110 8.6 hexadecimal", post("Content-Length: 0x5", "hello"), .contentLengthInvalid),
        .refused("9110 8.6 space within", post("Content-Length: 5 5", "hello"), .contentLengthInvalid),
        .refused("9110 8.6 fraction", post("Content-Length: 5.0", "hello"), .contentLengthInvalid),
        .refused("9110 8.6 overflow", post("Content-Length: 9223372036854775808"), .contentLengthInvalid),
        .refused("9110 8.6 overflow to 5", post("Content-Length: 18446744073709551621"), .contentLengthInvalid),
        .refused("9112 6.3 list", post("Content-Length: 5, 5", "hello"), .contentLengthRepeated),
        .refused("9112 6.3 list of two", post("Content-Length: 5,6", "hello"), .contentLengthRepeated),
        .refused("9112 6.3 lines", post("Content-Length: 5\r\nContent-Length: 5", "hello"), .contentLengthRepeated),
        .refused(
            "9112 6.3 differing lines", post("Content-Length: 5\r\ncontent-length: 6", "hello"),
            .contentLengthRepeated
        ),
        .refused(
            "9112 6.1 both", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
            .contentLengthWithTransferEncoding
        ),
        .refused(
            "9112 6.1 both, unknown coding", post("Transfer-Encoding: x\r\nContent-Length: 5", "hello"),
            .contentLengthWithTransferEncoding
        ),
        .refused("9112 6.3 not last", post("Transfer-Encoding: chunked, gzip"), .chunkedNotLast),
        .refused("9112 6.3 missing", post("Transfer-Encoding: gzip"), .chunkedNotLast),
        .refused("9112 6.3 near miss", post("Transfer-Encoding: xchunked"), .chunkedNotLast),
        .refused("9112 6.3 identity", post("Transfer-Encoding: identity"), .chunkedNotLast),
        .refused("9112 6.1 unknown", post("Transfer-Encoding: gzip, chunked"), .codingUnknown),
        .refused("9112 6.1 trailing comma", post("Transfer-Encoding: chunked,"), .transferEncodingInvalid),
        .refused("9112 6.1 trailing comma and space", post("Transfer-Encoding: chunked, "), .transferEncodingInvalid),
        .refused("9112 6.1 comma alone", post("Transfer-Encoding: ,"), .transferEncodingInvalid),
        .refused(
            "9112 6.1 unknown, lines", post("Transfer-Encoding: a;b=c\r\nTransfer-Encoding: chunked"), .codingUnknown),
        .refused("9112 6.1 repeated", post("Transfer-Encoding: chunked, chunked"), .chunkedRepeated),
        .refused(
            "9112 6.1 repeated lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            .chunkedRepeated),
        .refused("9112 6.1 empty", post("Transfer-Encoding:"), .transferEncodingInvalid),
        .refused("9112 6.1 empty member", post("Transfer-Encoding: ,chunked"), .transferEncodingInvalid),
        .refused("9112 7 parameter", post("Transfer-Encoding: chunked;a=b"), .transferEncodingInvalid),
        .refused("9112 6.1 quoted", post("Transfer-Encoding: \"chunked\""), .transferEncodingInvalid),
        .refused("9112 6.1 no list", post("Transfer-Encoding: a chunked"), .transferEncodingInvalid),
        .refused(
            "9112 6.1 HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .transferEncodingInHTTP10
        ),
        .refused("9110 9.3.6", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\nx", .contentInConnect),
        .refused(
            "9110 9.3.6 chunked", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentInConnect
        ),
    ]

    private static let refusedChunks: [WireSample] = [
        .refused("9112 7.1 no digit", chunks("x\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 empty", chunks("\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 sign", chunks("+1\r\nx\r\n0\r\n\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 prefix", chunks("0x1\r\nx\r\n0\r\n\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 white space before", chunks(" 1\r\nx\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 white space behind", chunks("1 \r\nx\r\n"), .chunkSizeInvalid),
        .refused("9112 7.1 overflow", chunks("8000000000000000\r\n"), .chunkSizeTooLarge),
        .refused("9112 7.1 seventeen digits", chunks("00000000000000001\r\nx\r\n"), .chunkSizeTooLarge),
        .refused("9110 15.5.14 sum", chunks("1\r\nx\r\n7fffffffffffffff\r\n"), .contentTooLarge),
        .refused("9112 2.2 bare LF in a chunk line", chunks("1\nx\r\n0\r\n\r\n"), .bareLineFeed),
        .refused("9112 2.2 bare CR in a chunk line", chunks("1\rx"), .bareCarriageReturn),
        .refused("9112 7.1.1 no name", chunks("1;\r\nx\r\n"), .chunkExtensionInvalid),
        .refused("9112 7.1.1 no value", chunks("1;a=\r\nx\r\n"), .chunkExtensionInvalid),
        .refused("9112 7.1.1 white space behind", chunks("1;a \r\nx\r\n"), .chunkExtensionInvalid),
        .refused("9112 7.1.1 line end in quotes", chunks("1;a=\"\r\nx\r\n"), .chunkExtensionInvalid),
        .refused("9112 7.1.1 LF in an extension", chunks("1;a\nx\r\n"), .bareLineFeed),
        .refused("9112 7.1.1 control", chunks("1;a=b\u{0}\r\nx\r\n"), .chunkExtensionInvalid),
        .refused("9112 7.1.1 line", chunks("1;" + String(repeating: "a", count: 256) + "\r\nx\r\n"), .chunkLineTooLong),
        .refused(
            "9112 7.1.1 sum", chunks(String(repeating: "1;\(String(repeating: "a", count: 200))\r\nx\r\n", count: 90)),
            .chunkExtensionsTooLarge
        ),
        .refused("9112 7.1 size too small", chunks("1\r\nxy\r\n0\r\n\r\n"), .chunkUnterminated),
        .refused("9112 7.1 CR alone", chunks("1\r\nx\rX"), .chunkUnterminated),
        .refused("9112 7.1 LF alone", chunks("1\r\nx\n0\r\n\r\n"), .chunkUnterminated),
        .refused("9110 6.5.1 length", chunks("0\r\nContent-Length: 5\r\n\r\n"), .trailerForbidden),
        .refused("9110 6.5.1 coding", chunks("0\r\nTransfer-Encoding: x\r\n\r\n"), .trailerForbidden),
        .refused("9110 6.5.1 Host", chunks("0\r\nHost: b\r\n\r\n"), .trailerForbidden),
        .refused("9112 5.2 in trailers", chunks("0\r\nA: b\r\n c\r\n\r\n"), .obsoleteFold),
        .refused(
            "6585 5 trailers", chunks("0\r\nA: " + String(repeating: "b", count: 8 << 10) + "\r\n\r\n"),
            .trailersTooLarge),
        .refused(
            "6585 5 trailer fields", chunks("0\r\n" + String(repeating: "A: b\r\n", count: 33) + "\r\n"),
            .tooManyTrailers
        ),
    ]
}
