import HTTPTypes
import Middleware

/// Responses as they stand on the wire, one for each rule that requests do not have already.
enum ResponseSamples {
    static let accepted: [WireSample] = [
        .accepted(
            "9112 4", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK length(2) [Content-Length=2]",
            "content \"hi\"", "end -"
        ),
        .accepted("9112 4 empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  none [Content-Length=0]"),
        .accepted("9112 4 no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  none [Content-Length=0]"),
        .accepted(
            "9112 4 reason kept", "HTTP/1.1 404 Nope,\t\u{E9}\r\nContent-Length: 0\r\n\r\n",
            "404 Nope,\t\u{E9} none [Content-Length=0]"
        ),
        .accepted(
            "9110 15 unknown class", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "999 X none [Content-Length=0]"),
        .accepted(
            "9112 6.3 until close", "HTTP/1.1 200 OK\r\n\r\nhello", "200 OK untilClose last []", "content \"hello\"",
            "end -"
        ),
        .accepted(
            "9112 6.3 until close, nothing", "HTTP/1.1 200 OK\r\n\r\n", "200 OK untilClose last []", "end -"
        ),
        .accepted(
            "9112 7.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n",
            "200 OK chunked [Transfer-Encoding=chunked]", "content \"hi\"", "end A=b"
        ),
        .accepted(
            "9112 6.3 HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 OK none [Content-Length=5]", to: .head
        ),
        .accepted(
            "9112 6.1 HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "200 OK none [Transfer-Encoding=chunked]", to: .head
        ),
        .accepted(
            "9112 6.3 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            "304 Not Modified none [Content-Length=5]"
        ),
        .accepted("9112 6.3 204", "HTTP/1.1 204 No Content\r\n\r\n", "204 No Content none []"),
        .accepted(
            "9110 8.6 204 with length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "204 No Content none [Content-Length=0]"
        ),
        .accepted(
            "9110 8.6 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            "204 No Content none last [Content-Length=5]"
        ),
        .accepted(
            "9110 15.2", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
            "informational 100 Continue []", "informational 103 E [A=b]", "204 X none []"
        ),
        .accepted(
            "9110 15.2.2",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            "101 Switching Protocols none last switched [Connection=upgrade|Upgrade=x]", offersUpgrade: true
        ),
        .accepted(
            "9110 9.3.6", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "200 OK none last switched [Content-Length=5]", to: .connect
        ),
        .accepted(
            "9110 9.3.6 refused", "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx",
            "403 No length(1) [Content-Length=1]",
            "content \"x\"", "end -", to: .connect
        ),
        .accepted(
            "9112 9.3 close", "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n", "204 X none last [Connection=close]"
        ),
        .accepted("9112 9.3 HTTP/1.0", "HTTP/1.0 204 X\r\n\r\n", "204 X none 1.0 last []"),
        .accepted(
            "9112 9.3 HTTP/1.0 keep-alive", "HTTP/1.0 204 X\r\nConnection: keep-alive\r\n\r\n",
            "204 X none 1.0 [Connection=keep-alive]"
        ),
        .accepted("9110 2.5 higher minor", "HTTP/1.9 204 X\r\n\r\n", "204 X none []"),
    ]

    static let refused: [WireSample] = [
        .refused("9112 2.2 empty line", "\r\nHTTP/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        .refused("9112 2.3", "http/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        .refused("9112 2.3 ICY", "ICY 200 OK\r\n\r\n", .statusLineInvalid),
        .refused("9110 2.5 major", "HTTP/2 200 OK\r\n\r\n", .versionUnsupported),
        .refused("9112 4 two spaces", "HTTP/1.1  200 OK\r\n\r\n", .statusCodeInvalid),
        .refused("9112 4 two digits", "HTTP/1.1 20 OK\r\n\r\n", .statusCodeInvalid),
        .refused("9112 4 four digits", "HTTP/1.1 2000 OK\r\n\r\n", .statusCodeInvalid),
        .refused("9112 4 sign", "HTTP/1.1 +20 OK\r\n\r\n", .statusCodeInvalid),
        .refused("9110 15 class 0", "HTTP/1.1 099 OK\r\n\r\n", .statusCodeInvalid),
        .refused("9112 4 no space", "HTTP/1.1 200OK\r\n\r\n", .statusLineInvalid),
        .refused("9112 4 control", "HTTP/1.1 200 O\u{0}K\r\n\r\n", .reasonInvalid),
        .refused("9112 2.2 bare LF", "HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed),
        .refused("9112 2.2 bare LF behind the code", "HTTP/1.1 200\n\r\n", .bareLineFeed),
        .refused("9112 2.2 bare CR", "HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCarriageReturn),
        .refused("9112 5.1", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .whitespaceBeforeColon),
        .refused("9112 5.2", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
        .refused("6585 5", "HTTP/1.1 200 " + String(repeating: "a", count: 32 << 10), .headTooLarge),
        .refused("9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLengthInvalid),
        .refused(
            "9112 6.3 invalid, HEAD", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .contentLengthInvalid, to: .head
        ),
        .refused(
            "9112 6.3 repeated", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            .contentLengthRepeated
        ),
        .refused(
            "9112 6.3 both", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding
        ),
        .refused(
            "9112 6.1 HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10
        ),
        .refused("9112 6.1 coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .codingUnknown),
        .refused("9112 6.3 not last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .chunkedNotLast),
        .refused("9110 15.2 content", "HTTP/1.1 100 C\r\nContent-Length: 1\r\n\r\nx", .contentInInterim),
        .refused("9110 15.2.2 not asked", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", .switchNotRequested),
        .refused("9112 7.1 no digit", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz", .chunkSizeInvalid),
        .refused("9112 9.2", "HTTP/1.1 204 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", .unsolicited),
        .refused("9112 9.2 more than announced", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", .unsolicited),
        .refused("9112 8 nothing", "", .truncated),
        .refused("9112 8 head", "HTTP/1.1 200 OK\r\nA: b", .truncated),
        .refused("9112 8 length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", .truncated),
        .refused("9112 8 chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", .truncated),
        .refused("9112 8 last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", .truncated),
        .refused("9112 8 after an interim", "HTTP/1.1 100 C\r\n\r\n", .truncated),
    ]
}
