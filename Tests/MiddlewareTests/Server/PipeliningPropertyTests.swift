import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// No request is answered with another's bytes, however the requests and the bytes fall.
@Suite("Server: requests and answers match")
struct PipeliningPropertyTests {
    /// One request and what has to come back.
    private struct Exchange {
        let id: Int
        let method: HTTPRequest.Method
        let text: String
        let answer: String
    }

    /// Answers by what the path asks for: `/<id>/<how>/<size>`.
    private static let handler = HandlerFunction { request, context in
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count == 3, let size = Int(parts[2]) else { return Response(.notFound) }
        let mark = parts[0] + ":"
        let how = parts[1]
        if how.contains("p") { await Task.yield() }
        if how.contains("o") { try await context.offload { await Task.yield() } }
        let received = how.contains("r") ? String(buffer: try await request.body.collect(upTo: 1 << 20)) : ""
        let text = mark + received + String(repeating: Character(String(mark.first ?? "0")), count: size)
        if how.contains("c") {
            return Response(
                .ok, body: .stream(ScriptedSource([.bytes(mark), .bytes(String(text.dropFirst(mark.count)))])))
        }
        if how.contains("l") {
            return Response(.ok, body: .stream(ScriptedSource([.bytes(text)], knownLength: text.utf8.count)))
        }
        if how.contains("e") { throw HTTPError(.conflict, mark) }
        return Response(.ok, body: .text(text))
    }

    private func exchange(_ id: Int, _ chance: inout SplitMix) -> Exchange {
        let method: HTTPRequest.Method = [.get, .post, .put, .head][chance.below(4)]
        let size = chance.oneIn(6) ? chance.below(60_000) : chance.below(300)
        var how = ["c", "l", "b", "e"][chance.below(4)]
        if chance.oneIn(3) { how += "p" }
        if chance.oneIn(5) { how += "o" }
        let body = String(repeating: "\(id % 10)", count: chance.oneIn(8) ? chance.below(30_000) : chance.below(200))
        let reads = chance.oneIn(2)
        if reads { how += "r" }
        let line = "\(method.rawValue) /\(id)/\(how)/\(size)"
        let text: String
        if method == .get || method == .head {
            text = request(line)
        } else if chance.oneIn(2) {
            text = request(line, body: body)
        } else {
            var chunks = ""
            var rest = Substring(body)
            while !rest.isEmpty {
                let chunk = rest.prefix(1 + chance.below(500))
                rest = rest.dropFirst(chunk.count)
                chunks += String(chunk.count, radix: 16) + "\r\n" + chunk + "\r\n"
            }
            text = request(line, "Transfer-Encoding: chunked") + chunks + "0\r\n\r\n"
        }
        let mark = "\(id):"
        let received = reads && method != .get && method != .head ? body : ""
        let whole = mark + received + String(repeating: Character(String(mark.first ?? "0")), count: size)
        return Exchange(id: id, method: method, text: text, answer: method == .head ? "" : whole)
    }

    @Test("random pipelined requests, cut anywhere, get their own answers in order", arguments: 1...24)
    func random(seed: UInt64) async throws {
        var chance = SplitMix(seed: seed)
        let stand = ServerStand(Self.handler)
        let client = try await stand.connect(
            capacity: 1 << 24,
            pieceBytes: [1 + chance.below(60), 1 + chance.below(5000), 1 << 16][chance.below(3)]
        )
        let exchanges = (1...25).map { exchange($0, &chance) }
        var bytes = ByteBuffer(string: exchanges.map(\.text).joined())
        while bytes.readableBytes > 0 {
            let part = bytes.readSlice(length: min(bytes.readableBytes, 1 + chance.below(8000))) ?? ByteBuffer()
            try await client.send(part)
            if chance.oneIn(4) { try await stand.settle(turns: 1 + chance.below(6)) }
        }
        for exchange in exchanges {
            let answer = try await client.answer(to: exchange.method)
            if answer.status == 409 {
                #expect(exchange.method == .head || answer.body.contains("\"\(exchange.id):\""))
            } else {
                #expect(answer.status == 200 && answer.body == exchange.answer, "request \(exchange.id) of \(seed)")
            }
        }
        #expect(try await client.state() == .open)
        #expect(try await client.rest() == "")
    }

    @Test("many connections at once keep their answers apart")
    func connections() async throws {
        let stand = ServerStand(Self.handler)
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask {
                    let client = try await stand.connect(pieceBytes: 100 + number)
                    for round in 0..<10 {
                        let id = number * 1000 + round
                        try await client.send(request("POST /\(id)/crp/10", body: "body of \(id)"))
                        let answer = try await client.answer(to: .post)
                        #expect(answer.body.hasPrefix("\(id):body of \(id)"))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
