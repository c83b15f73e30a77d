import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Which requests a connection serves, and in which order (RFC 9112 section 9).
@Suite("Server: persistent connections")
struct PersistenceTests {
    @Test("a connection serves one request after the other")
    func keepsAlive() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        for path in ["/1", "/2", "/3"] {
            try await client.send(request("GET \(path)"))
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.body == path && !answer.headers.contains(.connection))
            try await stand.settle()
        }
        #expect(try await client.state() == .open)
    }

    @Test("a request is read however its bytes are cut", arguments: [1, 2, 7, 50])
    func cut(pieceBytes: Int) async throws {
        let stand = ServerStand(collectHandler)
        let client = try await stand.connect(pieceBytes: pieceBytes)
        try await client.send(request("POST /a", body: "content") + request("POST /b", body: ""))
        #expect(try await client.answer(to: .post).body == "content")
        #expect(try await client.answer(to: .post).body == "")
    }

    @Test("pipelined requests are answered in order, each once the one before is out")
    func pipelined() async throws {
        let (gate, notes) = (Gate(), Notes())
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                if request.path == "/slow" { await gate.pass() }
                return Response(.ok, body: .text(request.path))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /slow") + request("GET /b") + request("GET /c"))
        #expect(try await client.rest() == "")
        #expect(notes.all == ["/slow"])
        gate.open()
        for path in ["/slow", "/b", "/c"] { #expect(try await client.answer().body == path) }
        #expect(notes.all == ["/slow", "/b", "/c"])
    }

    @Test("a second request that comes while the first is handled waits for its turn")
    func waitsForTurn() async throws {
        let (gate, notes) = (Gate(), Notes())
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                if request.path == "/slow" { await gate.pass() }
                return Response(.ok, body: .text(request.path))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /slow", body: "abc"))
        try await stand.settle()
        try await client.send("GET /b HTTP/1.1\r\nHo")
        try await stand.settle()
        try await client.send("st: a\r\n\r\n")
        #expect(try await client.rest() == "" && notes.all == ["/slow"])
        gate.open()
        #expect(try await client.answer(to: .post).body == "/slow")
        #expect(try await client.answer().body == "/b")
    }

    @Test("an empty line in front of a request is passed over, also between two")
    func emptyLines() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send("\r\n" + request("GET /a") + "\r\n" + request("GET /b"))
        #expect(try await client.answer().body == "/a")
        #expect(try await client.answer().body == "/b")
        try await client.send("\r")
        try await stand.settle()
        try await client.send("\n" + request("GET /c"))
        #expect(try await client.answer().body == "/c")
    }

    @Test("an empty line that comes in two pieces is passed over however long the second takes")
    func slowEmptyLine() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send(request("GET /a"))
        #expect(try await client.answer().body == "/a")
        try await client.send("\r")
        try await stand.pass(.seconds(3))
        try await client.send("\n" + request("GET /b"))
        do {
            let answer = try await client.answer()
            #expect(answer.body == "/b")
        }
    }

    // MARK: The end of a connection

    @Test("a client that says close gets one answer, which says so too, and the end")
    func close() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                return Response(.ok, body: .text("last"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /a", "Connection: Close") + request("GET /b"))
        let answer = try await client.answer()
        #expect(answer.body == "last" && answer.closes)
        #expect(try await client.ending() == .ended)
        #expect(notes.all == ["/a"])
        try await client.close()
        #expect(try await client.isForgotten())
    }

    @Test("HTTP/1.0 without keep-alive gets one answer and the end")
    func http10() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send("GET /a HTTP/1.0\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.body == "/a" && answer.closes && answer.headers[.contentLength] == "2")
        #expect(try await client.ending() == .ended)
    }

    @Test("HTTP/1.0 with keep-alive keeps the connection, and is told so")
    func http10KeepAlive() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        for path in ["/a", "/b"] {
            try await client.send("GET \(path) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.body == path && answer.headers[.connection] == "keep-alive")
        }
        #expect(try await client.state() == .open)
    }

    @Test("a stream of unknown length to HTTP/1.0 ends with the connection, in spite of keep-alive")
    func http10Stream() async throws {
        let stand = ServerStand(
            HandlerFunction { _, _ in Response(.ok, body: .stream(ScriptedSource([.bytes("one "), .bytes("two")]))) }
        )
        let client = try await stand.connect()
        try await client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.body == "one two" && answer.closes)
        #expect(!answer.headers.contains(.transferEncoding) && !answer.headers.contains(.contentLength))
        #expect(try await client.ending() == .ended)
    }

    @Test("the last request that a connection may carry is answered with close")
    func requestsPerConnection() async throws {
        let stand = ServerStand(pathHandler) { $0.limits.requestsPerConnection = 2 }
        let client = try await stand.connect()
        try await client.send(request("GET /a") + request("GET /b") + request("GET /c"))
        #expect(try await client.answer().closes == false)
        let last = try await client.answer()
        #expect(last.body == "/b" && last.closes)
        #expect(try await client.ending() == .ended)
        #expect(try await client.rest() == "")
    }

    @Test("a client that closes an idle connection is let go", arguments: [true, false])
    func idleClose(byReset: Bool) async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send(request("GET /a"))
        _ = try await client.answer()
        try await (byReset ? client.reset() : client.finishSending())
        #expect(try await client.ending() == .closed)
        #expect(try await client.isForgotten())
    }

    @Test("a client that leaves in the middle of a head is let go without a handler being called")
    func leavesInHead() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                notes.add("called")
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n")
        try await client.finishSending()
        #expect(try await client.ending() == .closed)
        #expect(try await client.rest() == "" && notes.count == 0)
        #expect(try await client.isForgotten())
    }
}
