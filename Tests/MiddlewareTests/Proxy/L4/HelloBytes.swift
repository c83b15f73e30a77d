import NIOCore

/// A ClientHello by hand.
struct HelloBytes {
    var version: [UInt8] = [3, 3]
    var session = [UInt8](repeating: 7, count: 32)
    var ciphers: [UInt8] = [0x13, 0x01, 0x0A, 0x0A]
    var compressions: [UInt8] = [0]
    /// Types and data, GREASE among them; `nil` leaves the extensions out.
    var extensions: [(UInt16, [UInt8])]? = []
    /// Behind the extensions.
    var trailing: [UInt8] = []

    init(_ extensions: [(UInt16, [UInt8])]? = []) { self.extensions = extensions }

    init(name: String) { self.init([(0x5A5A, []), (0, Self.names([(0, Array(name.utf8))])), (0xFE0D, [1, 2, 3])]) }

    static func vector(_ bytes: [UInt8], lengthBytes: Int) -> [UInt8] {
        (0..<lengthBytes).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * (lengthBytes - 1 - $0))) } + bytes
    }

    static func names(_ names: [(UInt8, [UInt8])]) -> [UInt8] {
        vector(names.flatMap { [$0] + vector($1, lengthBytes: 2) }, lengthBytes: 2)
    }

    static func protocols(_ names: [String]) -> [UInt8] {
        vector(names.flatMap { vector(Array($0.utf8), lengthBytes: 1) }, lengthBytes: 2)
    }

    /// The handshake message.
    var message: [UInt8] {
        var body = version + [UInt8](repeating: 9, count: 32) + Self.vector(session, lengthBytes: 1)
        body += Self.vector(ciphers, lengthBytes: 2) + Self.vector(compressions, lengthBytes: 1)
        if let extensions {
            let all = extensions.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Self.vector($1, lengthBytes: 2) }
            body += Self.vector(all, lengthBytes: 2)
        }
        return [1] + Self.vector(body + trailing, lengthBytes: 3)
    }

    /// In records of so many bytes at most.
    func records(of size: Int = 1 << 14) -> [UInt8] { Self.records(message, of: size) }

    static func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start in
            [22, 3, 1] + vector(Array(message[start..<min(message.count, start + size)]), lengthBytes: 2)
        }
    }
}
