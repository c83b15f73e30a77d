public import NIOCore

/// What a PROXY protocol header says of a connection: who its ends were in front of the proxy that opened this one.
///
/// The protocol is HAProxy's ("The PROXY protocol", versions 1 and 2, `doc/proxy-protocol.txt` of its sources). A header
/// is the very first thing on a connection, ahead of TLS. It is not authenticated: only what a trusted peer sent may be
/// believed, which is for `ProxyProtocol.accepted(from:)` to see to.
///
/// ```swift
/// if let header = context.peer.proxied?.header { logger.info("by way of \(header.attributes.authority ?? "-")") }
/// var first = ProxyHeader(context.peer).bytes(.binary)
/// ```
public struct ProxyHeader: Hashable, Sendable {
    /// How a header is written.
    public enum Version: Hashable, Sendable, CaseIterable {
        /// Version 1: one line of text, without attributes.
        case text
        /// Version 2: binary.
        case binary
    }

    /// How the client spoke to the proxy. What follows the header is a byte stream either way.
    public enum Transport: Hashable, Sendable, CaseIterable {
        /// TCP, or a stream socket of the Unix domain.
        case stream
        /// UDP, or a datagram socket of the Unix domain. Version 1 cannot say it.
        case datagram
    }

    /// The ends of the connection as the proxy sees them.
    public enum Endpoints: Hashable, Sendable {
        /// The proxy speaks for itself, as for a health check: the ends are those of the socket.
        case local
        /// The proxy does not know, or cannot say: the ends are those of the socket.
        case unknown
        /// The client's address and the address that it reached, both of IPv4 or IPv6.
        case internet(source: SocketAddress, destination: SocketAddress, Transport)
        /// Paths of Unix-domain sockets, or names that begin with a zero byte; empty where there is none. At most 108
        /// bytes, not to be taken for text. Version 1 cannot say them.
        case unix(source: [UInt8], destination: [UInt8], Transport)
    }

    /// The ends of the connection.
    public var endpoints: Endpoints
    /// What else the proxy says. Version 1 has none.
    public var attributes: ProxyAttributes

    /// A header; without attributes unless given.
    public init(_ endpoints: Endpoints, attributes: ProxyAttributes = ProxyAttributes()) {
        self.endpoints = endpoints
        self.attributes = attributes
    }

    /// The header that tells the next hop of this peer: of the client, where a header came in front of this connection
    /// as well. ``Endpoints/unknown`` for a peer without addresses, such as that of a Unix-domain socket.
    ///
    /// Attributes are not passed on: they describe what an earlier proxy saw.
    public init(_ peer: Peer) {
        if let source = peer.remote, let destination = peer.local, IPAddress(source) != nil,
            IPAddress(destination) != nil
        {
            self.init(.internet(source: source, destination: destination, .stream))
        } else {
            self.init(.unknown)
        }
    }
}

/// Where a header could be no header, or cannot be believed: why it is refused.
package enum ProxyHeaderProblem: UInt8, Error, MetricLabelValue {
    /// The first bytes are not those of a header.
    case signature
    /// A line that is not `PROXY`, a protocol, two addresses and two ports, one space between each, and CR LF.
    case line
    /// An address that is not written as the protocol wants it, or is of the other family.
    case address
    /// A port that is no number from 0 to 65535 in its shortest form.
    case port
    /// A version other than 2 behind the binary signature.
    case version
    /// A command other than LOCAL and PROXY.
    case command
    /// A family or transport that is not assigned.
    case family
    /// Longer than is read, or too short for its addresses.
    case length
    /// An attribute that is cut off, given twice or not as it should be.
    case attribute
    /// A checksum that does not match.
    case checksum

    package static let labelName = "reason"
    package var text: String { "\(self)" }
    package var position: Int { Int(rawValue) }
}
