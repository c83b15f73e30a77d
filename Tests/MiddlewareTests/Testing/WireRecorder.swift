import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Notes the events of a wire as text. On its loop only.
final class WireRecorder: WireHandler {
    private(set) var events: [String] = []
    private(set) var text = ""
    private(set) var largest = 0

    func received(_ bytes: ByteBuffer) {
        text += String(buffer: bytes)
        largest = max(largest, bytes.readableBytes)
    }

    func receivedAll() {}
    func inputClosed() { events.append("input closed") }
    func writabilityChanged() { events.append("writability") }
    func closed(_ error: (any Error)?) { events.append(error == nil ? "closed" : "failed") }
}

/// The two ends of a connection in memory and what happened at each.
final class WirePair {
    let worker: Worker
    let client: MemoryWire
    let origin: MemoryWire
    let atClient = WireRecorder()
    let atOrigin = WireRecorder()

    init(
        on worker: Worker,
        capacity: Int = 64 << 10,
        pieceBytes: Int = 16 << 10,
        clientHalfCloses: Bool = false
    ) {
        self.worker = worker
        (client, origin) = MemoryWire.pair(
            on: worker,
            capacity: capacity,
            pieceBytes: pieceBytes,
            clientHalfCloses: clientHalfCloses
        )
        client.start(atClient)
        origin.start(atOrigin)
    }

    /// Lets everything happen that can: a hundred turns of the loop.
    func settle() async {
        for _ in 0..<100 {
            await withCheckedContinuation { continuation in
                worker.eventLoop.execute { continuation.resume() }
            }
        }
    }
}

/// Runs a test on an event loop. The body is `@concurrent` so that it begins with a switch to the loop.
@concurrent func onLoop(_ body: @concurrent @Sendable (Worker) async throws -> Void) async rethrows {
    let worker = TestClient(HandlerFunction { _, _ in Response(.ok) }).runtime.workers.current
    try await withTaskExecutorPreference(worker.executor) { try await body(worker) }
}
