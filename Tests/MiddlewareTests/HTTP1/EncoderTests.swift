import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("HTTP/1.1 encoders")
struct EncoderTests {
    private static let date = ByteBuffer(string: "Sun, 06 Nov 1994 08:49:37 GMT")

    /// A response head and what it is expected to look like on the wire.
    struct ResponseRow: Sendable, CustomTestStringConvertible {
        var section: String
        var status: HTTPResponse.Status = .ok
        var headers: Headers = [:]
        var framing = BodyFraming.none
        var method = HTTPRequest.Method.get
        var persists = true
        var toHTTP10 = false
        var date: ByteBuffer?
        var text: String
        var written = ResponseEncoder.Written(framing: .none, persists: true)

        var testDescription: String { section }
    }

    private static let upgrade: Headers = [.upgrade: "x", .connection: "upgrade"]

    static let responses: [ResponseRow] = [
        ResponseRow(section: "9112 6.3 empty", text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ResponseRow(
            section: "9112 6.2", framing: .length(1_234_567_890),
            text: "HTTP/1.1 200 OK\r\nContent-Length: 1234567890\r\n\r\n",
            written: .init(framing: .length(1_234_567_890), persists: true)
        ),
        ResponseRow(
            section: "9112 7.1", framing: .chunked, text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            written: .init(framing: .chunked, persists: true)
        ),
        ResponseRow(
            section: "9112 6.3 until close", framing: .untilClose, text: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
            written: .init(framing: .untilClose, persists: false)
        ),
        ResponseRow(
            section: "9112 6.1 no chunks to HTTP/1.0", framing: .chunked, toHTTP10: true,
            text: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", written: .init(framing: .untilClose, persists: false)
        ),
        ResponseRow(
            section: "9112 9.3 HTTP/1.0", framing: .length(1), toHTTP10: true,
            text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
            written: .init(framing: .length(1), persists: true)
        ),
        ResponseRow(
            section: "9112 9.6", persists: false,
            text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            written: .init(framing: .none, persists: false)
        ),
        ResponseRow(
            section: "9110 7.6.1 owned fields",
            headers: [
                HTTPField.Name(literal: "A"): "b", .contentLength: "9", .transferEncoding: "x", .connection: "A",
                .keepAlive: "1", .proxyConnection: "c", .upgrade: "d", HTTPField.Name(literal: "C"): "d",
            ],
            text: "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nContent-Length: 0\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 6.6.1", date: date,
            text: "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 6.6.1 kept", headers: [.date: "x"], date: date,
            text: "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 8.6 HEAD keeps", headers: [.contentLength: "7"], framing: .none, method: .head,
            text: "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 8.6 HEAD, from the body", framing: .length(7), method: .head,
            text: "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 8.6 HEAD, invalid", headers: [.contentLength: "+7"], framing: .chunked, method: .head,
            text: "HTTP/1.1 200 OK\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 8.6 304", status: .notModified, headers: [.contentLength: "7"],
            text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 8.6 204", status: .noContent, headers: [.contentLength: "7"], framing: .length(7),
            text: "HTTP/1.1 204 No Content\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 9.3.6 CONNECT", framing: .chunked, method: .connect, persists: false,
            text: "HTTP/1.1 200 OK\r\n\r\n", written: .init(framing: .none, persists: false)
        ),
        ResponseRow(
            section: "9110 15.3.6", status: .resetContent, framing: .length(5),
            text: "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
        ),
        ResponseRow(
            section: "9110 7.8", status: .switchingProtocols, headers: upgrade, date: date,
            text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            written: .init(framing: .none, persists: false)
        ),
        ResponseRow(
            section: "9110 15.5.22", status: .upgradeRequired, headers: upgrade, persists: false,
            text: "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: x\r\n"
                + "Connection: upgrade, close\r\n\r\n",
            written: .init(framing: .none, persists: false)
        ),
        ResponseRow(
            section: "9112 4 no reason", status: .init(code: 299), text: "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"
        ),
        ResponseRow(
            section: "9112 4 reason kept", status: .init(code: 200, reasonPhrase: "Fine"),
            text: "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"
        ),
    ]

    @Test("Writes what a section asks for", arguments: responses)
    func response(_ row: ResponseRow) {
        var buffer = ByteBuffer()
        let written = ResponseEncoder.writeHead(
            status: row.status,
            headers: row.headers,
            framing: row.framing,
            answering: row.method,
            persists: row.persists,
            toHTTP10: row.toHTTP10,
            date: row.date,
            into: &buffer
        )
        #expect(String(buffer: buffer) == row.text)
        #expect(written == row.written)
    }

    @Test("Every encoded response head is read back with its framing", arguments: responses)
    func responseRoundTrip(_ row: ResponseRow) {
        let transcript = Transcript.responses(wire(row.text), to: [row.method], offersUpgrade: true)
        #expect(
            transcript.lines.first?.hasPrefix("\(row.status.code) \(row.status.reasonPhrase) \(row.written.framing)")
                == true)
    }

