import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What a server refuses: requests past its limits, and bytes that are no request.
@Suite("Server: refusals")
struct ServerRefusalTests {
    /// A stand whose handler notes that it was called.
    private func stand(
        _ notes: Notes,
        _ configure: (inout Server.Configuration) -> Void = { _ in }
    ) -> ServerStand {
        ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 24)))
            },
            configure
        )
    }

    // MARK: Limits

    private func limits(_ configuration: inout Server.Configuration) {
        configuration.limits.headBytes = 1000
        configuration.limits.fieldCount = 5
        configuration.limits.targetBytes = 100
        configuration.limits.bodyBytes = 50
    }

    @Test(
        "a head past a limit is refused with the status of that limit, and the connection ends",
        arguments: [
            (request("GET /", "X: " + String(repeating: "x", count: 1000)), 431),
            (request("GET /", "A: 1", "B: 2", "C: 3", "D: 4", "E: 5"), 431),
            (request("GET /" + String(repeating: "t", count: 100)), 414),
            (request("POST /", "Content-Length: 51"), 413),
        ]
    )
    func head(text: String, status: Int) async throws {
        let notes = Notes()
        let stand = stand(notes, limits)
        let client = try await stand.connect()
        try await client.send(text)
        let answer = try await client.answer()
        #expect(answer.status == status && answer.closes)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(try await client.ending() == .ended)
        #expect(notes.count == 0)
        try await client.close()
        #expect(try await client.isForgotten())
    }

    @Test("what is at a limit passes")
    func atTheLimit() async throws {
        let notes = Notes()
        let stand = stand(notes, limits)
        let client = try await stand.connect()
        try await client.send(request("GET /", "A: 1", "B: 2", "C: 3", "D: 4"))
        #expect(try await client.answer().status == 200)
        try await client.send(request("GET /" + String(repeating: "t", count: 99)))
        #expect(try await client.answer().status == 200)
        try await client.send(request("POST /", body: String(repeating: "b", count: 50)))
        #expect(try await client.answer(to: .post).status == 200)
    }

    @Test("an endless head is refused at its limit, without being held")
    func endlessHead() async throws {
        let stand = stand(Notes(), limits)
        let client = try await stand.connect(pieceBytes: 100)
        try await client.send("GET / HTTP/1.1\r\nX: ")
        for _ in 0..<20 { try await client.send(String(repeating: "x", count: 100)) }
        #expect(try await client.answer().status == 431)
    }

    @Test(
        "a body in chunks past its limit makes the read throw; left to itself that is 413 and the end",
        arguments: [1, 100])
    func chunked(pieces: Int) async throws {
        let notes = Notes()
        let stand = stand(notes, limits)
        let client = try await stand.connect()
        try await client.send(request("POST /a", "Transfer-Encoding: chunked"))
        let chunk = "1e\r\n" + String(repeating: "c", count: 30) + "\r\n"
        for _ in 0..<2 {
            if pieces > 1 { try await stand.settle() }
            try await client.send(chunk)
        }
        try await client.send("0\r\n\r\n" + request("GET /b"))
        let answer = try await client.answer(to: .post)
        #expect(answer.status == 413 && answer.closes)
        #expect(try await client.ending() == .ended)
        #expect(notes.all == ["/a"])
    }

    // MARK: What is no request

    private static let nonsense: [(String, [UInt8])] = [
        ("no request line", Array("hello\r\n\r\n".utf8)),
        ("no version", Array("GET /\r\n\r\n".utf8)),
        ("no host", Array("GET / HTTP/1.1\r\n\r\n".utf8)),
        ("two hosts", Array("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".utf8)),
        ("two framings", Array(request("POST /", "Content-Length: 3", "Transfer-Encoding: chunked").utf8)),
        ("two lengths", Array(request("POST /", "Content-Length: 3", "Content-Length: 3").utf8)),
        ("signed length", Array(request("POST /", "Content-Length: +3").utf8)),
        ("endless length", Array(request("POST /", "Content-Length: 99999999999999999999").utf8)),
        ("space before colon", Array(request("GET /", "A : b").utf8)),
        ("obs-fold", Array(request("GET /", "A: b", " c").utf8)),
        ("bare LF", Array("GET / HTTP/1.1\nHost: a\n\n".utf8)),
        ("bare CR", Array(request("GET /", "A: b\rC: d").utf8)),
        ("NUL in a value", Array(request("GET /", "A: b\0c").utf8)),
        ("NUL in a target", Array(request("GET /\0").utf8)),
        ("NUL bytes", [UInt8](repeating: 0, count: 64)),
        ("a TLS ClientHello", [0x16, 0x03, 0x01, 0x00, 0xA5, 0x01, 0x00, 0x00, 0xA1, 0x03, 0x03, 0x5B, 0x90, 0x9D]),
        ("an HTTP/2 preface", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)),
        ("high bytes", (0..<200).map { UInt8(0x80 + $0 % 0x80) } + Array("\r\n\r\n".utf8)),
        ("escapes the root", Array(request("GET /../../etc/passwd").utf8)),
        ("absolute form without host", Array(request("GET http:///x").utf8)),
    ]

    @Test("what is no request is refused, the connection ends, and no handler is called", arguments: nonsense)
    func malformed(name: String, bytes: [UInt8]) async throws {
        for pieceBytes in [1 << 14, 1] {
            let notes = Notes()
            let stand = stand(notes)
            let client = try await stand.connect(pieceBytes: pieceBytes)
            try await client.send(ByteBuffer(bytes: bytes))
            try await client.send(request("GET /smuggled"))
            let answer = try await client.answer()
            #expect([400, 505].contains(answer.status) && answer.closes, "\(name)")
            #expect(try await client.ending() == .ended)
            #expect(notes.count == 0, "\(name)")
            #expect(try await client.rest() == "")
        }
    }

    @Test("a malformed request behind a good one does not cost the good one its answer")
    func behindGood() async throws {
        let notes = Notes()
        let stand = stand(notes)
        let client = try await stand.connect()
        try await client.send(request("POST /a", body: "good") + "nonsense\r\n\r\n" + request("GET /b"))
        #expect(try await client.answer(to: .post).body == "good")
        let second = try await client.answer()
        #expect(second.status == 400 && second.closes)
        #expect(notes.all == ["/a"])
    }

    @Test(
        "a malformed body makes the read throw; left to itself that is 400 and the end",
        arguments: [
            "g\r\n", "5\r\nabcdeX", "-1\r\n", "\r\n", "5;\0\r\n", "0\r\nA : b\r\n\r\n", "fffffffffffffffff\r\n",
        ]
    )
    func malformedBody(text: String) async throws {
        for isLate in [false, true] {
            let notes = Notes()
            let stand = stand(notes)
            let client = try await stand.connect()
            try await client.send(request("POST /a", "Transfer-Encoding: chunked"))
            if isLate { try await stand.settle() }
            try await client.send(text + "0\r\n\r\n" + request("GET /b"))
            let answer = try await client.answer(to: .post)
            #expect(answer.status == 400 && answer.closes)
            #expect(try await client.ending() == .ended)
            #expect(notes.all == ["/a"])
        }
    }

    @Test("a malformed body that nobody reads ends the connection behind the answer")
    func unreadMalformedBody() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                return Response(.ok, body: .text("early"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /a", "Transfer-Encoding: chunked") + "5\r\nab")
        #expect(try await client.answer(to: .post).body == "early")
        try await client.send("cdeX" + request("GET /b"))
        #expect(try await client.ending() == .ended)
        #expect(notes.all == ["/a"])
        #expect(try await client.rest() == "")
    }

    @Test("garbage of every kind ends in a refusal or a wait, and never in a handler", arguments: 1...40)
    func garbage(seed: UInt64) async throws {
        var chance = SplitMix(seed: seed)
        let notes = Notes()
        let stand = stand(notes)
        let client = try await stand.connect(pieceBytes: 1 + chance.below(40))
        let bytes = (0..<chance.below(2000)).map { _ in UInt8(chance.below(256)) }
        try await client.send(ByteBuffer(bytes: bytes))
        try await client.finishSending()
        #expect(try await client.ending() != .open)
        #expect(notes.count == 0)
        let seen = try await client.rest()
        #expect(seen.isEmpty || seen.hasPrefix("HTTP/1.1 4") || seen.hasPrefix("HTTP/1.1 5"))
        try await client.close()
        #expect(try await client.isForgotten())
    }
}
