import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Hop-by-hop fields")
struct HopByHopTests {
    private static let always = [
        "Connection: close", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Proxy-Authorization: Basic eA==",
        "Proxy-Connection: keep-alive", "TE: trailers", "Transfer-Encoding: chunked", "Upgrade: websocket",
    ]
    private static let kept = ["Accept: */*", "Trailer: X-Sum", "Cookie: a=b", "X-Own: 1", "Via: 1.1 a"]

    private func forwarded(_ headers: Headers, keepingUpgrade: Bool = false) -> [String] {
        let hop = HopByHop(of: headers, keepingUpgrade: keepingUpgrade)
        return lines { headers.write(into: &$0, skip: { hop.drops($0, in: headers) }) }
    }

    @Test("are dropped whatever Connection says", arguments: always)
    func unconditional(line: String) {
        #expect(forwarded(received(lines: ["A: 1", line, "B: 2"])) == ["A: 1", "B: 2"])
        #expect(forwarded(received(lines: [line.uppercased()])) == [])
    }

    @Test("all others pass in order")
    func others() {
        #expect(forwarded(received(lines: Self.kept)) == Self.kept)
        #expect(forwarded(received(lines: Self.always + Self.kept)) == Self.kept)
        #expect(forwarded(Headers()) == [])
    }

    @Test(
        "include what Connection names",
        arguments: [
            ("x-a", ["X-B: 2", "X-C: 3"]), ("X-A, x-B", ["X-C: 3"]), ("close, x-c", ["X-A: 1", "X-B: 2"]),
            (" ,, x-a ,\tx-c,", ["X-B: 2"]), ("keep-alive", ["X-A: 1", "X-B: 2", "X-C: 3"]),
            ("x-", ["X-A: 1", "X-B: 2", "X-C: 3"]), ("x-aa", ["X-A: 1", "X-B: 2", "X-C: 3"]),
            ("", ["X-A: 1", "X-B: 2", "X-C: 3"]), ("\"x-a\"", ["X-A: 1", "X-B: 2", "X-C: 3"]),
            ("upgrade, http2-settings, te", ["X-A: 1", "X-B: 2", "X-C: 3"]),
        ] as [(String, [String])]
    )
    func named(value: String, rest: [String]) {
        let fields = ["X-A: 1", "X-B: 2", "X-C: 3"]
        #expect(forwarded(received(lines: ["Connection: \(value)"] + fields)) == rest)
        #expect(forwarded(received(lines: fields + ["Connection: \(value)"])) == rest)
    }

    @Test("are named by every Connection line")
    func severalLines() {
        let headers = received(lines: ["Connection: x-a", "X-A: 1", "connection: close, X-B", "X-B: 2", "X-C: 3"])
        #expect(forwarded(headers) == ["X-C: 3"])
    }

    @Test(
        "Connection does not take away what is meant for all, or what the gateway goes by",
        arguments: [
            "Authorization", "Cookie", "Set-Cookie", "Cache-Control", "Content-Length", "Content-Type",
            "Content-Encoding",
            "Host", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Anything",
            "X-Real-IP", "X-Request-ID", "Via", "CDN-Loop", "Vary", "ETag", "Expires", "Date", "If-None-Match", "Range",
            "Origin", "Sec-Fetch-Site", "Accept-Encoding", "Access-Control-Allow-Origin", "Trailer", "traceparent",
        ]
    )
    func protected(name: String) {
        let headers = received(lines: ["Connection: close, \(name), x-a", "\(name): v", "X-A: 1"])
        #expect(forwarded(headers) == ["\(name): v"])
        #expect(HopByHop.isEndToEnd(name.lowercased()))
    }

    @Test("Connection of a client does not take away what a middleware has set")
    func ownFields() throws {
        var headers = received(lines: ["Connection: x-user, x-a", "X-User: mallory", "X-A: 1"])
        headers[try #require(HTTPField.Name("X-User"))] = "alice"
        #expect(forwarded(headers) == ["X-User: alice"])
    }

    @Test("Connection that a part of the gateway has set counts for what it has set")
    func ownConnection() throws {
        let name = try #require(HTTPField.Name("X-A"))
        let headers: Headers = [.connection: "x-a", name: "1", .accept: "b"]
        #expect(forwarded(headers) == ["Accept: b"])
    }

    @Test(
        "TE keeps that trailers are welcome and nothing else",
        arguments: [
            ("trailers", true), ("Trailers", true), ("gzip, trailers", true), ("deflate;q=0.5 , trailers", true),
            ("", false), ("gzip", false), ("trailers;q=0.5", false), ("\"trailers\"", false), ("trailersx", false),
        ]
    )
    func trailers(value: String, isAccepted: Bool) {
        let hop = HopByHop(of: received(lines: ["TE: \(value)"]))
        #expect(hop.acceptsTrailers == isAccepted)
        #expect(
            lines { hop.writeAcceptsTrailers(into: &$0) } == (isAccepted ? ["TE: trailers", "Connection: TE"] : []))
        #expect(!HopByHop(of: received(lines: ["Accept: \(value)"])).acceptsTrailers)
    }

    @Test("Upgrade stays for whoever forwards it")
    func upgrade() {
        let headers = received(lines: ["Connection: upgrade", "Upgrade: websocket", "A: 1"])
        #expect(forwarded(headers, keepingUpgrade: true) == ["Upgrade: websocket", "A: 1"])
        #expect(forwarded(headers) == ["A: 1"])
    }

    @Test("more fields can be left out at once")
    func also() {
        let headers = received(lines: ["Via: 1.1 a", "A: 1", "X-Forwarded-For: b"])
        let hop = HopByHop(of: headers, also: KnownFields(.via, .xForwardedFor))
        #expect(lines { headers.write(into: &$0, skip: { hop.drops($0, in: headers) }) } == ["A: 1"])
    }

    @Test("are removed from what a middleware gets to see, and nothing else is touched")
    func removal() {
        var headers = received(lines: Self.always + Self.kept + ["Connection: x-own"])
        headers.removeHopByHop()
        #expect(lines { headers.write(into: &$0) } == Self.kept.filter { !$0.hasPrefix("X-Own") })
        let clean = received(lines: Self.kept)
        var same = clean
        same.removeHopByHop()
        #expect(same == clean)
        #expect(lines { same.write(into: &$0) } == Self.kept)
    }

    @Test("the length of Connection does not multiply with the number of fields")
    func manyNames() {
        let names = (0..<4000).map { "n\($0)" }.joined(separator: ",")
        let fields = (0..<100).map { "n\($0 * 50): v" }
        #expect(forwarded(received(lines: ["Connection: \(names)"] + fields)) == (80..<100).map { "n\($0 * 50): v" })
    }
}
