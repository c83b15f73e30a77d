import NIOCore
import Testing

@testable import Middleware

@Suite("Incoming body")
struct IncomingBodyTests {
    private static let second: Int64 = 1_000_000_000

    @Test("the nearest of its limits ends a wait, and says which it is")
    func patience() {
        var body = IncomingBody()
        #expect(
            body.patience(idle: 30 * Self.second, whole: .max, bytesPerSecond: 100) == (30 * Self.second, .bodyIdle))
        #expect(
            body.patience(idle: 30 * Self.second, whole: Self.second, bytesPerSecond: 0) == (Self.second, .bodyTotal))
        body.startWaiting(at: 0)
        body.append(ByteBuffer(repeating: 0, count: 100))
        body.stopWaiting(at: 29 * Self.second)
        // 100 bytes after 29 seconds: the first 30 are free, then the rate decides.
        #expect(body.patience(idle: 30 * Self.second, whole: .max, bytesPerSecond: 100) == (Self.second, .bodyRate))
    }
}
