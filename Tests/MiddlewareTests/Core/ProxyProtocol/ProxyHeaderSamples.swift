import Middleware
import NIOCore

/// Headers, good and bad, and what they read as.
enum ProxyHeaderSamples {
    typealias Bad = (name: String, bytes: [UInt8], problem: ProxyHeaderProblem)
    typealias Good = (name: String, bytes: [UInt8], endpoints: ProxyHeader.Endpoints)

    static func internet(
        _ source: String, _ sourcePort: Int, _ destination: String, _ destinationPort: Int,
        _ transport: ProxyHeader.Transport = .stream
    ) throws -> ProxyHeader.Endpoints {
        .internet(
            source: try SocketAddress(ipAddress: source, port: sourcePort),
            destination: try SocketAddress(ipAddress: destination, port: destinationPort),
            transport)
    }

    /// A version 2 header with its length filled in.
    static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let count = length ?? rest.count
        return signature + [command, family, UInt8(count >> 8), UInt8(count & 0xFF)] + rest
    }

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// 192.0.2.1:1024 to 198.51.100.7:443.
    static let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 4, 0, 1, 187]
    /// [2001:db8::1]:1024 to [2001:db8::2]:443.
    static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2, 4, 0, 1, 187]

    static func line(_ text: String) -> [UInt8] { Array("PROXY \(text)\r\n".utf8) }

    static func attribute(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    }

    static func path(_ text: String) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: 108 - text.utf8.count)
    }

    static func good() throws -> [Good] {
        let four = try internet("192.0.2.1", 1024, "198.51.100.7", 443)
        let six = try internet("2001:db8::1", 1024, "2001:db8::2", 443)
        let full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        return [
            ("TCP4", line("TCP4 192.0.2.1 198.51.100.7 1024 443"), four),
            ("TCP6", line("TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 1024 443"), six),
            (
                "the longest TCP4", line("TCP4 255.255.255.255 255.255.255.255 65535 65535"),
                try internet("255.255.255.255", 65535, "255.255.255.255", 65535)
            ),
            ("the longest TCP6", line("TCP6 \(full) \(full) 65535 65535"), try internet(full, 65535, full, 65535)),
            ("port zero", line("TCP4 0.0.0.0 0.0.0.0 0 0"), try internet("0.0.0.0", 0, "0.0.0.0", 0)),
            (
                "a mapped address", line("TCP6 ::ffff:192.0.2.1 2001:db8::2 1024 443"),
                try internet("192.0.2.1", 1024, "2001:db8::2", 443)
            ),
            ("UNKNOWN", line("UNKNOWN"), .unknown),
            ("UNKNOWN and whatever follows", line("UNKNOWN \(full) \(full) 65535 65535"), .unknown),
            ("UNKNOWN and nonsense", line("UNKNOWN  \u{1}x"), .unknown),
            ("binary TCP over IPv4", binary(0x21, 0x11, ipv4), four),
            (
                "binary UDP over IPv4", binary(0x21, 0x12, ipv4),
                try internet("192.0.2.1", 1024, "198.51.100.7", 443, .datagram)
            ),
            ("binary TCP over IPv6", binary(0x21, 0x21, ipv6), six),
            (
                "a Unix-domain stream", binary(0x21, 0x31, path("/run/a") + path("")),
                .unix(source: Array("/run/a".utf8), destination: [], .stream)
            ),
            (
                "a Unix-domain datagram without a path", binary(0x21, 0x32, path("") + path("\u{0}name")),
                .unix(source: [], destination: Array("\u{0}name".utf8), .datagram)
            ),
            ("LOCAL", binary(0x20, 0x00, []), .local),
            ("LOCAL of a family that is not assigned, with bytes", binary(0x20, 0xFF, [1, 2, 3]), .local),
            ("unspecified", binary(0x21, 0x00, []), .unknown),
            ("unspecified with bytes that are not looked at", binary(0x21, 0x00, [1, 2]), .unknown),
            ("a family without a transport", binary(0x21, 0x10, ipv4), .unknown),
            ("a transport without a family", binary(0x21, 0x01, ipv4), .unknown),
            (
                "padding and unknown attributes",
                binary(0x21, 0x11, ipv4 + attribute(0x04, [0, 0]) + attribute(0x77, [1]) + attribute(0xF8, [])), four
            ),
            ("as long as can be", binary(0x21, 0x11, ipv4 + attribute(4, [UInt8](repeating: 0, count: 4065))), four),
        ]
    }

    static let bad: [Bad] =
        [
            ("HTTP", Array("GET / HTTP/1.1\r\n".utf8), .signature),
            ("TLS", [0x16, 0x03, 0x01], .signature),
            ("lower case", Array("proxy TCP4".utf8), .signature),
            ("PROXY and a tab", Array("PROXY\tTCP4".utf8), .signature),
            ("the end of a line in front", Array("\r\nPROXY".utf8), .signature),
            ("half a signature", Array(signature.prefix(7)) + [0x52], .signature),
            ("no protocol", line(""), .line),
            ("an unknown protocol", line("UDP4 192.0.2.1 198.51.100.7 1 2"), .line),
            ("UNKNOWNX", line("UNKNOWNX"), .line),
            ("two spaces", line("TCP4  192.0.2.1 198.51.100.7 1 2"), .line),
            ("a space behind", line("TCP4 192.0.2.1 198.51.100.7 1 2 "), .line),
            ("too few words", line("TCP4 192.0.2.1 198.51.100.7 1"), .line),
            ("a line feed alone", Array("PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n".utf8), .line),
            ("a carriage return alone", Array("PROXY TCP4 192.0.2.1 198.51.100.7 1 2\rx".utf8), .line),
            ("a zero in front of an octet", line("TCP4 192.0.2.01 198.51.100.7 1 2"), .address),
            ("an octet that is too large", line("TCP4 192.0.2.256 198.51.100.7 1 2"), .address),
            ("three octets", line("TCP4 192.0.2 198.51.100.7 1 2"), .address),
            ("IPv6 as TCP4", line("TCP4 2001:db8::1 2001:db8::2 1 2"), .address),
            ("IPv4 as TCP6", line("TCP6 192.0.2.1 198.51.100.7 1 2"), .address),
            ("brackets", line("TCP6 [2001:db8::1] [2001:db8::2] 1 2"), .address),
            ("a zone", line("TCP6 fe80::1%eth0 fe80::2 1 2"), .address),
            ("two gaps", line("TCP6 2001::db8::1 2001:db8::2 1 2"), .address),
            ("a zero in front of a port", line("TCP4 192.0.2.1 198.51.100.7 01 2"), .port),
            ("a port that is too large", line("TCP4 192.0.2.1 198.51.100.7 1 65536"), .port),
            ("a port with a sign", line("TCP4 192.0.2.1 198.51.100.7 +1 2"), .port),
            ("a negative port", line("TCP4 192.0.2.1 198.51.100.7 1 -2"), .port),
            ("a line without end", Array("PROXY UNKNOWN ".utf8) + [UInt8](repeating: 0x20, count: 93), .length),
            ("an end beyond the limit", line("UNKNOWN " + String(repeating: "x", count: 92)), .length),
            ("version 1 in binary", binary(0x11, 0x11, ipv4), .version),
            ("version 3", binary(0x31, 0x11, ipv4), .version),
            ("a command that is not assigned", binary(0x22, 0x11, ipv4), .command),
            ("a family that is not assigned", binary(0x21, 0x41, ipv4), .family),
            ("a transport that is not assigned", binary(0x21, 0x13, ipv4), .family),
            ("too short for IPv4", binary(0x21, 0x11, ipv4.dropLast()), .length),
            ("too short for IPv6", binary(0x21, 0x21, ipv4), .length),
            ("too short for a path", binary(0x21, 0x31, path("/a")), .length),
            ("too long", binary(0x21, 0x11, ipv4, length: 4081), .length),
            ("too long for LOCAL", binary(0x20, 0x00, [], length: 65535), .length),
        ]
        + [
            ("two bytes of an attribute", [4, 0]), ("an attribute that is cut off", [4, 0, 2, 0]),
            ("a short checksum", attribute(3, [1, 2, 3])),
            ("a long unique id", attribute(5, .init(repeating: 0, count: 129))),
            ("two authorities", attribute(2, [0x61]) + attribute(2, [0x61])),
            ("two protocols", attribute(1, [0x61]) + attribute(1, [0x62])),
            ("an authority that is no UTF-8", attribute(2, [0xFF])),
            ("an authority with the end of a line", attribute(2, [0x61, 0x0A])),
            ("TLS that is too short", attribute(0x20, [1, 0, 0, 0])),
            ("TLS with an attribute that is cut off", attribute(0x20, [1, 0, 0, 0, 0, 0x21, 0, 2, 0])),
            (
                "TLS with two versions",
                attribute(0x20, [1, 0, 0, 0, 0] + attribute(0x21, [0x61]) + attribute(0x21, [0x61]))
            ),
        ].map { ($0, binary(0x21, 0x11, ipv4 + $1), .attribute) }
        + [("a checksum that does not match", binary(0x21, 0x11, ipv4 + attribute(3, [1, 2, 3, 4])), .checksum)]
}

/// The reading of bytes.
func proxyReading(_ bytes: some Collection<UInt8>) -> ProxyHeaderDecoder.Reading {
    ProxyHeaderDecoder.read(ByteBuffer(bytes: bytes))
}
