import HTTPTypes

// MARK: - URLs of the origin in answers

extension HeaderRewrite.MessageRules where Message == Response {
    /// Turns URLs by which the origin names itself in `Location`, `Content-Location` and the references of `Link` back to
    /// the public name.
    ///
    /// ```text
    /// mapURLs(from: "http://10.0.0.1:9000/app", to: "/shop")      http://10.0.0.1:9000/app/a?b  →  /shop/a?b
    ///                                                              /app/a                        →  /shop/a
    /// mapURLs(from: "/app", to: "/shop")                           /app/a                        →  /shop/a
    ///                                                              http://HOST/app/a             →  /shop/a
    /// mapURLs(from: "http://10.0.0.1:9000", to: "https://www.example.com")
    /// ```
    ///
    /// Paths compare in whole segments. HOST, with either rule, is the authority that the client asked for, which most
    /// origins repeat, or the one that the request leaves with. A path alone stays a path alone. A result never begins with `//` or `/\`, which browsers take for a host. Other URLs stay:
    /// those of other hosts, relative paths, and any that hold a space or a control.
    ///
    /// - Parameters:
    ///   - origin: a path, or `scheme://authority` with or without a path.
    ///   - publicURL: the same, of the public side. A path alone makes references relative to the client's own URL
    ///     (RFC 9110 section 10.2.2), which is right whatever the client calls this server.
    public mutating func mapURLs(from origin: String, to publicURL: String) {
        guard let old = urlPrefix(origin), let new = urlPrefix(publicURL) else { return }
        steps.append(
            .urls(URLMapping(origin: old.origin, path: old.path, newOrigin: new.origin, newPath: new.path)))
    }

    private mutating func urlPrefix(_ text: String) -> (origin: URLMapping.Origin?, path: [UInt8])? {
        if text.hasPrefix("/"), !text.hasPrefix("//") { return pathPrefix(text).map { (nil, $0) } }
        let bytes = Array(text.utf8)
        guard let (origin, end) = URLMapping.Origin.read(bytes.span), let scheme = origin.scheme,
            scheme == "http" || scheme == "https"
        else {
            require(
                false, "maps the URL \(text.jsonQuoted)",
                mend: "write a path, or a URL such as http://10.0.0.1:9000/app")
            return nil
        }
        let path = String(decoding: bytes[end...], as: UTF8.self)
        return pathPrefix(path.isEmpty ? "/" : path).map { (origin, $0) }
    }
}

/// How URLs of an origin become public ones.
final class URLMapping: Sendable {
    /// Scheme and authority of a URL.
    struct Origin: Sendable, Equatable {
        /// In lower case; `nil` in `//authority`.
        var scheme: String?
        /// In lower case and without a default port.
        var authority: String

        /// Reads `scheme://authority` or `//authority` at the start of a URL, and where it ends.
        static func read(_ bytes: Span<UInt8>) -> (Origin, end: Int)? {
            var index = 0
            while index < bytes.count, ByteClass.word.contains(bytes[index]) { index += 1 }
            var scheme: String?
            if index > 0 {
                guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { return nil }
                scheme = String(decoding: bytes.extracting(0..<index)).lowercased()
                index += 1
            }
            guard index + 2 <= bytes.count, bytes[index] == UInt8(ascii: "/"), bytes[index + 1] == UInt8(ascii: "/")
            else { return nil }
            let start = index + 2
            var end = start
            while end < bytes.count, !Self.endsAuthority(bytes[end]) { end += 1 }
            guard AuthorityGrammar.isAuthority(bytes.extracting(start..<end)) else { return nil }
            let authority = String(decoding: bytes.extracting(start..<end))
            return (Origin(scheme: scheme, authority: Self.normal(authority, scheme)), end)
        }

        static func normal(_ authority: String, _ scheme: String?) -> String {
            let text = authority.lowercased()
            guard let scheme else { return text }
            let port = scheme == "https" ? ":443" : ":80"
            return text.hasSuffix(port) ? String(text.dropLast(port.utf8.count)) : text
        }

        private static func endsAuthority(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
        }
    }

    private let origin: Origin?
    private let path: [UInt8]
    /// What goes in front of the path of a URL that named the origin.
    private let front: [UInt8]
    private let newPath: [UInt8]

