public import HTTPTypes
import NIOCore

/// Sends clients elsewhere: a status with a `Location` that is built from the request.
///
/// What the target names is fixed, and what it does not name is the request's own:
/// ```text
/// Redirect(to: "https://www.example.com")          scheme and host; path and query stay
/// Redirect(to: "https://www.example.com/")         scheme, host and path; the query stays
/// Redirect(to: "/login")                           the path; on the same host, the query stays
/// Redirect(to: "/login?from=edge")                 path and query
/// Redirect.toHTTPS()                               the scheme; everything else stays
/// ```
///
/// No request can choose another host. Where the host stays, `Location` names none if the scheme stays as well, and a
/// path that begins with `//`, which a browser would take for a host, is written as `/.//`. Where a host of the request
/// must be repeated, one that is no host is answered with 400, and one that is not among ``Configuration/hosts`` with
/// 421. Everything from the request stands in its normal form, so no byte of it can end a line (``RequestTarget``). A
/// request that is already where it would be sent to is not sent round: it gets 404.
///
/// It does not look at the method: 307 and 308, the default, make a client repeat it with its body.
///
/// ## Placement
/// At the end of a pipeline or of a route.
///
/// ## Example
/// ```swift
/// Pipeline { Redirect(to: "https://www.example.com") }
/// ```
/// Customised, for an API that has moved:
/// ```swift
/// var configuration = Redirect.Configuration()
/// configuration.status = .permanentRedirect
/// configuration.path = .replacingPrefix("/v1", with: "/v2")
/// Redirect(configuration)
/// ```
public struct Redirect: Handler {
    /// What becomes of the path.
    public enum Path: Sendable, Hashable {
        /// It is the request's.
        case kept
        /// It is this one.
        case fixed(String)
        /// Of a path below the first, or of that path itself, the beginning becomes the second; other paths are not
        /// found (404). Whole segments: `/v1` is no beginning of `/v10`.
        case replacingPrefix(String, with: String)
    }

    /// What becomes of the query.
    public enum Query: Sendable, Hashable {
        /// It is the request's.
        case kept
        /// There is none.
        case dropped
        /// It is this one, without the `?`.
        case fixed(String)
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// 301, 302, 303, 307 or 308. 307 unless set: nobody remembers it, so that it can be taken back.
        public var status = HTTPResponse.Status.temporaryRedirect
        /// `http` or `https`; the request's unless set.
        public var scheme: String?
        /// `host[:port]`; the request's unless set.
        public var authority: String?
        /// The request's unless set.
        public var path = Path.kept
        /// The request's unless set.
        public var query = Query.kept
        /// The port that goes behind the request's host when the scheme changes; none unless set, which is the default
        /// port. Of no meaning when ``authority`` is set.
        public var port: Int?
        /// The hosts, without ports, that may be repeated where the request's host is. All unless set: in front of a
        /// cache, or where any name leads to this server, name them.
        public var hosts: [String] = []

        public init() {}
    }

    private let configuration: Configuration
    private let targetProblem: String?
    private let front: [UInt8]
    private let fixedPath: [UInt8]?
    private let prefix: (old: [UInt8], new: [UInt8])?
    private let query: [UInt8]?
    private let hosts: [[UInt8]]

    /// To a target, as described above; bad values are reported by the ``blueprint``. For a target from outside there
    /// is ``init(parsing:status:)``.
    public init(to target: String, status: HTTPResponse.Status = .temporaryRedirect) {
        var configuration = Configuration()
        var problem: String?
        do {
            configuration = try Self.read(target)
        } catch {
            problem = "leads to \(target), which \(error.reason)"
        }
        configuration.status = status
        self.init(configuration, targetProblem: problem)
    }

