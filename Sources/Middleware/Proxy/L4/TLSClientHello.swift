/// What the first message of a TLS client says in the clear: the host that it wants and the protocols that it speaks
/// (RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301 section 3.1).
///
/// Nothing is decrypted and nothing is answered. With Encrypted Client Hello it is the outer message that is seen; its
/// extension, GREASE values (RFC 8701) and every other extension are skipped.
package struct TLSClientHello: Hashable, Sendable {
    /// The host in lower case, an ASCII name without a dot at its end; `nil` when the client names none.
    package var serverName: String?
    /// The protocols of ALPN, in the client's order; empty when it offers none.
    package var applicationProtocols: [[UInt8]] = []

    package init(serverName: String? = nil, applicationProtocols: [[UInt8]] = []) {
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
    }
}

/// Why the first bytes of a connection are no message of a TLS client that can be routed.
package enum TLSClientHelloProblem: UInt8, Error, CaseIterable {
    /// Not a record of a handshake.
    case notTLS
    /// A record that is empty, too long, of another kind, or that goes on behind the message.
    case record
    /// Longer than ``TLSClientHelloReader/limit``.
    case length
    /// A message that is cut off or goes on where it has to end.
    case message
    /// A server name that is no host name, or more than one.
    case serverName
    /// A list of protocols with an empty one, or none.
    case applicationProtocol
    /// An extension that decides, twice.
    case duplicate
}
