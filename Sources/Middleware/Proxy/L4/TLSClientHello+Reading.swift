/// The message without its head (RFC 8446 section 4.1.2).
extension TLSClientHello {
    private static let serverNameType = 0
    private static let applicationProtocolsType = 16

    init(_ bytes: Span<UInt8>) throws(TLSClientHelloProblem) {
        self.init()
        var message = TLSVector(bytes.indices)
        // legacy_version and random.
        _ = try message.take(34)
        let session = try message.vector(in: bytes, lengthBytes: 1)
        let ciphers = try message.vector(in: bytes, lengthBytes: 2)
        let compressions = try message.vector(in: bytes, lengthBytes: 1)
        guard session.count <= 32, ciphers.count >= 2, ciphers.count % 2 == 0, !compressions.isEmpty else {
            throw .message
        }
        // A client of TLS 1.2 may have no extensions (RFC 5246 section 7.4.1.2).
        guard !message.isAtEnd else { return }
        var extensions = TLSVector(try message.vector(in: bytes, lengthBytes: 2))
        guard message.isAtEnd else { throw .message }
        var seen: (name: Bool, protocols: Bool) = (false, false)
        while !extensions.isAtEnd {
            let type = try extensions.number(in: bytes, bytes: 2)
            let data = try extensions.vector(in: bytes, lengthBytes: 2)
            switch type {
            case Self.serverNameType:
                guard !seen.name else { throw .duplicate }
                seen.name = true
                serverName = try Self.serverName(bytes.extracting(data))
            case Self.applicationProtocolsType:
                guard !seen.protocols else { throw .duplicate }
                seen.protocols = true
                applicationProtocols = try Self.applicationProtocols(bytes.extracting(data))
            default: break
            }
        }
    }

    /// RFC 6066 section 3. One name: a list with two of a type is forbidden, and of other types nobody knows the form.
    private static func serverName(_ bytes: Span<UInt8>) throws(TLSClientHelloProblem) -> String {
        do {
            var data = TLSVector(bytes.indices)
            var list = TLSVector(try data.vector(in: bytes, lengthBytes: 2))
            let type = try list.number(in: bytes, bytes: 1)
            let name = try list.vector(in: bytes, lengthBytes: 2)
            // host_name(0)
            guard type == 0, list.isAtEnd, data.isAtEnd, let host = ServerNamePattern.host(bytes.extracting(name))
            else {
                throw TLSClientHelloProblem.serverName
            }
            return host
        } catch {
            throw .serverName
        }
    }

    /// RFC 7301 section 3.1: at least one, none of them empty.
    private static func applicationProtocols(_ bytes: Span<UInt8>) throws(TLSClientHelloProblem) -> [[UInt8]] {
        do {
            var data = TLSVector(bytes.indices)
            var list = TLSVector(try data.vector(in: bytes, lengthBytes: 2))
            var names: [[UInt8]] = []
            repeat {
                let name = try list.vector(in: bytes, lengthBytes: 1)
                guard !name.isEmpty else { throw TLSClientHelloProblem.applicationProtocol }
                names.append(bytes.extracting(name).array)
            } while !list.isAtEnd
            guard data.isAtEnd else { throw TLSClientHelloProblem.applicationProtocol }
            return names
        } catch {
            throw .applicationProtocol
        }
    }
}

/// A part of a message in the presentation language of TLS (RFC 8446 section 3), read from its front: numbers in network
/// order, and vectors behind their lengths.
private struct TLSVector {
    private var rest: Range<Int>

    init(_ range: Range<Int>) { rest = range }

    var isAtEnd: Bool { rest.isEmpty }

    /// The next bytes.
    mutating func take(_ count: Int) throws(TLSClientHelloProblem) -> Range<Int> {
        guard rest.count >= count else { throw .message }
        let taken = rest.lowerBound..<rest.lowerBound + count
        rest = taken.upperBound..<rest.upperBound
        return taken
    }

    mutating func number(in bytes: Span<UInt8>, bytes count: Int) throws(TLSClientHelloProblem) -> Int {
        try take(count).reduce(0) { $0 << 8 + Int(bytes[$1]) }
    }

    mutating func vector(in bytes: Span<UInt8>, lengthBytes: Int) throws(TLSClientHelloProblem) -> Range<Int> {
        let length = try number(in: bytes, bytes: lengthBytes)
        return try take(length)
    }
}