    init(origin: Origin?, path: [UInt8], newOrigin: Origin?, newPath: [UInt8]) {
        self.origin = origin
        self.path = path
        self.newPath = newPath
        front = newOrigin.map { Array("\($0.scheme ?? "https")://\($0.authority)".utf8) } ?? []
    }

    func edit(_ answer: inout RewrittenAnswer) {
        for index in answer.headers.entries.indices {
            let entry = answer.headers.entries[index]
            let changed: [UInt8]? =
                if answer.headers.isNamed(entry, Self.location) || answer.headers.isNamed(entry, Self.contentLocation) {
                    answer.headers.withValue(of: entry) { mapped($0, answer.authorities) }
                } else if answer.headers.isNamed(entry, Self.link) {
                    answer.headers.withValue(of: entry) { mappedLinks($0, answer.authorities) }
                } else {
                    nil
                }
            if let changed { answer.headers.replaceValue(at: index, with: changed.span) }
        }
    }

    private static let location = Array("location".utf8)
    private static let contentLocation = Array("content-location".utf8)
    private static let link = Array("link".utf8)

    /// The public form of a URL reference; `nil` when it stays.
    func mapped(_ reference: Span<UInt8>, _ authorities: [Authority]) -> [UInt8]? {
        // Browsers drop tabs and line ends from URLs: what such a URL leads to is not what is read here.
        for index in reference.indices where reference[index] <= 0x20 || reference[index] == 0x7F { return nil }
        var start = 0
        var isAbsolute = false
        if let (found, end) = Origin.read(reference) {
            guard isOurs(found, authorities) else { return nil }
            (start, isAbsolute) = (end, true)
        } else if reference.isEmpty || reference[0] != UInt8(ascii: "/") {
            return nil
        }
        let rest = reference.extracting(start..<reference.count)
        guard !Self.looksLikeHost(rest), isOurs(path: rest) else { return nil }
        let tail = rest.extracting(path.count..<rest.count)
        var result = isAbsolute ? front : []
        let pathStart = result.count
        result += newPath
        if result.count == pathStart, tail.isEmpty || tail[0] != UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
        tail.withUnsafeBufferPointer { result.append(contentsOf: $0) }
        if pathStart == 0, Self.looksLikeHost(result.span) { result.insert(contentsOf: Array("/.".utf8), at: 0) }
        return result
    }

    private func isOurs(_ found: Origin, _ authorities: [Authority]) -> Bool {
        if let origin, found.scheme == nil || found.scheme == origin.scheme,
            Origin.normal(found.authority, origin.scheme) == origin.authority
        {
            return true
        }
        guard found.scheme == nil || found.scheme == "http" || found.scheme == "https" else { return false }
        return authorities.contains { Origin.normal($0.text, found.scheme) == found.authority }
    }

    /// Whether the path is the origin's, or below it.
    private func isOurs(path rest: Span<UInt8>) -> Bool {
        guard rest.count >= path.count else { return false }
        for index in path.indices where rest[index] != path[index] { return false }
        return rest.count == path.count || Self.endsSegment(rest[path.count])
    }

    private static func endsSegment(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    private static func looksLikeHost(_ bytes: Span<UInt8>) -> Bool {
        bytes.count > 1 && bytes[0] == UInt8(ascii: "/")
            && (bytes[1] == UInt8(ascii: "/") || bytes[1] == UInt8(ascii: "\\"))
    }

    /// RFC 8288 section 3: `<reference>; parameters`, several with commas. What stands in quotes is a parameter.
    private func mappedLinks(_ value: Span<UInt8>, _ authorities: [Authority]) -> [UInt8]? {
        var output: [UInt8] = []
        var copied = 0
        var index = 0
        var isQuoted = false
        while index < value.count {
            switch value[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "<") where !isQuoted:
                var end = index + 1
                while end < value.count, value[end] != UInt8(ascii: ">") { end += 1 }
                if end < value.count, let mapped = mapped(value.extracting((index + 1)..<end), authorities) {
                    value.extracting(copied..<(index + 1)).withUnsafeBufferPointer { output.append(contentsOf: $0) }
                    output += mapped
                    copied = end
                }
                index = end
            default: break
            }
            index += 1
        }
        guard copied > 0 else { return nil }
        value.extracting(copied..<value.count).withUnsafeBufferPointer { output.append(contentsOf: $0) }
        return output
    }
}
