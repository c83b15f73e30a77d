import NIOCore

/// What one server keeps for one event loop. Touched on its loop only.
///
/// Unchecked for that reason.
final class ServerWorker: @unchecked Sendable {
    /// Limits in the units of the hot path; `.max` is none.
    struct Timeouts {
        let head: Int64
        let bodyIdle: Int64
        let body: Int64
        let keepAlive: Int64
        let write: Int64

        init(_ timeouts: Server.Timeouts) {
            func nanoseconds(_ duration: Duration) -> Int64 { duration <= .zero ? .max : duration.nanoseconds }
            head = nanoseconds(timeouts.head)
            bodyIdle = nanoseconds(timeouts.bodyIdle)
            body = nanoseconds(timeouts.body)
            keepAlive = nanoseconds(timeouts.keepAlive)
            write = nanoseconds(timeouts.write)
        }
    }

    /// A handler behind one reference: each request takes it anew, and copying a handler costs more.
    final class Root: Sendable {
        let handler: any Handler

        init(_ handler: any Handler) { self.handler = handler }
    }

    let worker: Worker
    let runtime: Runtime
    let configuration: Server.Configuration
    let timeouts: Timeouts
    let parserLimits: ParserLimits
    let census: ConnectionCensus
    /// The handler of new requests.
    @exclusivity(unchecked) var root: Root
    @exclusivity(unchecked) private(set) var isDraining = false
    /// The buffer that heads are written into; taken over by the wire and made anew only while that still holds it.
    @exclusivity(unchecked) var scratch: ByteBuffer?
    private var connections: [ObjectIdentifier: any ServedConnection] = [:]
    @exclusivity(unchecked) private var dateExpires = Int64.min
    @exclusivity(unchecked) private var dateText = ByteBuffer()
    private var emptied: (() -> Void)?

    init(
        _ worker: Worker,
        runtime: Runtime,
        configuration: Server.Configuration,
        census: ConnectionCensus,
        root: any Handler
    ) {
        self.worker = worker
        self.runtime = runtime
        self.configuration = configuration
        self.census = census
        self.root = Root(root)
        timeouts = Timeouts(configuration.timeouts)
        var limits = ParserLimits()
        limits.headBytes = configuration.limits.headBytes
        limits.fieldCount = configuration.limits.fieldCount
        limits.targetBytes = configuration.limits.targetBytes
        limits.contentBytes = configuration.limits.bodyBytes
        parserLimits = limits
    }

    /// The value of `Date` (RFC 9110 section 6.6.1), made once a second.
    var date: ByteBuffer {
        let now = worker.eventNow
        if now >= dateExpires {
            let wallClock = worker.time.wallClock
            dateText.clear()
            HTTPDate(wallClock).write(into: &dateText)
            let fraction = wallClock.components.attoseconds / 1_000_000_000
            dateExpires = now + max(1, 1_000_000_000 - fraction)
        }
        return dateText
    }

    func add(_ connection: any ServedConnection) {
        connections[ObjectIdentifier(connection)] = connection
        if isDraining { connection.drain() }
    }

    func remove(_ connection: any ServedConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connections.isEmpty { emptied?() }
    }

    /// Closes idle connections and lets busy ones end behind their answer; `emptied` is called once there are none
    /// left.
    func drain(_ emptied: @escaping () -> Void) {
        isDraining = true
        self.emptied = emptied
        // A copy: connections leave the table meanwhile, and the last of them tells.
        let open = connections
        for connection in open.values { connection.drain() }
        if open.isEmpty { emptied() }
    }

    /// Breaks off whatever is left.
    func abort() {
        let open = connections
        for connection in open.values { connection.abort() }
    }
}
