/// One place that requests can be sent to: an address and how to speak to it.
///
/// ```swift
/// Endpoint("10.0.0.1:8080")
/// Endpoint("http://[2001:db8::1]:8080", weight: 3)
/// Endpoint("origin.internal")                       // port 80
/// Endpoint("unix:/run/app.sock")
/// ```
///
/// A host name is resolved when a connection is opened. Text that is no endpoint does not trap: ``problem`` says what
/// is wrong with it, a composition that holds it is refused, and a request to it fails. Text that comes from outside
/// goes through ``init(parsing:weight:)``, which throws.
public struct Endpoint: Hashable, Sendable {
    /// Behind one reference, because endpoints are handed through every request.
    private final class Parts: Sendable {
        let text: String
        let weight: Int
        let attributes: Attributes
        let problem: String?
        let authority: String
        let address: DialAddress

        init(_ text: String, weight: Int, _ attributes: Attributes) {
            self.text = text
            self.weight = weight
            self.attributes = attributes
            do {
                (address, authority) = try Endpoint.parse(text)
                problem = weight > 0 ? nil : "has a weight of \(weight), which is not above zero"
            } catch {
                address = .host("", port: 0)
                authority = ""
                problem = "is no endpoint (\(error.reason))"
            }
        }
    }

    /// What a cluster goes by besides the weight.
    public struct Attributes: Hashable, Sendable {
        /// The tier: endpoints of a higher number get what those of lower ones cannot take. 0 unless set.
        public var priority = 0
        /// Whether it stands behind all tiers, for when everything else is gone. `false` unless set.
        public var isBackup = false
        /// Where it stands, for zone preference; nowhere in particular unless set.
        public var zone: String?
        /// Labels by name, for subsets; none unless set.
        public var labels: [String: String] = [:]

        public init(
            priority: Int = 0, isBackup: Bool = false, zone: String? = nil, labels: [String: String] = [:]
        ) {
            self.priority = priority
            self.isBackup = isBackup
            self.zone = zone
            self.labels = labels
        }
    }

    private let parts: Parts

    /// The text it was made of.
    public var text: String { parts.text }
    /// Its share of the traffic, relative to the others; 1 unless given.
    public var weight: Int { parts.weight }
    /// Tier, zone and labels.
    public var attributes: Attributes { parts.attributes }
    /// What is wrong with the text or the weight; `nil` for a usable endpoint.
    public var problem: String? { parts.problem }
    /// `host[:port]` as `Host` names it: without the port when it is the scheme's own.
    public var authority: String { parts.authority }
    package var address: DialAddress { parts.address }
    /// Equal for copies of one value, so that they find their pool without comparing text.
    package var identity: ObjectIdentifier { ObjectIdentifier(parts) }

    /// An endpoint from a literal; see ``problem``.
    public init(_ text: String, weight: Int = 1, _ attributes: Attributes = Attributes()) {
        parts = Parts(text, weight: weight, attributes)
    }

    /// An endpoint from text that comes from outside.
    ///
    /// Throws ``EndpointError`` for text that is none.
    public init(
        parsing text: String, weight: Int = 1, _ attributes: Attributes = Attributes()
    ) throws(EndpointError) {
        self.init(text, weight: weight, attributes)
        if let problem { throw EndpointError(reason: "\(text) \(problem)") }
    }

    /// The same with another weight.
    public func weighing(_ weight: Int) -> Endpoint { Endpoint(text, weight: weight, attributes) }

    /// The same text, weight and attributes.
    public static func == (left: Endpoint, right: Endpoint) -> Bool {
        left.parts === right.parts
            || left.text == right.text && left.weight == right.weight && left.attributes == right.attributes
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(text)
        hasher.combine(weight)
    }

    private static func parse(_ text: String) throws(EndpointError) -> (DialAddress, authority: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            // sockaddr_un holds 108 bytes on Linux, 104 elsewhere, with the closing zero.
            guard path.hasPrefix("/"), path.utf8.count < 104, !path.utf8.contains(0) else {
                throw EndpointError(reason: "the path of a Unix socket is absolute, without NUL, and under 104 bytes")
            }
            return (.unix(path: path), "localhost")
        }
        var rest = Substring(text)
        if let range = text.firstRange(of: "://") {
            // RFC 3986 section 3.1: a scheme is the same in capitals.
            let scheme = text[..<range.lowerBound].lowercased()
            guard scheme == "http" else { throw EndpointError(reason: "\(scheme) is not a scheme that can be spoken") }
            rest = text[range.upperBound...]
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        let (host, port) = try split(rest)
        guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else {
            throw EndpointError(reason: "the host is empty or holds characters that no host has")
        }
        let name = host.contains(":") ? "[\(host)]" : String(host)
        return (.host(String(host), port: port), port == 80 ? name : "\(name):\(port)")
    }

    private static func split(_ text: Substring) throws(EndpointError) -> (host: Substring, port: Int) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw EndpointError(reason: "the bracket does not close") }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw EndpointError(reason: "a port follows a colon") }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(":"), IPAddress(host) != nil else {
                throw EndpointError(reason: "brackets hold an IPv6 address")
            }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            guard !host.contains(":") else { throw EndpointError(reason: "an IPv6 address stands in brackets") }
        }
        guard let port else { return (host, 80) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port), number > 0 else {
            throw EndpointError(reason: "the port is not a number from 1 to 65535")
        }
        return (host, Int(number))
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

extension Endpoint: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self.init(text) }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { text }
}

/// Text that is no endpoint.
public struct EndpointError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}
