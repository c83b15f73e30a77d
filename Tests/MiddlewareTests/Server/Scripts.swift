import HTTPTypes
import Middleware
import NIOCore
import Synchronization

/// What happened, in order. Safe to use from any thread.
final class Notes: Sendable {
    private let entries = Mutex<[String]>([])

    var all: [String] { entries.withLock { $0 } }
    var count: Int { entries.withLock { $0.count } }

    func add(_ entry: String) { entries.withLock { $0.append(entry) } }
}

/// The outcomes that exchanges were finished with, in order.
final class Outcomes: Sendable {
    private let entries = Mutex<[Outcome]>([])

    var all: [Outcome] { entries.withLock { $0 } }
    var ends: [Outcome.End] { all.map(\.end) }
    var count: Int { all.count }

    /// Collects the outcome of an exchange.
    func watch(_ context: RequestContext) {
        context.onFinish { _, outcome in self.entries.withLock { $0.append(outcome) } }
    }
}

/// Holds tasks until it is opened; cancellation does not free them.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrived = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// How many have come to it.
    var arrived: Int { state.withLock { $0.arrived } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                state.arrived += 1
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A source of equal parts that is always ready, and counts.
final class MeteredSource: BodySource, Sendable {
    /// What became of it; outlives it.
    final class Meter: Sendable {
        private let reads = Atomic<Int>(0)
        private let cancels = Atomic<Int>(0)
        private let drops = Atomic<Int>(0)

        init() {}

        var pulls: Int { reads.load(ordering: .relaxed) }
        var isCancelled: Bool { cancels.load(ordering: .relaxed) > 0 }
        var isDropped: Bool { drops.load(ordering: .relaxed) > 0 }

        fileprivate func read() -> Int { reads.wrappingAdd(1, ordering: .relaxed).newValue }
        fileprivate func cancel() { cancels.wrappingAdd(1, ordering: .relaxed) }
        fileprivate func drop() { drops.wrappingAdd(1, ordering: .relaxed) }
    }

    let knownLength: Int?
    var isReady: Bool { true }
    private let meter: Meter
    private let part: ByteBuffer
    private let count: Int

    /// - Parameter count: the parts; endless unless given.
    init(_ meter: Meter, partBytes: Int = 1024, count: Int = .max, knownLength: Int? = nil) {
        self.meter = meter
        self.count = count
        self.knownLength = knownLength
        part = ByteBuffer(repeating: UInt8(ascii: "x"), count: partBytes)
    }

    deinit { meter.drop() }

    func read() async throws -> BodyPart {
        guard !meter.isCancelled else { throw CancellationError() }
        return meter.read() > count ? .end(trailers: nil) : .bytes(part)
    }

    func cancel(_ reason: any Error) { meter.cancel() }
}

/// The head of a request, or a whole one, as a client sends it.
func request(_ line: String, _ fields: String..., body: String? = nil) -> String {
    var text = "\(line) HTTP/1.1\r\nHost: a\r\n"
    for field in fields { text += field + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    return text + "\r\n" + (body ?? "")
}

/// Answers with the path.
let pathHandler = HandlerFunction { request, _ in Response(.ok, body: .text(request.path)) }

/// Answers with the content of the request.
let collectHandler = HandlerFunction { request, _ in
    Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 24)))
}