    @Test("A reason phrase in ISO 8859-1 is written as it was read")
    func reasonRoundTrip() throws {
        let head = "HTTP/1.1 404 d\u{E9}j\u{E0}\r\n"
        var input = ByteBuffer(bytes: wire(head + "Content-Length: 0\r\n\r\n"))
        var decoder = ResponseDecoder()
        decoder.start(answering: .get)
        guard case .head(let read) = try decoder.next(from: &input) else {
            Issue.record("no head")
            return
        }
        var output = ByteBuffer()
        ResponseEncoder.writeInformational(read.status, into: &output)
        #expect(Array(output.readableBytesView) == wire(head + "\r\n"))
    }

    @Test("Writes interim responses without anything of the connection")
    func informational() {
        var buffer = ByteBuffer()
        let headers: Headers = [.connection: "close", HTTPField.Name(literal: "Link"): "</a>", .contentLength: "0"]
        ResponseEncoder.writeInformational(.earlyHints, headers: headers, into: &buffer)
        #expect(String(buffer: buffer) == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    }

    /// A request head and what it is expected to look like on the wire.
    struct RequestRow: Sendable, CustomTestStringConvertible {
        var section: String
        var method = HTTPRequest.Method.get
        var target = RequestTarget("/a", query: "b")
        var authority = "h:1"
        var headers: Headers = [:]
        var framing = BodyFraming.none
        var persists = true
        var upgrade: String?
        var text: String
        var read: String

        var testDescription: String { section }
    }

    static let requests: [RequestRow] = [
        RequestRow(
            section: "9112 3.2.1", text: "GET /a?b HTTP/1.1\r\nHost: h:1\r\n\r\n",
            read: "GET /a?b authority 'h:1' none []"
        ),
        RequestRow(
            section: "9112 3.2.3", method: .connect, framing: .chunked,
            text: "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
            read: "CONNECT * authority 'h:1' none last []"
        ),
        RequestRow(
            section: "9112 3.2.4", method: .options, target: RequestTarget("*"),
            text: "OPTIONS * HTTP/1.1\r\nHost: h:1\r\n\r\n", read: "OPTIONS * authority 'h:1' none []"
        ),
        RequestRow(
            section: "9112 3.2 no authority", authority: "", text: "GET /a?b HTTP/1.1\r\nHost: \r\n\r\n",
            read: "GET /a?b authority '' none []"
        ),
        RequestRow(
            section: "9110 8.6 POST", method: .post,
            text: "POST /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n",
            read: "POST /a?b authority 'h:1' none [Content-Length=0]"
        ),
        RequestRow(
            section: "9112 6.2", method: .put, framing: .length(3),
            text: "PUT /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\n\r\n",
            read: "PUT /a?b authority 'h:1' length(3) [Content-Length=3]"
        ),
        RequestRow(
            section: "9112 7.1", method: .patch, framing: .untilClose,
            text: "PATCH /a?b HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n\r\n",
            read: "PATCH /a?b authority 'h:1' chunked [Transfer-Encoding=chunked]"
        ),
        RequestRow(
            section: "9110 7.6.1 owned fields",
            headers: [.connection: "x", .host: "evil", .contentLength: "5", .transferEncoding: "y", .accept: "*/*"],
            persists: false, text: "GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            read: "GET /a?b authority 'h:1' none last [Accept=*/*|Connection=close]"
        ),
        RequestRow(
            section: "9110 7.8", upgrade: "websocket",
            text: "GET /a?b HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            read: "GET /a?b authority 'h:1' none upgrade websocket [Upgrade=websocket|Connection=upgrade]"
        ),
    ]

    @Test("Writes requests that are read back", arguments: requests)
    func request(_ row: RequestRow) {
        var buffer = ByteBuffer()
        RequestEncoder.writeHead(
            method: row.method,
            target: row.target,
            authority: Authority(row.authority),
            headers: row.headers,
            framing: row.framing,
            persists: row.persists,
            upgrade: row.upgrade,
            into: &buffer
        )
        #expect(String(buffer: buffer) == row.text)
        #expect(Transcript.requests(Array(buffer.readableBytesView)).lines.first == row.read)
    }

    @Test("Leaves out what the caller skips and takes what it adds")
    func skipAndExtra() {
        var buffer = ByteBuffer()
        RequestEncoder.writeHead(
            method: .get,
            target: RequestTarget("/"),
            authority: Authority("a"),
            headers: [.te: "trailers", .accept: "b"],
            framing: .none,
            skip: { $0.known == .te },
            extra: { $0.writeString("Via: 1.1 x\r\n") },
            into: &buffer
        )
        #expect(String(buffer: buffer) == "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nVia: 1.1 x\r\n\r\n")
    }

    @Test("Chunks that are written are read back", arguments: [1, 9, 10, 15, 16, 255, 256, 4095, 65536])
    func chunks(_ size: Int) throws {
        var buffer = ByteBuffer()
        ChunkEncoder.writeChunkHead(size: 0, into: &buffer)
        ChunkEncoder.writeChunkHead(size: -1, into: &buffer)
        #expect(buffer.readableBytes == 0)
        ChunkEncoder.writeChunkHead(size: size, into: &buffer)
        #expect(String(buffer: buffer) == String(size, radix: 16) + "\r\n")
        buffer.writeRepeatingByte(UInt8(ascii: "x"), count: size)
        ChunkEncoder.writeChunkEnd(into: &buffer)
        ChunkEncoder.writeLastChunk(trailers: [HTTPField.Name(literal: "A"): "b", .contentLength: "1"], into: &buffer)
        var decoder = ChunkedDecoder()
        guard case .body(let part) = try decoder.next(from: &buffer, limits: ParserLimits()),
            case .end(let trailers) = try decoder.next(from: &buffer, limits: ParserLimits())
        else {
            Issue.record("no content and end")
            return
        }
        #expect(part.readableBytes == size)
        #expect(trailers?.description == "A: b")
        #expect(buffer.readableBytes == 0)
    }

    @Test("The largest chunk size fits")
    func largestChunk() {
        var buffer = ByteBuffer()
        ChunkEncoder.writeChunkHead(size: .max, into: &buffer)
        #expect(String(buffer: buffer) == "7fffffffffffffff\r\n")
    }

    @Test("A last chunk without trailers is five bytes")
    func lastChunk() {
        for trailers in [nil, Headers(), [.host: "a"]] as [Headers?] {
            var buffer = ByteBuffer()
            ChunkEncoder.writeLastChunk(trailers: trailers, into: &buffer)
            #expect(String(buffer: buffer) == "0\r\n\r\n")
        }
    }
}
