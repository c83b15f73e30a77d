/// Which forwarding fields of this request the proxy in front of us vouches for.
///
/// Empty unless ``ClientAddress`` found that the other end of the connection is a trusted proxy. A field that is not in
/// it may have been written by the client itself, whatever it says: nothing may be decided by it, and the forwarder
/// replaces it.
public struct PeerTrust: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `Forwarded` (RFC 7239).
    public static var forwarded: PeerTrust { PeerTrust(rawValue: 1) }
    /// `X-Forwarded-For`.
    public static var xForwardedFor: PeerTrust { PeerTrust(rawValue: 2) }
    /// `X-Forwarded-Proto`.
    public static var xForwardedProto: PeerTrust { PeerTrust(rawValue: 4) }
    /// `X-Forwarded-Host`.
    public static var xForwardedHost: PeerTrust { PeerTrust(rawValue: 8) }
}

/// What the other end of the connection is trusted with; nothing unless somebody set it.
public enum PeerTrustKey: ContextKey {
    public static var defaultValue: PeerTrust { [] }
}
