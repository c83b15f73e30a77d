package import Logging
package import NIOCore

/// Stands in front of a connection's own handler until the PROXY protocol header has come, then steps aside.
///
/// ```swift
/// let gate = ProxyProtocolGate(wire, on: worker, peer: peer, policy: policy, logger: logger) { peer in
///     let connection = ServerConnection(wire, server: server, peer: peer)
///     wire.start(connection)
///     connection.start()
///     return connection
/// }
/// wire.start(gate)
/// gate.start()
/// ```
///
/// It reads no more than a header's bound and what came with it, writes nothing, and holds one timer. Whom it refuses
/// sees a reset.
///
/// On its worker's loop only.
package final class ProxyProtocolGate: WireHandler {
    private enum Phase {
        /// The header has not come yet.
        case waiting
        /// The connection has its own handler. Events of a batch that began here still come by.
        case passed(any WireHandler)
        /// Refused or gone.
        case over
    }

    private let wire: any Wire
    private let worker: Worker
    private let peer: Peer
    private let policy: ProxyProtocol
    private let logger: Logger
    private var phase = Phase.waiting
    private var input = ByteBuffer()
    private var timer: LoopTimer?
    private var handOver: ((Peer) -> (any WireHandler)?)?

    /// - Parameters:
    ///   - peer: the ends of the socket.
    ///   - handOver: called at most once, with the peer that the connection has from then on. It gives the wire to the
    ///     connection's own handler, and returns that one for the bytes behind the header; `nil` when the connection has
    ///     been refused by other means.
    package init(
        _ wire: any Wire,
        on worker: Worker,
        peer: Peer,
        policy: ProxyProtocol,
        logger: Logger,
        handOver: @escaping (Peer) -> (any WireHandler)?
    ) {
        self.wire = wire
        self.worker = worker
        self.peer = peer
        self.policy = policy
        self.logger = logger
        self.handOver = handOver
    }

    /// Starts to wait for the header; refuses at once whoever may not send one.
    package func start() {
        guard policy.trusts(peer) else {
            refuse(.untrusted)
            return
        }
        let timer = LoopTimer(on: worker.timers) { [weak self] in self?.timedOut() }
        let (end, overflow) = worker.now.addingReportingOverflow(policy.timeout.nanoseconds)
        timer.set(overflow ? .max : end)
        self.timer = timer
    }

    // MARK: Events

    package func received(_ bytes: ByteBuffer) {
        switch phase {
        case .waiting: break
        case .passed(let handler):
            handler.received(bytes)
            return
        case .over: return
        }
        input.join(bytes)
        switch ProxyHeaderDecoder.read(input) {
        case .needsMore:
            break
        case .header(let header, let length):
            input.moveReaderIndex(forwardBy: length)
            pass(peer.proxied(by: header), ProxyProtocolOutcome(header))
        case .malformed(let problem):
            // Whoever begins like a header and goes on otherwise meant one: that is no plain connection.
            let isPlain = policy.requirement == .optional && !ProxyHeaderDecoder.isSigned(input)
            if isPlain { pass(peer, .plain) } else { refuse(.malformed(problem)) }
        }
    }

    package func receivedAll() { if case .passed(let handler) = phase { handler.receivedAll() } }

    package func writabilityChanged() { if case .passed(let handler) = phase { handler.writabilityChanged() } }

    package func inputClosed() {
        switch phase {
        case .waiting where input.readableBytes > 0: refuse(.truncated)
        // Whoever connects and says nothing only looks whether there is anybody.
        case .waiting: end { wire.close() }
        case .passed(let handler): handler.inputClosed()
        case .over: break
        }
    }

    package func closed(_ error: (any Error)?) {
        switch phase {
        case .waiting:
            if input.readableBytes > 0 { ProxyProtocolMetric.refused[.truncated].increment() }
            end {}
        case .passed(let handler): handler.closed(error)
        case .over: break
        }
    }

    private func timedOut() {
        guard case .waiting = phase else { return }
        // A client that waits for the server to speak first sends nothing; part of a header is not nothing.
        if policy.requirement == .optional, input.readableBytes == 0 {
            pass(peer, .plain)
        } else {
            refuse(.timeout)
        }
    }

    // MARK: Ends

    private func pass(_ peer: Peer, _ outcome: ProxyProtocolOutcome) {
        ProxyProtocolMetric.accepted[outcome].increment()
        let rest = input
        let handOver = handOver
        end {}
        guard let handler = handOver?(peer) else { return }
        phase = .passed(handler)
        if rest.readableBytes > 0 { handler.received(rest) }
    }

    private func refuse(_ reason: ProxyProtocolRefusal) {
        ProxyProtocolMetric.refused[reason].increment()
        // Anybody who reaches the port can cause any number of these.
        logger.debug(
            "refused a connection in front of its protocol",
            metadata: ["reason": "\(reason.text)", "peer": "\(peer.remote?.description ?? "local")"]
        )
        end { wire.reset() }
    }

    private func end(_ action: () -> Void) {
        phase = .over
        timer?.invalidate()
        timer = nil
        handOver = nil
        input = ByteBuffer()
        action()
    }
}
