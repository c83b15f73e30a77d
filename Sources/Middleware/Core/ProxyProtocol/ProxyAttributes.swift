/// What a version 2 header says besides addresses (section 2.2 of the specification, "TLV").
///
/// Types that are not assigned are skipped. Text is UTF-8 without control characters, so that it can go into a log; a
/// header in which it is not is refused.
public struct ProxyAttributes: Hashable, Sendable {
    /// How the client spoke TLS to the proxy (section 2.2.6).
    public struct TLS: Hashable, Sendable {
        /// Whether the client came over TLS.
        public var isEncrypted: Bool
        /// Whether the client gave a certificate on this very connection.
        public var hasConnectionCertificate: Bool
        /// Whether the client gave a certificate at least once in the TLS session.
        public var hasSessionCertificate: Bool
        /// Zero when there was a certificate and it was verified; anything else is a failure or no certificate.
        public var verification: UInt32
        /// The version: `TLSv1.3`.
        public var version: String?
        /// The common name of the client's certificate. Believe it only when ``isVerified``.
        public var commonName: String?
        /// The cipher: `TLS_AES_128_GCM_SHA256`.
        public var cipher: String?
        /// The algorithm that the proxy's certificate is signed with: `RSA-SHA256`.
        public var signatureAlgorithm: String?
        /// The algorithm of the key of the proxy's certificate: `RSA2048`.
        public var keyAlgorithm: String?

        /// Whether there was a client certificate that the proxy has verified.
        public var isVerified: Bool { verification == 0 && (hasConnectionCertificate || hasSessionCertificate) }

        /// TLS without a client certificate unless given.
        public init(
            isEncrypted: Bool = true,
            hasConnectionCertificate: Bool = false,
            hasSessionCertificate: Bool = false,
            verification: UInt32 = 1
        ) {
            self.isEncrypted = isEncrypted
            self.hasConnectionCertificate = hasConnectionCertificate
            self.hasSessionCertificate = hasSessionCertificate
            self.verification = verification
        }
    }

    /// An attribute of a type that the specification leaves to applications (section 2.2.8): 0xE0 to 0xEF. Cloud load
    /// balancers name their endpoint so.
    public struct Custom: Hashable, Sendable {
        /// 0xE0 to 0xEF; others are not written.
        public var type: UInt8
        /// Its bytes.
        public var value: [UInt8]

        /// An attribute.
        public init(type: UInt8, value: [UInt8]) {
            self.type = type
            self.value = value
        }
    }

    /// The protocol that was negotiated by ALPN, as bytes (section 2.2.1).
    public var applicationProtocol: [UInt8]?
    /// The host name that the client asked for, as it came: with TLS the SNI (section 2.2.2).
    public var authority: String?
    /// What the proxy calls the connection, at most 128 bytes (section 2.2.5).
    public var uniqueID: [UInt8]?
    /// How the client spoke TLS to the proxy (section 2.2.6).
    public var tls: TLS?
    /// The name of the network namespace (section 2.2.7).
    public var networkNamespace: String?
    /// Attributes of applications, in the order in which they came.
    public var custom: [Custom] = []

    /// No attribute.
    public init() {}
}

/// The types of attributes.
package enum ProxyAttributeType {
    package static let applicationProtocol: UInt8 = 0x01
    package static let authority: UInt8 = 0x02
    package static let checksum: UInt8 = 0x03
    package static let padding: UInt8 = 0x04
    package static let uniqueID: UInt8 = 0x05
    package static let tls: UInt8 = 0x20
    package static let tlsVersion: UInt8 = 0x21
    package static let tlsCommonName: UInt8 = 0x22
    package static let tlsCipher: UInt8 = 0x23
    package static let tlsSignatureAlgorithm: UInt8 = 0x24
    package static let tlsKeyAlgorithm: UInt8 = 0x25
    package static let networkNamespace: UInt8 = 0x30
    package static let custom: ClosedRange<UInt8> = 0xE0...0xEF
}
