import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// How answers go out, and how a client sees that one is not whole.
@Suite("Server: answers")
struct AnswerFramingTests {
    private struct Broken: Error {}

    private func exchange(
        _ handler: HandlerFunction,
        _ text: String = request("GET /"),
        to method: HTTPRequest.Method = .get
    ) async throws -> (StandAnswer, StandClient) {
        let stand = ServerStand(handler)
        let client = try await stand.connect()
        try await client.send(text)
        return (try await client.answer(to: method), client)
    }

    @Test("an answer carries Date, in the clock of the runtime, once a second anew")
    func date() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.answer().headers[.date] == "Wed, 01 Jan 2025 00:00:00 GMT")
        try await stand.pass(.seconds(2))
        try await client.send(request("GET /"))
        #expect(try await client.answer().headers[.date] == "Wed, 01 Jan 2025 00:00:02 GMT")
    }

    @Test(
        "a body at hand leaves with its length, whatever its size", arguments: [0, 1, 16 << 10, 16 << 10 + 1, 1 << 20])
    func bytes(size: Int) async throws {
        let (answer, client) = try await exchange(
            HandlerFunction { _, _ in
                Response(.ok, body: .bytes(ByteBuffer(repeating: UInt8(ascii: "y"), count: size)))
            }
        )
        #expect(answer.headers[.contentLength] == "\(size)" && answer.body.utf8.count == size)
        #expect(try await client.state() == .open)
    }

    @Test("a stream of unknown length leaves in chunks, one of known length as it is")
    func streams() async throws {
        let (chunked, _) = try await exchange(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(ScriptedSource([.bytes("one "), .bytes(""), .bytes("two")])))
            }
        )
        #expect(chunked.body == "one two" && chunked.headers[.transferEncoding] == "chunked")
        #expect(!chunked.headers.contains(.contentLength))
        let (sized, client) = try await exchange(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(ScriptedSource([.bytes("one "), .bytes("two")], knownLength: 7)))
            }
        )
        #expect(sized.body == "one two" && sized.headers[.contentLength] == "7")
        #expect(try await client.state() == .open)
    }

    @Test("trailers follow the last chunk", arguments: [true, false])
    func trailers(asStream: Bool) async throws {
        let trailers: Headers = [HTTPField.Name(literal: "Checksum"): "abc"]
        let outcomes = Outcomes()
        let (answer, _) = try await exchange(
            HandlerFunction { _, context in
                outcomes.watch(context)
                let stream = Body.stream(ScriptedSource([.bytes("content"), .end(trailers: trailers)]))
                let bytes = Body.bytes(ByteBuffer(string: "content"), trailers: trailers)
                return Response(.ok, body: asStream ? stream : bytes)
            }
        )
        #expect(answer.body == "content" && answer.trailers == trailers)
        #expect(outcomes.ends == [.complete] && outcomes.all.first?.trailers == trailers)
        #expect(outcomes.all.first?.bytesSent == 7)
    }

    @Test("what has been written leaves before a source is waited for")
    func flushes() async throws {
        let source = GatedSource("first ")
        let stand = ServerStand(HandlerFunction { _, _ in Response(.ok, body: .stream(source)) })
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.sees("first "))
        source.give("second")
        #expect(try await client.sees("second"))
        source.finish()
        #expect(try await client.sees("\r\n0\r\n\r\n"))
    }

    // MARK: Without content

    @Test(
        "answers that have no content go out without it, and its source is released",
        arguments: [(HTTPRequest.Method.head, 200), (.get, 204), (.get, 304), (.head, 404)]
    )
    func noContent(method: HTTPRequest.Method, status: Int) async throws {
        let source = ScriptedSource([.bytes("never sent")])
        let record = source.record
        let box = Ferry(source)
        let stand = ServerStand(
            HandlerFunction { request, _ in
                guard request.path == "/" else { return Response(.ok, body: .text("next")) }
                return Response(HTTPResponse.Status(code: status), body: .stream(box.value))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("\(method.rawValue) /"))
        #expect(try await client.answer(to: method).status == status)
        await record.waitUntilReleased()
        #expect(record.bytesRead == 0)
        try await client.send(request("GET /next"))
        #expect(try await client.answer().body == "next")
    }

    @Test("the answer to HEAD says the length that GET would have had")
    func headLength() async throws {
        let (answer, client) = try await exchange(pathHandler, request("HEAD /abc"), to: .head)
        #expect(answer.headers[.contentLength] == "4")
        #expect(try await client.rest() == "")
    }

    // MARK: Broken bodies

    @Test("a source that fails midway breaks the connection off: no client takes the answer for whole")
    func failsMidway() async throws {
        for version in ["1.1", "1.0"] {
            for length in [nil, 100] {
                let outcomes = Outcomes()
                let stand = ServerStand(
                    HandlerFunction { _, context in
                        outcomes.watch(context)
                        return Response(
                            .ok,
                            body: .stream(ScriptedSource([.bytes("half"), .fail(Broken())], knownLength: length))
                        )
                    }
                )
                let client = try await stand.connect()
                try await client.send("GET / HTTP/\(version)\r\nHost: a\r\n\r\n")
                #expect(try await client.ending() == .reset, "HTTP/\(version), length \(length ?? -1)")
                let seen = try await client.rest()
                #expect(!seen.hasSuffix("0\r\n\r\n"))
                #expect(outcomes.ends == [.originFailed])
                #expect(try await client.isForgotten())
            }
        }
    }

    @Test(
        "an answer that is made of a request body which breaks the protocol ends as such, and not as its origin's fault"
    )
    func brokenRequest() async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                return Response(.ok, body: request.body)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /", "Transfer-Encoding: chunked") + "3\r\nabc\r\nnonsense\r\n")
        #expect(try await client.ending() == .reset)
        #expect(outcomes.ends == [.requestFailed])
    }

    @Test("the end of an exchange names what broke its answer")
    func ends() {
        let errors: [any Error] = [
            DeadlineExceeded(), RequestTimeout(), UpstreamFailure(.bodyTimeout, ""), CancellationError(),
            UpstreamFailure(.closedInBody, ""), Broken(),
        ]
        let ends = errors.map { Outcome.End(brokenBy: $0) }
        #expect(ends == [.timedOut, .timedOut, .timedOut, .clientGone, .originFailed, .originFailed])
    }

    @Test("a source that gives fewer or more bytes than it declared breaks the connection off", arguments: [3, 5])
    func wrongLength(size: Int) async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                let text = String("12345".prefix(size))
                return Response(.ok, body: .stream(ScriptedSource([.bytes(text)], knownLength: 4)))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /") + request("GET /"))
        #expect(try await client.ending() == .reset)
        let seen = try await client.rest()
        #expect(!seen.contains("12345") && seen.ranges(of: "HTTP/1.1 200").count <= 1)
        #expect(outcomes.ends == [.originFailed])
    }

    @Test("a source that is opened twice breaks the connection off")
    func openedTwice() async throws {
        let stand = ServerStand(
            HandlerFunction { _, _ in
                let body = Body.stream(ScriptedSource([.bytes("gone")]))
                _ = try await body.collect(upTo: 100)
                return Response(.ok, body: body)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.ending() == .reset)
    }

    @Test("what a handler throws is answered, and the connection goes on")
    func throwing() async throws {
        let stand = ServerStand(
            HandlerFunction { request, _ in
                switch request.path {
                case "/http": throw HTTPError(.conflict, "no")
                case "/cancelled": throw CancellationError()
                default: throw Broken()
                }
            }
        )
        let client = try await stand.connect()
        for (path, status) in [("/http", 409), ("/other", 500), ("/cancelled", 503)] {
            try await client.send(request("GET \(path)"))
            let answer = try await client.answer()
            #expect(answer.status == status && answer.headers[.contentType] == "application/problem+json")
            #expect(!answer.body.contains("Broken"))
        }
    }

    // MARK: Outcomes

    @Test("an exchange is finished once, with what was received and sent")
    func outcome() async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1000)))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /", body: "1234567"))
        _ = try await client.answer(to: .post)
        try await stand.settle()
        #expect(outcomes.ends == [.complete])
        #expect(outcomes.all.first?.bytesReceived == 7 && outcomes.all.first?.bytesSent == 7)
        #expect(outcomes.all.first?.firstByte != nil && outcomes.all.first?.lastByte != nil)
    }

    @Test("an outcome tells of its own request, also when the next one has begun before the last byte left")
    func outcomeOfItsOwn() async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                let content = try await request.body.collect(upTo: 1000)
                if request.path == "/b" { try await context.sleep(for: .seconds(1)) }
                return Response(.ok, body: .bytes(content))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /a", body: "123") + request("POST /b", body: "12345678"))
        _ = try await client.answer(to: .post)
        try await stand.pass(.seconds(2))
        _ = try await client.answer(to: .post)
        try await stand.settle()
        do {
            #expect(outcomes.all.map(\.bytesReceived) == [3, 8])
        }
        #expect(outcomes.all.map(\.bytesSent) == [3, 8])
    }
}
