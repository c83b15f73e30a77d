/// A set of ASCII bytes as two words, one bit a byte: a look-up is a shift and no memory is read. Bytes from 0x80 on
/// are never in it.
package struct ByteSet: Sendable {
    private let low: UInt64
    private let high: UInt64

    private init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    @inline(__always)
    package func contains(_ byte: UInt8) -> Bool {
        let word = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (word &>> UInt64(byte & 0x3F)) & 1 != 0
    }
}

extension ByteSet {
    /// `tchar`, RFC 9110 section 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    package static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// `unreserved`, RFC 3986 section 2.3: letters, digits and `-._~`.
    package static var unreserved: ByteSet { ByteSet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// What may stand unencoded in a path: `pchar` of RFC 3986 section 3.3, and `/`.
    package static var path: ByteSet { ByteSet(low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF) }

    /// ``path`` without the dot, the one of them that needs a look at its neighbours.
    package static var pathButDot: ByteSet { ByteSet(low: 0x2FFF_BFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF) }

    /// What may stand in a host name: `unreserved` and `sub-delims` of RFC 3986 section 3.2.2, without the comma, which
    /// in a field of a single value is the trace of two that were joined (RFC 9110 section 5.5), and without `%`: no
    /// name that is looked up has one.
    package static var host: ByteSet { ByteSet(low: 0x2BFF_6FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }
}
