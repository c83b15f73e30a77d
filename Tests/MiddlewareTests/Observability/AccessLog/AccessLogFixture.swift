import HTTPTypes
import Middleware
import NIOCore

/// One exchange through a log into memory, with the end that a server would give it.
struct AccessLogFixture {
    let time = FixedTime()
    let memory = AccessLogMemory()
    let context: RequestContext
    var configuration = AccessLog.Configuration()
    var request = Request(.get, "/")
    var response = Response(.ok)
    var outcome = Outcome()

    init(randomness: any Randomness = SystemRandomness()) throws {
        context = RequestContext(runtime: Runtime(time: time, randomness: randomness))
        context.peer = Peer(remote: try SocketAddress(ipAddress: "192.0.2.7", port: 4711))
        configuration.destination = memory
        outcome.bytesSent = 104
    }

    /// Runs the exchange, and says what the log wrote.
    func lines() async throws -> [String] {
        let (status, headers) = (response.status, response.headers)
        let handler = HandlerFunction { _, _ in
            var response = Response(status)
            response.headers = headers
            return response
        }
        let pipeline = Pipeline([AccessLog(configuration)], endingIn: handler)
        _ = try await pipeline.handle(request, context: context)
        context.finish(outcome)
        return memory.lines
    }

    func line() async throws -> String {
        let lines = try await lines()
        return lines.count == 1 ? lines[0] : "\(lines.count) lines"
    }
}

extension Headers {
    /// Fields with exactly these bytes, which a codec would have refused in part.
    init(raw fields: [(String, String)]) {
        var received = ByteBuffer()
        var entries: [Entry] = []
        for (name, value) in fields {
            let nameStart = received.writerIndex
            received.writeString(name)
            received.writeString(": ")
            let valueStart = received.writerIndex
            received.writeString(value)
            let known = KnownField(name: Array(name.utf8).span)
            entries.append(
                Entry(
                    name: nameStart..<(valueStart - 2), value: valueStart..<received.writerIndex, known: known,
                    origin: .received))
            received.writeString("\r\n")
        }
        self.init(received: received, entries: entries)
    }
}
