import HTTPTypes

/// One cookie among those that a request carries, RFC 6265 section 4.2.1: pairs of `name=value` between semicolons, in
/// one field line or, over HTTP/2, in several (RFC 9113 section 8.2.3).
extension Headers {
    private static let cookie = Array("cookie".utf8)

    /// Lends the values of the cookies of that name, in their order, until something comes of one. Several of a name are
    /// legal: of other paths, or set by somebody else.
    package func firstCookie<Result>(named name: [UInt8], _ read: (Span<UInt8>) -> Result?) -> Result? {
        for entry in entries where isNamed(entry, Self.cookie) {
            let result: Result? = withValue(of: entry) { line in
                var position = 0
                while let piece = Self.nextPiece(in: line, from: &position) {
                    guard Self.isCookie(line, piece, named: name) else { continue }
                    let value = piece.lowerBound + name.count + 1..<piece.upperBound
                    if let result = read(line.extracting(value)) { return result }
                }
                return nil
            }
            if let result { return result }
        }
        return nil
    }

    /// Removes the cookies of that name; the others stay as they are.
    package mutating func removeCookies(named name: [UInt8]) {
        var isEmptied = false
        for index in entries.indices where isNamed(entries[index], Self.cookie) {
            guard let rest = withValue(of: entries[index], { Self.line($0, without: name) }) else { continue }
            replaceValue(at: index, with: rest.span)
            if rest.isEmpty { isEmptied = true }
        }
        if isEmptied { removeEntries(from: 0) { $1.valueLength == 0 && $0.isNamed($1, Self.cookie) } }
    }

    /// What is left of a line; `nil` when the cookie is not in it.
    private static func line(_ line: Span<UInt8>, without name: [UInt8]) -> [UInt8]? {
        var rest: [UInt8] = []
        var isThere = false
        var position = 0
        while let piece = nextPiece(in: line, from: &position) {
            guard !isCookie(line, piece, named: name) else {
                isThere = true
                continue
            }
            guard !piece.isEmpty else { continue }
            if !rest.isEmpty { rest += [UInt8(ascii: ";"), UInt8(ascii: " ")] }
            line.extracting(piece).withUnsafeBufferPointer { rest.append(contentsOf: $0) }
        }
        return isThere ? rest : nil
    }

    /// What lies before the next semicolon, without the white space around it. A quote protects no semicolon here.
    private static func nextPiece(in line: Span<UInt8>, from position: inout Int) -> Range<Int>? {
        guard position < line.count else { return nil }
        var end = position
        while end < line.count, line[end] != UInt8(ascii: ";") { end += 1 }
        defer { position = end + 1 }
        return FieldGrammar.trimmed(position..<end, in: line)
    }

    private static func isCookie(_ line: Span<UInt8>, _ piece: Range<Int>, named name: [UInt8]) -> Bool {
        guard piece.count > name.count, line[piece.lowerBound + name.count] == UInt8(ascii: "=") else { return false }
        for index in name.indices where line[piece.lowerBound + index] != name[index] { return false }
        return true
    }
}
