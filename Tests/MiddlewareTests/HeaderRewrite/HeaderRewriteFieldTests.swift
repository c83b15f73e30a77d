import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

private let one = HTTPField.Name("X-One") ?? .server
private let two = HTTPField.Name("X-Two") ?? .server

@Suite("HeaderRewrite, fields")
struct HeaderRewriteFieldTests {
    typealias Bad = BadRule<HeaderRewrite.Rules>

    typealias Rules = HeaderRewrite.MessageRules<Request>

    /// A rule, what comes and what goes on.
    struct Sample: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var before: [String]
        var after: [String]
        var rule: @Sendable (inout Rules) -> Void

        init(_ name: String, _ before: [String], _ after: [String], _ rule: @escaping @Sendable (inout Rules) -> Void) {
            (testDescription, self.before, self.after, self.rule) = (name, before, after, rule)
        }
    }

    static let samples = [
        Sample("set adds", [], ["X-One: 1"]) { $0.set(one, to: "1") },
        Sample("set replaces all", ["x-one: a", "X-Two: b", "X-ONE: c"], ["X-Two: b", "X-One: 1"]) {
            $0.set(one, to: "1")
        },
        Sample("set of an absent value removes", ["X-One: spoofed"], []) { $0.set(one, to: "\(.cookie("none"))") },
        Sample("add", ["X-One: a"], ["X-One: a", "X-One: 1"]) { $0.add(one, "1") },
        Sample("add of an absent value", ["X-One: a"], ["X-One: a"]) { $0.add(one, "a\(.query)") },
        Sample("set if absent", [], ["X-One: 1"]) { $0.setIfAbsent(one, to: "1") },
        Sample("set if absent, present", ["x-one: a"], ["x-one: a"]) { $0.setIfAbsent(one, to: "1") },
        Sample("remove", ["X-One: a", "x-one: b", "X-Two: c"], ["X-Two: c"]) { $0.remove(one) },
        Sample("remove by prefix", ["X-One: a", "x-two: b", "Xx: c"], ["Xx: c"]) { $0.removeAll(withPrefix: "X-") },
        Sample("rename", ["X-One: a", "Y: b", "x-one: c", "X-Two: d"], ["Y: b", "X-Two: a", "X-Two: c"]) {
            $0.rename(one, to: two)
        },
        Sample("rename of nothing", ["X-Two: d"], ["X-Two: d"]) { $0.rename(one, to: two) },
        Sample("rename to another spelling", ["x-one: a"], ["X-One: a"]) { $0.rename(one, to: one) },
        Sample("replace", ["X-One: a1b22", "X-Two: 3", "X-One: c4"], ["X-One: a<1>b<22>", "X-Two: 3", "X-One: c<4>"]) {
            $0.replace(in: one, matching: "([0-9]+)", with: "<$1>")
        },
        Sample("replace with names, all and dollars", ["X-One: ab"], ["X-One: b$ab"]) {
            $0.replace(in: one, matching: "(?<x>a)(?<y>b)", with: "${y}$$$0")
        },
        Sample("replace of nothing ends", ["X-One: ab"], ["X-One: -a-b-"]) {
            $0.replace(in: one, matching: "x*", with: "-")
        },
        Sample("rules see what those before them did", ["X-One: a"], ["X-Two: a", "X-One: a!"]) {
            $0.rename(one, to: two)
            $0.set(one, to: "\(.requestHeader(two))!")
        },
    ]

    @Test("rules for requests", arguments: samples)
    func request(sample: Sample) async throws {
        let stand = RewriteStand(HeaderRewrite { sample.rule(&$0.request) })
        #expect(try await stand.asked(.get, "/", headers(sample.before)).dropFirst() == sample.after[...])
    }

    @Test("rules for answers hold for interim answers too")
    func response() async throws {
        let before = headers(["X-One: a1", "Server: o", "x-one: b2", "X-Three: c"])
        let client = TestClient(
            Pipeline {
                HeaderRewrite {
                    $0.response.replace(in: one, matching: "[0-9]", with: "!")
                    $0.response.remove(.server)
                    $0.response.rename(.init("x-three") ?? .server, to: two)
                    $0.response.setIfAbsent(two, to: "no")
                    $0.response.set(.via, to: "\(.status)")
                }
                HandlerFunction { _, context in
                    try await context.sendInformational(.earlyHints, before)
                    return Response(.ok, headers: before)
                }
            })
        let answer = try await client.get("/")
        let expected = ["X-One: a!", "x-one: b!", "X-Two: c"]
        #expect(lines(answer.headers) == expected + ["Via: 200"])
        #expect(answer.informational.map { lines($0.headers) } == [expected + ["Via: 103"]])
    }

    @Test("values of the exchange, in both directions")
    func values() async throws {
        let peer = Peer(remote: try SocketAddress(ipAddress: "192.0.2.7", port: 4711), local: nil)
        let client = TestClient(
            Pipeline {
                RequestID()
                HeaderRewrite {
                    $0.response.add(one, "\(.method) \(.scheme) \(.authority) \(.host) \(.target) \(.path) \(.query)")
                    $0.response.add(
                        one, "\(.queryItem("b c")) \(.cookie("s")) \(.requestHeader(.userAgent)) \(.clientAddress)")
                    $0.response.add(one, "\(.status) \(.responseHeader(.server)) \(text: "x")")
                    $0.response.add(one, "\(.requestID)")
                    $0.response.add(one, .computed { request, _ in String(request.path.count) })
                    $0.request.stripPath(prefix: "/v1")
                    $0.request.remove(.userAgent)
                    $0.request.set(two, to: "\(.path)")
                }
                HandlerFunction { request, _ in
                    Response(.created, headers: [.server: "o", two: request.headers[two] ?? ""])
                }
            }, peer: peer)
        var request = Request(.put, "/v1/a%20b?b%20c=d&x")
        request.authority = "[2001:db8::1]:8080"
        request.headers = [.cookie: "a=b; s=1=2", .userAgent: "u"]
        let answer = try await client.send(request)
        let id = answer.headers[.xRequestID] ?? ""
        #expect(
            answer.headers[values: one] == [
                "PUT http [2001:db8::1]:8080 [2001:db8::1] /v1/a%20b?b%20c=d&x /v1/a%20b b%20c=d&x",
                "d 1=2 u 192.0.2.7", "201 o x", id, "9",
            ])
        #expect(!id.isEmpty && answer.headers[two] == "/a%20b")
    }

    @Test("line ends in a value from outside become spaces")
    func injection() async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.set(one, to: "\(.queryItem("v"))") })
        #expect(try await stand.asked(.get, "/?v=a%0D%0AEvil:%20b").dropFirst() == ["X-One: a  Evil: b"])
    }

    @Test("two rewrites keep what they asked apart")
    func capturesApart() async throws {
        let client = TestClient(
            Pipeline {
                HeaderRewrite {
                    $0.response.set(one, to: "\(.path)")
                    $0.request.setPath(to: "/b")
                }
                HeaderRewrite { $0.response.set(two, to: "\(.path)") }
                HandlerFunction { _, _ in Response(.ok) }
            })
        #expect(lines(try await client.get("/a").headers) == ["X-Two: /b", "X-One: /a"])
    }

    @Test(
        "bad rules are problems of the composition",
        arguments: [
            Bad("touches Host") { $0.request.set(.host, to: "a") },
            Bad("touches Content-Length") { $0.response.remove(.contentLength) },
            Bad("touches Transfer-Encoding") { $0.request.rename(one, to: .transferEncoding) },
            Bad("touches Connection") { $0.response.add(.connection, "close") },
            Bad(#"gives X-One the value "a\r\nb""#) { $0.request.set(one, to: "a\r\nb") },
            Bad(#"gives X-One the value " a""#) { $0.response.add(one, " a") },
            Bad("value of its answer") { $0.request.set(one, to: "\(.status)") },
            Bad(#"begin with "a b""#) { $0.request.removeAll(withPrefix: "a b") },
            Bad(#"begin with """#) { $0.request.removeAll(withPrefix: "") },
            Bad("needs backtracking") { $0.request.replace(in: one, matching: "(a)\\1", with: "") },
            Bad("names the group 2") { $0.request.replace(in: one, matching: "(a)", with: "$2") },
            Bad("names no group") { $0.request.replace(in: one, matching: "(a)", with: "$") },
            Bad("has no rules") { _ in },
        ])
    func problems(rule: Bad) {
        let found = HeaderRewrite(rule.write).blueprint.problems
        #expect(found.count == 1 && found.first?.problem.contains(rule.problem) == true, "\(found)")
        #expect(found.first?.mend.isEmpty == false)
    }

    @Test("it stands inside of what finds out the client, when it asks for it")
    func placement() {
        let rewrite = HeaderRewrite { $0.request.set(one, to: "\(.clientAddress)") }
        let pipeline = Pipeline {
            rewrite
            ClientAddress(trusting: ["10.0.0.0/8"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(pipeline.blueprint.validate().count == 1)
        #expect(HeaderRewrite { $0.request.remove(one) }.blueprint.placement.follows.isEmpty)
    }

    private func headers(_ lines: [String]) -> Headers {
        var headers = Headers()
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { continue }
            headers.append(name, String(parts[1].dropFirst()))
        }
        return headers
    }

    private func lines(_ headers: Headers) -> [String] { headers.map { "\($0.name.rawName): \($0.value)" } }
}
