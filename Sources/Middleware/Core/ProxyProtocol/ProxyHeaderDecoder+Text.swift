import NIOCore

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.7 56324 443` and CR LF (section 2.1).
extension ProxyHeaderDecoder {
    static func readLine(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) -> Reading {
        guard agrees(bytes, with: textSignature) else { throw .signature }
        // Nothing is looked at before the end of the line has come: an address that is cut is an address too.
        guard let end = try endOfLine(bytes) else { return .needsMore }
        let words = words(bytes.extracting(0..<end))
        let header =
            switch words.count > 1 ? String(decoding: bytes.extracting(words[1])) : "" {
            // Whatever stands behind it is ignored.
            case "UNKNOWN": ProxyHeader(.unknown)
            case "TCP4": ProxyHeader(try endpoints(bytes, words, isIPv4: true))
            case "TCP6": ProxyHeader(try endpoints(bytes, words, isIPv4: false))
            default: throw .line
            }
        return .header(header, length: end + 2)
    }

    /// The offset of CR LF. Neither of the two may stand alone.
    private static func endOfLine(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) -> Int? {
        for index in 0..<min(bytes.count, lineLimit) {
            if bytes[index] == UInt8(ascii: "\n") { throw .line }
            guard bytes[index] == UInt8(ascii: "\r") else { continue }
            guard index + 1 < lineLimit else { throw .length }
            guard index + 1 < bytes.count else { return nil }
            guard bytes[index + 1] == UInt8(ascii: "\n") else { throw .line }
            return index
        }
        guard bytes.count < lineLimit else { throw .length }
        return nil
    }

    /// What single spaces part; two spaces have an empty word between them.
    private static func words(_ line: Span<UInt8>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start = 0
        for index in line.indices where line[index] == UInt8(ascii: " ") {
            words.append(start..<index)
            start = index + 1
        }
        words.append(start..<line.count)
        return words
    }

    private static func endpoints(
        _ bytes: Span<UInt8>, _ words: [Range<Int>], isIPv4: Bool
    ) throws(ProxyHeaderProblem) -> ProxyHeader.Endpoints {
        guard words.count == 6 else { throw .line }
        let source = try address(bytes.extracting(words[2]), isIPv4: isIPv4)
        let destination = try address(bytes.extracting(words[3]), isIPv4: isIPv4)
        let ports = (try port(bytes.extracting(words[4])), try port(bytes.extracting(words[5])))
        return try internet(source, ports.0, destination, ports.1, .stream)
    }

    private static func address(_ text: Span<UInt8>, isIPv4: Bool) throws(ProxyHeaderProblem) -> IPAddress {
        var hasColon = false
        for index in text.indices where text[index] == UInt8(ascii: ":") { hasColon = true }
        guard hasColon != isIPv4, let address = IPAddress(text) else { throw .address }
        return address
    }

    private static func port(_ text: Span<UInt8>) throws(ProxyHeaderProblem) -> UInt16 {
        // A zero in front makes some readers take the number for octal.
        guard text.count == 1 || !text.isEmpty && text[0] != UInt8(ascii: "0"),
            let number = FieldGrammar.decimal(text), let port = UInt16(exactly: number)
        else { throw .port }
        return port
    }

    static func internet(
        _ source: IPAddress, _ sourcePort: UInt16, _ destination: IPAddress, _ destinationPort: UInt16,
        _ transport: ProxyHeader.Transport
    ) throws(ProxyHeaderProblem) -> ProxyHeader.Endpoints {
        guard let source = source.socketAddress(port: sourcePort),
            let destination = destination.socketAddress(port: destinationPort)
        else { throw .address }
        return .internet(source: source, destination: destination, transport)
    }
}