    /// To a target that comes from outside.
    ///
    /// Throws ``RedirectTargetError`` for text that is none.
    public init(
        parsing target: String, status: HTTPResponse.Status = .temporaryRedirect
    ) throws(RedirectTargetError) {
        var configuration = try Self.read(target)
        configuration.status = status
        self.init(configuration, targetProblem: nil)
    }

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration) { self.init(configuration, targetProblem: nil) }

    /// To the same over TLS, on the default port unless another is given.
    public static func toHTTPS(port: Int? = nil, status: HTTPResponse.Status = .temporaryRedirect) -> Redirect {
        var configuration = Configuration()
        configuration.scheme = "https"
        configuration.port = port
        configuration.status = status
        return Redirect(configuration)
    }

    private init(_ configuration: Configuration, targetProblem: String?) {
        self.configuration = configuration
        self.targetProblem = targetProblem
        front = configuration.authority.map { Array("\(configuration.scheme ?? "")://\($0)".utf8) } ?? []
        switch configuration.path {
        case .kept: (fixedPath, prefix) = (nil, nil)
        case .fixed(let path): (fixedPath, prefix) = (Self.normal(path), nil)
        case .replacingPrefix(let old, let new):
            // Without a slash at the end, so that what is left begins with one or is empty.
            (fixedPath, prefix) = (nil, (Self.withoutSlash(Self.normal(old)), Self.withoutSlash(Self.normal(new))))
        }
        if case .fixed(let text) = configuration.query {
            query = Array((RequestTarget("/", query: text).query ?? "").utf8)
        } else {
            query = nil
        }
        hosts = configuration.hosts.map { Array($0.lowercased().utf8) }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("Redirect")
        let status = configuration.status
        blueprint.preview = { _ in .answers(status) }
        blueprint.require(
            targetProblem == nil, targetProblem ?? "", mend: "write a target such as https://www.example.com or /path")
        blueprint.require(
            [301, 302, 303, 307, 308].contains(status.code),
            "answers \(status.code), which redirects nobody",
            mend: "use 307, or 308 for what has moved for good"
        )
        if let scheme = configuration.scheme {
            blueprint.require(
                scheme == "http" || scheme == "https", "leads to the scheme \(scheme)", mend: "use http or https")
        }
        if let authority = configuration.authority {
            blueprint.require(
                Self.host(of: authority.utf8.span) != nil, "leads to the host \(authority)",
                mend: "write host or host:port")
        }
        for path in configuration.path.texts {
            blueprint.require(
                !path.contains("?") && !path.contains("#"), "has the path \(path), which is more than a path",
                mend: "write the query on its own; a fragment is not sent")
        }
        for host in configuration.hosts {
            blueprint.require(
                Self.host(of: host.utf8.span) == 0..<host.utf8.count,
                "repeats the host \(host), which is no host alone",
                mend: "write a host without its port")
        }
        if let port = configuration.port {
            blueprint.require((1...65_535).contains(port), "leads to port \(port)", mend: "use 1 to 65535")
        }
        let isSame = configuration.scheme == nil && configuration.authority == nil && configuration.path == .kept
        blueprint.require(
            !isSame || configuration.query != .kept || targetProblem != nil, "leads to where the request is",
            mend: "name a scheme, a host, a path or a query")
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        answer(request)
    }

    private func answer(_ request: Request) -> Response {
        var location: [UInt8] = []
        location.reserveCapacity(front.count + request.target.byteCount + 64)
        if let refusal = writeOrigin(of: request, into: &location) { return refusal }
        let start = location.count
        guard writePath(of: request.target, into: &location) else {
            return Response(.notFound, problem: "nothing is redirected from this path")
        }
        writeQuery(of: request.target, into: &location)
        guard !(request.target.isSame(as: location[start...]) && isOrigin(of: request, written: start > 0)) else {
            return Response(.notFound, problem: "this is where it would be redirected to")
        }
        var headers = Headers()
        // RFC 9110 section 10.2.2: a reference relative to the request is as good as an absolute one.
        Self.locationName.withUTF8Buffer { headers.append(name: $0.span, value: location.span, known: .other) }
        return Response(configuration.status, headers: headers)
    }
}

/// Text that is no target of a redirect.
public struct RedirectTargetError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}

// MARK: - The parts of a location

private let slash = UInt8(ascii: "/")

extension RequestTarget {
    /// Whether it is spelled by these bytes.
    fileprivate func isSame(as reference: ArraySlice<UInt8>) -> Bool {
        guard byteCount == reference.count else { return false }
        return withBytes { bytes in
            for index in bytes.indices where bytes[index] != reference[reference.startIndex + index] { return false }
            return true
        }
    }
}

extension Redirect.Path {
    /// What is configured of it.
    fileprivate var texts: [String] {
        switch self {
        case .kept: []
        case .fixed(let path): [path]
        case .replacingPrefix(let old, let new): [old, new]
        }
    }
}

extension Redirect {
    private static var locationName: StaticString { "Location" }

    /// Writes scheme and host when they are needed. Returns a refusal when the request's host cannot be repeated.
    private func writeOrigin(of request: Request, into location: inout [UInt8]) -> Response? {
        let scheme = request.scheme
        if configuration.authority != nil {
            if configuration.scheme == nil { location += Array(scheme.utf8) }
            location += front
            return nil
        }
        guard let wanted = configuration.scheme, wanted != scheme else { return nil }
        var authority = request.authority
        let host = authority.withUTF8 { bytes in Self.host(of: bytes.span).map { Array(bytes[$0]) } }
        guard let host else { return Response(.badRequest, problem: "the request names no host to be redirected to") }
        let isKnown = hosts.isEmpty || hosts.contains { equalIgnoringCase(host.span, lowercase: $0.span) }
        // RFC 9110 section 15.5.20: this server does not answer for that host.
        guard isKnown else { return Response(.misdirectedRequest, problem: "the host is not one of this server") }
        location += Array("\(wanted)://".utf8)
        location += host
        if let port = configuration.port { location += Array(":\(port)".utf8) }
        return nil
    }

