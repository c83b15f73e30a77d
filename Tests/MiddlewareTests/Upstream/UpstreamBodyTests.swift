import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("UpstreamBody")
struct UpstreamBodyTests {
    static let answers: [(text: String, outcome: String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 "),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX-T: 1\r\n\r\n",
            "200 hello"
        ),
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nServer: a\r\nContent-Length: 2\r\n\r\nno",
            "404 no"
        ),
        ("HTTP/1.1 204 No Content\r\nServer: a\r\n\r\n", "204 "),
    ]

    @Test("an answer is the same however it is cut", arguments: answers)
    func cut(text: String, outcome: String) async throws {
        try await withRig { rig in
            for position in 1..<text.utf8.count {
                let exchange = await rig.sent(Request(.get, "/"))
                let origin = try #require(rig.origins.first)
                origin.send(text.firstBytes(position))
                await rig.settle(turns: 10)
                #expect(exchange.outcome != outcome, "\(position)")
                origin.send(text.droppingBytes(position))
                await rig.settle(turns: 10)
                #expect(exchange.outcome == outcome, "\(position)")
                #expect(exchange.trailers?.count == (text.contains("X-T") ? 1 : nil), "\(position)")
            }
            #expect(rig.counts == [1, 0, 0] && rig.origins.count == 1)
        }
    }

    @Test("an answer that comes byte by byte is whole", arguments: answers)
    func bytewise(text: String, outcome: String) async throws {
        try await withRig { rig in
            rig.dialer.pieceBytes = 1
            let exchange = rig.get()
            await rig.settle(turns: 200)
            rig.origins[0].send(text)
            await rig.settle(turns: 400)
            #expect(exchange.outcome == outcome && rig.counts == [1, 0, 0])
        }
    }

    @Test("an answer whose end was cut off is broken, wherever it was cut")
    func truncated() async throws {
        try await withRig { rig in
            for text in Self.answers.map(\.text) where !text.hasPrefix("HTTP/1.1 103") {
                for position in 0..<text.utf8.count {
                    let exchange = await rig.sent(Request(.get, "/"))
                    let origin = try #require(rig.origins.last)
                    origin.send(text.firstBytes(position))
                    origin.wire.close()
                    await rig.settle(turns: 16)
                    #expect(
                        exchange.outcome.hasPrefix("failed: ") || exchange.outcome.contains("broken"), "\(position)")
                    #expect(rig.counts == [0, 0, 0])
                }
            }
        }
    }

    @Test("a body without a length lasts until the connection ends (RFC 9112 section 6.3)", arguments: [true, false])
    func untilClose(inOnePiece: Bool) async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 200 OK\r\n\r\nsome")
            if !inOnePiece { await rig.settle() }
            rig.origins[0].send(" more")
            rig.origins[0].wire.close()
            await rig.settle()
            #expect(exchange.outcome == "200 some more" && rig.counts == [0, 0, 0])
        }
    }

    @Test("a reset does not end a body without a length (RFC 9112 section 8)")
    func untilReset() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 200 OK\r\n\r\nsome")
            await rig.settle()
            rig.origins[0].wire.reset()
            await rig.settle()
            do {
                #expect(exchange.outcome == "200 some, broken: closedInBody")
            }
        }
    }

    @Test("content that is refused by its framing breaks the answer behind what was good")
    func malformedChunk() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await rig.settle()
            rig.origins[0].send("+3\r\nabc\r\n")
            await rig.settle()
            #expect(exchange.outcome == "200 abc, broken: malformed" && rig.counts == [0, 0, 0])
        }
    }

    @Test("an answer that nobody reads waits at the origin: the bytes between are bounded")
    func backPressure() async throws {
        try await withRig { rig in
            let total = 8 << 20
            let exchange = await rig.sent(Request(.get, "/"), reads: false)
            rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            rig.origins[0].send(count: total)
            await rig.settle(turns: 500)
            // The wire's own buffer, the read-ahead, and one read.
            #expect(rig.origins[0].supplied <= (64 + 64 + 32) << 10)
            var length = 0
            while let part = await exchange.readPart() {
                length += part.readableBytes
                #expect(rig.origins[0].supplied - length <= (64 + 64 + 32) << 10)
            }
            #expect(length == total && exchange.isWhole)
            await rig.settle()
            #expect(rig.counts == [1, 0, 0])
        }
    }

    @Test("a part that was read is kept by nobody, also while others wait behind it")
    func release() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"), reads: false)
            rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n")
            for _ in 0..<3 {
                await rig.settle()
                rig.origins[0].send(String(repeating: "a", count: 10_000))
            }
            await rig.settle()
            var part = try #require(await exchange.readPart())
            let place = part.withUnsafeReadableBytes { $0.baseAddress }
            // A buffer that somebody else holds is copied when it is written to.
            part.setInteger(UInt8(0), at: part.readerIndex)
            #expect(part.withUnsafeReadableBytes { $0.baseAddress } == place)
            await exchange.read()
            #expect(exchange.isWhole)
        }
    }

    @Test("a body is read from any thread")
    func elsewhere() async throws {
        let origin = ScriptedUpstream { exchange in
            exchange.start()
            for number in 0..<50 { try await exchange.send("\(number) ") }
            exchange.finish(trailers: [.server: "late"])
        }
        let client = TestClient(
            HandlerFunction { request, context in
                let response = try await Forwarder().forward(request, to: "origin:80", context: context)
                let body = Ferry(response.body)
                let text = try await Task.detached {
                    let (content, trailers) = try await drain(body.value.open())
                    return "\(content)\(trailers?[.server] ?? "none")"
                }.value
                return Response(.ok, body: .text(text))
            },
            origins: ["origin:80": origin]
        )
        let response = try await client.get("/")
        #expect(response.body == (0..<50).map { "\($0) " }.joined() + "late")
        #expect(try await client.get("/").body.hasSuffix(" late") && origin.connectionsOpened == 1)
    }

    @Test("a read behind the end throws instead of beginning anew")
    func behindTheEnd() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"), reads: false)
            rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            await rig.settle()
            rig.origins[0].send("def")
            await rig.settle()
            let source = try #require(exchange.source)
            #expect(source.knownLength == 6)
            await exchange.read()
            #expect(exchange.outcome == "200 abcdef")
            let next = await rig.sent(Request(.get, "/"))
            await #expect(throws: BodyConsumed.self) { try await source.read() }
            source.cancel(CancellationError())
            await rig.settle()
            #expect(next.outcome == "waiting" && rig.counts == [0, 1, 0])
        }
    }
}
