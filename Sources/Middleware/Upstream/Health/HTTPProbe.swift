public import HTTPTypes
import NIOCore

/// Asks an endpoint by one HTTP/1.1 request on a connection of its own, which is closed after it.
///
/// ```swift
/// var probe = HTTPProbe("/status", expecting: [200...204])
/// probe.host = "users.internal"
/// probe.content = "\"ready\""
/// ActiveHealth(probe, every: .seconds(5))
/// ```
///
/// It passes when the final status is expected and, where ``content`` asks for some, the body holds it. Redirects are
/// not followed: what they lead to says nothing about this endpoint. At most ``contentBytes`` of a body are read, and
/// none when no content is asked for. An answer that breaks the protocol fails, and so does everything that
/// ``ActiveHealth/timeout`` ends; it has no limit of time by itself.
public struct HTTPProbe: HealthProbe {
    /// The path, with a query if need be.
    public var path: String
    /// The method; GET unless set.
    public var method = HTTPRequest.Method.get
    /// What `Host` says; the endpoint's own authority unless set.
    public var host: String?
    /// More fields of the request, such as credentials; none unless set.
    public var headers = Headers()
    /// The statuses that pass.
    public var statuses: [ClosedRange<Int>]
    /// Bytes that must be in the body of the answer; `nil`, unless set, reads no body.
    public var content: String?
    /// How much of the body is searched for ``content``. 64 KiB unless set.
    public var contentBytes = 64 << 10

    /// A probe by GET.
    public init(_ path: String, expecting statuses: [ClosedRange<Int>] = [200...299]) {
        self.path = path
        self.statuses = statuses
    }

    public var name: String { "\(method.rawValue) \(path)" }

    public func probe(_ endpoint: Endpoint, on runtime: Runtime) async throws {
        let ask = ProbeAsk(
            head: head(for: endpoint), method: method, statuses: statuses,
            content: content.map { Array($0.utf8) } ?? [], contentBytes: contentBytes)
        try await ProbeConnection.run(to: endpoint, on: runtime, asking: ask)
    }

    public func check(_ blueprint: inout Blueprint) {
        blueprint.require(
            path.hasPrefix("/"), "probes the path \(path.jsonQuoted)", mend: "begin it with a slash: /\(path)")
        blueprint.require(
            !path.contains { $0.isWhitespace || $0 == "#" }, "probes the path \(path.jsonQuoted)",
            mend: "encode spaces, and leave out the fragment")
        blueprint.require(
            !method.matches(.connect), "probes with CONNECT", mend: "use GET, or ActiveHealth.tcp for a connection")
        if let host {
            blueprint.require(
                AuthorityGrammar.isAuthority(host.utf8.span), "probes the host \(host.jsonQuoted)",
                mend: "give host or host:port")
        }
        blueprint.require(!statuses.isEmpty, "expects no status", mend: "give ranges such as 200...299")
        for range in statuses where range.lowerBound < 200 || range.upperBound > 599 {
            blueprint.require(
                false, "expects the statuses \(range.lowerBound) to \(range.upperBound)",
                mend: "give ranges from 200 to 599")
        }
        if let content {
            blueprint.require(!content.isEmpty, "expects empty content", mend: "give text, or leave it out")
            blueprint.require(
                contentBytes >= content.utf8.count,
                "looks for \(content.utf8.count) bytes within \(contentBytes)", mend: "search more of the body")
            blueprint.require(
                !method.matches(.head), "looks for content in the answer to HEAD",
                mend: "use GET, or ask for no content")
        }
    }

    private func head(for endpoint: Endpoint) -> ByteBuffer {
        var buffer = ByteBuffer()
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        RequestEncoder.writeHead(
            method: method,
            target: RequestTarget(String(parts.first ?? "/"), query: parts.count > 1 ? String(parts[1]) : nil),
            authority: Authority(host ?? endpoint.authority),
            headers: headers,
            framing: .none,
            persists: false,
            into: &buffer)
        return buffer
    }
}
