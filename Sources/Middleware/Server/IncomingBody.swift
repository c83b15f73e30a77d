import NIOCore

/// What has come of a request's body, and for how long it was waited for. A pure value: it decides, its connection
/// acts.
struct IncomingBody {
    /// How many bytes may wait for their reader before the wire is no longer read. One read buffer more can arrive.
    static let readAheadBytes = 64 << 10

    /// What becomes of the bytes that still come.
    enum Reader {
        /// A handler may read them.
        case handler
        /// Nobody will: they are thrown away.
        case nobody
    }

    var parts = PartQueue()
    var reader = Reader.handler
    private(set) var isComplete = false
    private(set) var trailers: Headers?
    private(set) var byteCount = 0
    private(set) var discarded = 0
    private var isEndTaken = false
    private var waited: Int64 = 0
    private var waitsSince: Int64?

    mutating func append(_ part: ByteBuffer) {
        byteCount += part.readableBytes
        switch reader {
        case .handler: parts.append(part)
        case .nobody: discarded += part.readableBytes
        }
    }

    mutating func end(_ trailers: Headers?) {
        isComplete = true
        self.trailers = trailers
    }

    /// The next part when there is one.
    mutating func take() -> BodyPart? {
        if let part = parts.popFirst() { return .bytes(part) }
        guard isComplete, !isEndTaken else { return nil }
        isEndTaken = true
        return .end(trailers: trailers)
    }

    /// Throws away what has come and will come.
    mutating func discard() {
        guard reader == .handler else { return }
        reader = .nobody
        discarded += parts.byteCount
        parts = PartQueue()
    }

    // MARK: Time

    /// A handler waits for bytes from now on.
    mutating func startWaiting(at now: Int64) { waitsSince = now }

    /// Bytes came, or the wait ended.
    mutating func stopWaiting(at now: Int64) {
        if let waitsSince { waited += max(0, now - waitsSince) }
        waitsSince = nil
    }

    /// How long the present wait may last, given what was waited for before, and which limit ends it.
    ///
    /// The least of: the idle limit, what is left of the limit for the whole body, and the point at which the bytes so
    /// far would be fewer than the minimum rate allows once the first idle limit has gone by.
    func patience(idle: Int64, whole: Int64, bytesPerSecond: Int) -> (Int64, ConnectionTimeout) {
        var patience = (idle, ConnectionTimeout.bodyIdle)
        if whole < .max, whole - waited < patience.0 { patience = (max(0, whole - waited), .bodyTotal) }
        if bytesPerSecond > 0, idle < .max {
            let (covered, overflow) = Int64(byteCount).multipliedReportingOverflow(by: 1_000_000_000)
            let allowed = overflow ? Int64.max : max(idle, covered / Int64(bytesPerSecond))
            if allowed - waited < patience.0 { patience = (max(0, allowed - waited), .bodyRate) }
        }
        return patience
    }
}