    /// Whether a location with that origin, or with none, leads to scheme and host of the request.
    private func isOrigin(of request: Request, written: Bool) -> Bool {
        guard written else { return true }
        // Otherwise only the scheme is written, because it is another one.
        guard let authority = configuration.authority else { return false }
        let scheme = request.scheme
        guard (configuration.scheme ?? scheme) == scheme else { return false }
        return Self.normal(authority: authority, scheme: scheme)
            == Self.normal(authority: request.authority, scheme: scheme)
    }

    /// RFC 9110 section 4.2.3: hosts compare without regard to case, and the default port is the same as none.
    private static func normal(authority: String, scheme: String) -> String {
        let port = scheme == "https" ? ":443" : ":80"
        let text = authority.lowercased()
        return text.hasSuffix(port) ? String(text.dropLast(port.count)) : text
    }

    private func writePath(of target: RequestTarget, into location: inout [UInt8]) -> Bool {
        let start = location.count
        if let fixedPath {
            location += fixedPath
        } else if target.isAsterisk {
            location.append(slash)
        } else if let prefix {
            let isBelow = target.withPath { path in
                let length = prefix.old.count
                guard path.count >= length, path.count == length || path[length] == slash else { return false }
                for index in 0..<length where path[index] != prefix.old[index] { return false }
                location += prefix.new
                path.extracting(length..<path.count).withUnsafeBufferPointer { location.append(contentsOf: $0) }
                return true
            }
            guard isBelow else { return false }
            if location.count == start { location.append(slash) }
        } else {
            target.withPath { path in path.withUnsafeBufferPointer { location.append(contentsOf: $0) } }
        }
        // RFC 3986 section 4.2: a reference that begins with two slashes names a host; "/." in front of them is dropped
        // when it is resolved (section 5.2.4).
        if start == 0, location.count > 1, location[1] == slash {
            location.insert(contentsOf: [slash, UInt8(ascii: ".")], at: 0)
        }
        return true
    }

    private func writeQuery(of target: RequestTarget, into location: inout [UInt8]) {
        switch configuration.query {
        case .dropped: break
        case .fixed:
            location.append(UInt8(ascii: "?"))
            location += query ?? []
        case .kept:
            target.withQuery { query in
                location.append(UInt8(ascii: "?"))
                query.withUnsafeBufferPointer { location.append(contentsOf: $0) }
            }
        }
    }

    private static func normal(_ path: String) -> [UInt8] { Array(RequestTarget(path).path.utf8) }

    private static func withoutSlash(_ path: [UInt8]) -> [UInt8] { path.last == slash ? Array(path.dropLast()) : path }

    /// Where the host of `host[:port]` is; `nil` when the bytes are none.
    private static func host(of authority: Span<UInt8>) -> Range<Int>? {
        var end = authority.count
        var start = end
        while start > 0, authority[start - 1] &- 0x30 < 10 { start -= 1 }
        if start > 0, authority[start - 1] == UInt8(ascii: ":"), start < authority.count { end = start - 1 }
        guard end > 0 else { return nil }
        if authority[0] == UInt8(ascii: "["), authority[end - 1] == UInt8(ascii: "]"), end > 2 {
            return IPAddress(authority.extracting(1..<(end - 1))) == nil ? nil : 0..<end
        }
        let allowed = ByteSet.host
        for index in 0..<end where !allowed.contains(authority[index]) { return nil }
        return 0..<end
    }

    private static func read(_ target: String) throws(RedirectTargetError) -> Configuration {
        var configuration = Configuration()
        var rest = target[...]
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !target.contains("#"), !target.contains("\\") else {
            throw RedirectTargetError(reason: "holds a byte that none may hold, or a fragment")
        }
        if let colon = target.firstRange(of: "://"), !target.hasPrefix("/") {
            configuration.scheme = target[..<colon.lowerBound].lowercased()
            rest = target[colon.upperBound...]
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            let authority = String(rest[..<end])
            guard configuration.scheme == "http" || configuration.scheme == "https" else {
                throw RedirectTargetError(reason: "has another scheme than http and https")
            }
            guard host(of: authority.utf8.span) != nil else {
                throw RedirectTargetError(reason: "names no host, or more than a host")
            }
            configuration.authority = authority
            rest = rest[end...]
        } else if !target.hasPrefix("/") || target.hasPrefix("//") {
            throw RedirectTargetError(reason: "is neither a URL nor a path")
        }
        let end = rest.firstIndex(of: "?") ?? rest.endIndex
        if end > rest.startIndex { configuration.path = .fixed(String(rest[..<end])) }
        if end < rest.endIndex { configuration.query = .fixed(String(rest[rest.index(after: end)...])) }
        return configuration
    }
}
