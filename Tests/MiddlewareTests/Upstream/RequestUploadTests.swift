import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("RequestUpload")
struct RequestUploadTests {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func post(_ source: any BodySource) -> Request {
        var request = Request(.post, "/")
        request.authority = "a"
        request.body = .stream(source)
        return request
    }

    @Test("a body of known length is sent as it is, one of unknown length in chunks, with its trailers")
    func framing() async throws {
        try await withRig { rig in
            let steps: [ScriptedSource.Step] = [.bytes("abc"), .bytes(""), .bytes("defg")]
            let head = "POST / HTTP/1.1\r\nHost: a\r\n"
            let bodies: [(ScriptedSource, String)] = [
                (ScriptedSource(steps, knownLength: 7), head + "Content-Length: 7\r\n\r\nabcdefg"),
                (ScriptedSource(steps), head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                (
                    ScriptedSource(steps + [.end(trailers: [.server: "t"])]),
                    head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nServer: t\r\n\r\n"
                ),
                (ScriptedSource([]), head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                (ScriptedSource([], knownLength: 0), head + "Content-Length: 0\r\n\r\n"),
            ]
            for (source, expected) in bodies {
                let exchange = await rig.sent(post(source))
                #expect(rig.origins[0].take() == expected)
                rig.origins[0].send(Self.ok)
                await rig.settle()
                #expect(exchange.outcome == "200 ok" && rig.counts == [1, 0, 0])
            }
            #expect(rig.origins.count == 1)
        }
    }

    @Test("bytes at hand are sent with their length, and in chunks when trailers follow")
    func bytes() async throws {
        try await withRig { rig in
            var request = Request(.put, "/")
            request.body = .text("abc")
            _ = await rig.sent(request)
            #expect(rig.origins[0].take().hasSuffix("\r\nContent-Length: 3\r\n\r\nabc"))
            rig.origins[0].send(Self.ok)
            await rig.settle()
            request.body = .bytes(ByteBuffer(string: "abc"), trailers: [.server: "t"])
            _ = await rig.sent(request)
            let sent = rig.origins[0].take()
            #expect(sent.hasSuffix("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nServer: t\r\n\r\n"))
        }
    }

    @Test(
        "a body that is not as long as it said does not pass for a complete message",
        arguments: [["abc"], ["abc", "defgh"], ["abcdefgh"], []] as [[String]]
    )
    func length(parts: [String]) async throws {
        try await withRig { rig in
            let exchange = await rig.sent(post(ScriptedSource(parts.map { .bytes($0) }, knownLength: 5)))
            #expect(exchange.outcome == "failed: requestBody.client.malformed")
            let body = rig.origins[0].text.split(separator: "\r\n\r\n", maxSplits: 1).dropFirst().first ?? ""
            #expect(body.utf8.count < 5 && rig.origins[0].hasEnded && rig.counts == [0, 0, 0])
        }
    }

    struct Trouble: Error {}

    static let troubles: [(error: any Error, outcome: String)] = [
        (Trouble(), "failed: requestBody.client.closed"),
        (BodyTooLarge(limit: 3), "failed: requestBody.client.tooLarge"),
        (DeadlineExceeded(), "failed: requestBody.client.timedOut"),
        (HTTPError(.contentTooLarge), "failed: requestBody.client.tooLarge"),
        (HTTPError(.badRequest), "failed: requestBody.client.malformed"),
        (CancellationError(), "failed: CancellationError"),
    ]

    @Test("a source that fails midway fails the request, and the origin sees no end", arguments: 0..<troubles.count)
    func failing(index: Int) async throws {
        let (error, outcome) = Self.troubles[index]
        try await withRig { rig in
            let source = ScriptedSource([.bytes("abc"), .fail(error)])
            let exchange = await rig.sent(post(source))
            #expect(exchange.outcome == outcome && source.record.isReleased)
            #expect(!rig.origins[0].text.hasSuffix("0\r\n\r\n") && rig.origins[0].hasEnded && rig.counts == [0, 0, 0])
        }
    }

    @Test("a body that was opened before fails the request")
    func consumed() async throws {
        try await withRig { rig in
            let request = post(ScriptedSource([.bytes("abc")]))
            _ = try request.body.open()
            let exchange = await rig.sent(request)
            #expect(exchange.outcome.hasPrefix("failed: requestBody.client.") && rig.counts == [0, 0, 0])
        }
    }

    @Test("the head leaves before a body that is slow, and each part as it comes")
    func slow() async throws {
        try await withRig { rig in
            let source = GatedSource()
            let exchange = await rig.sent(post(source))
            #expect(rig.origins[0].take().hasSuffix("chunked\r\n\r\n"))
            source.give("abc")
            await rig.settle()
            #expect(rig.origins[0].take() == "3\r\nabc\r\n")
            await rig.advance(.seconds(3_600))
            source.finish()
            await rig.settle()
            #expect(rig.origins[0].take() == "0\r\n\r\n" && exchange.outcome == "waiting")
            await rig.advance(.seconds(60))
            #expect(exchange.outcome == "failed: responseHead.origin.timedOut")
        }
    }

    @Test("both directions stream at once, and the connection serves again")
    func bothWays() async throws {
        try await withRig { rig in
            let source = GatedSource()
            let exchange = await rig.sent(post(source))
            rig.origins[0].send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for text in ["abc", "def"] {
                _ = rig.origins[0].take()
                source.give(text)
                await rig.settle()
                #expect(rig.origins[0].text == "3\r\n\(text)\r\n")
                rig.origins[0].send(rig.origins[0].take())
                await rig.settle()
            }
            #expect(exchange.outcome == "200 abcdef…")
            source.finish()
            await rig.settle()
            rig.origins[0].send("0\r\n\r\n")
            await rig.settle()
            #expect(exchange.outcome == "200 abcdef" && rig.counts == [1, 0, 0])
        }
    }

    @Test("an early answer stops the upload, and the connection with it")
    func early() async throws {
        try await withRig { rig in
            let source = GatedSource("abc")
            let exchange = await rig.sent(post(source))
            rig.origins[0].send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
            await rig.settle()
            #expect(exchange.outcome == "413 no" && source.isCancelled)
            #expect(rig.counts == [0, 0, 0] && rig.origins[0].hasEnded)
        }
    }

    @Test("an early answer of several parts is whole although the origin closes behind it")
    func earlyAndClosed() async throws {
        try await withRig { rig in
            let source = GatedSource("abc")
            let exchange = await rig.sent(post(source), reads: false)
            rig.origins[0].send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 6\r\nConnection: close\r\n\r\n")
            for part in ["one", "two"] {
                await rig.settle()
                rig.origins[0].send(part)
            }
            await rig.settle()
            rig.origins[0].wire.close()
            await rig.settle()
            await exchange.read()
            #expect(source.isCancelled && rig.counts == [0, 0, 0])
            do {
                #expect(exchange.outcome == "413 onetwo")
            }
        }
    }

    @Test("an answer that is complete once the whole length was sent keeps the connection, though no end was read yet")
    func endNotRead() async throws {
        try await withRig { rig in
            let source = GatedSource("abc", knownLength: 3)
            let exchange = await rig.sent(post(source))
            rig.origins[0].send(Self.ok)
            await rig.settle()
            #expect(exchange.outcome == "200 ok")
            do {
                #expect(rig.counts == [1, 0, 0])
            }
        }
    }

    @Test("an origin that does not read holds the source back, and times out when it takes nothing")
    func backPressure() async throws {
        try await withRig { rig in
            let source = EndlessSource()
            // The origin reads nothing from the start.
            rig.dialer.onWrite = { _ in rig.origins.first?.wire.setReading(false) }
            let exchange = rig.send(post(source))
            await rig.settle(turns: 300)
            let taken = source.bytesRead
            #expect(taken > 0 && taken <= (64 + 16 + 16) << 10)
            await rig.advance(.seconds(59))
            #expect(exchange.outcome == "waiting" && source.bytesRead == taken)
            rig.dialer.onWrite = { _ in }
            rig.origins[0].wire.setReading(true)
            await rig.settle()
            rig.origins[0].wire.setReading(false)
            await rig.settle(turns: 300)
            #expect(source.bytesRead > taken)
            await rig.advance(.seconds(59))
            #expect(exchange.outcome == "waiting")
            // It took some after the limit was set: that holds once more, from where it has passed.
            await rig.advance(.seconds(1))
            #expect(exchange.outcome == "waiting")
            await rig.advance(.seconds(60))
            #expect(exchange.outcome.hasSuffix(".origin.timedOut") && source.isCancelled && rig.counts == [0, 0, 0])
        }
    }

    @Test("a client that goes stops an upload which the origin holds back")
    func cancelledWhileHeldBack() async throws {
        try await withRig { rig in
            let source = EndlessSource()
            let exchange = rig.send(post(source))
            rig.dialer.onWrite = { _ in rig.origins.first?.wire.setReading(false) }
            await rig.settle(turns: 300)
            exchange.leave()
            await rig.settle()
            #expect(exchange.outcome == "failed: CancellationError" && source.isCancelled && rig.counts == [0, 0, 0])
        }
    }

    @Test("an origin that resets stops an upload which it holds back")
    func resetWhileHeldBack() async throws {
        try await withRig { rig in
            let source = EndlessSource()
            let exchange = rig.send(post(source))
            rig.dialer.onWrite = { _ in rig.origins.first?.wire.setReading(false) }
            await rig.settle(turns: 300)
            rig.origins[0].wire.reset()
            await rig.settle()
            #expect(exchange.outcome == "failed: responseHead.origin.closed" && source.isCancelled)
            #expect(rig.counts == [0, 0, 0])
        }
    }
}

/// Content without end, which is counted. Touched on one loop only.
private final class EndlessSource: BodySource {
    private(set) var bytesRead = 0
    private(set) var isCancelled = false

    var knownLength: Int? { nil }
    var isReady: Bool { true }

    func read() async throws -> BodyPart {
        if isCancelled { throw CancellationError() }
        bytesRead += 10_000
        return .bytes(ByteBuffer(repeating: 0x61, count: 10_000))
    }

    func cancel(_ reason: any Error) { isCancelled = true }
}
