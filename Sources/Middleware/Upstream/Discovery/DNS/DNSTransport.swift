package import NIOCore

/// What a query travels by.
package enum DNSCarrier: Sendable {
    /// One datagram each way.
    case udp
    /// A connection for this query, each message behind its length (RFC 1035 section 4.2.2, RFC 7766).
    case tcp
}

/// Carries a query to one name server: real sockets, or the script of a test.
package protocol DNSTransport: Sendable {
    /// The first message that answers the query. Waits without end: who calls it has a limit, and cancels.
    func exchange(
        _ query: DNSQuery, with server: SocketAddress, over carrier: DNSCarrier, on runtime: Runtime
    ) async throws(DNSFailure) -> DNSMessage
}
