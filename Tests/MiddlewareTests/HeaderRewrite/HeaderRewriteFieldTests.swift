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
        Sample("set replaces all", ["x-one: a", "X-Two: b", "X-ONE: c"], ["X-One: 1", "X-Two: b"]) {
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
        Sample("names may be text", ["X-One: a", "y: b"], ["Z: b", "X-One: c", "W: 1"]) {
            $0.rename("y", to: "Z")
            $0.remove("x-one")
            $0.set("X-One", to: "b")
            $0.replace(in: "x-one", matching: "b", with: "c")
            $0.setIfAbsent("x-one", to: "d")
            $0.add("W", "1")
        },
        Sample("a prefix takes no framing", ["Connection: close", "Content-Type: a"], ["Connection: close"]) {
            $0.removeAll(withPrefix: "con")
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

    @Test("a value that takes too much looking is removed")
    func dear() async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.replace(in: one, matching: "a(.*b)?", with: "-") })
        let value = String(repeating: "a", count: 2000)
        #expect(try await stand.asked(.get, "/", [one: value]).count == 1)
        let secrets = String(repeating: "secret=x ", count: 1000)
        let plain = RewriteStand(HeaderRewrite { $0.request.replace(in: one, matching: "secret=[^ ]*", with: "") })
        #expect(try await plain.asked(.get, "/", [one: secrets]) == ["GET shop.example /", "X-One: "])
    }

    @Test("a rewrite that stands in a chain twice keeps apart what it asked")
    func twice() async throws {
        let rewrite = HeaderRewrite { $0.response.add(one, "\(.path)") }
        let client = TestClient(
            Pipeline {
                rewrite
                HeaderRewrite { $0.request.stripPath(prefix: "/v1") }
                rewrite
                HandlerFunction { _, context in
                    try await context.sendInformational(.earlyHints, [:])
                    return Response(.ok)
                }
            })
        let answer = try await client.get("/v1/a")
        #expect(lines(answer.headers) == ["X-One: /a", "X-One: /v1/a"])
        #expect(answer.informational.map { lines($0.headers) } == [["X-One: /a", "X-One: /v1/a"]])
    }

    @Test("what is sent again is edited once")
    func again() async throws {
        struct Again: Middleware {
            func handle(
                _ request: consuming Request, context: RequestContext, next: some Handler
            ) async throws -> Response {
                let copy = copy request
                _ = try await next.handle(request, context: context)
                return try await next.handle(copy, context: context)
            }
        }
        let client = TestClient(
            Pipeline {
                Again()
                HeaderRewrite { $0.response.add(one, "1") }
                HandlerFunction { _, context in
                    try await context.sendInformational(.earlyHints, [:])
                    return Response(.ok)
                }
            })
        let answer = try await client.get("/")
        #expect(lines(answer.headers) == ["X-One: 1"])
        #expect(answer.informational.map { lines($0.headers) } == [["X-One: 1"], ["X-One: 1"]])
    }

    @Test("a value of the answer is computed when the answer is there")
    func computedFromAnswer() async throws {
        let client = TestClient(
            Pipeline {
                HeaderRewrite {
                    $0.response.set(
                        one,
                        to: .computed(fromAnswer: { status, headers, context in
                            "\(status.code) \(headers[.server] ?? "") \(context[UpstreamEndpointKey.self] ?? "")"
                        }))
                }
                HandlerFunction { _, context in
                    context[UpstreamEndpointKey.self] = "a:1"
                    return Response(.created, headers: [.server: "o"])
                }
            })
        #expect(try await client.get("/").headers[one] == "201 o a:1")
    }

    @Test("another authority is asked for, and the client's is still named to the origin")
    func authority() async throws {
        let origin = ScriptedUpstream { $0.answer(.ok, "fine") }
        let gateway = Pipeline {
            HeaderRewrite { $0.request.setAuthority(to: "origin.internal") }
            ReverseProxy(to: "http://10.0.0.1:8080")
        }
        var request = Request(.get, "/")
        request.authority = "shop.example"
        _ = try await TestClient(gateway, origins: ["10.0.0.1:8080": origin]).send(request)
        let asked = try #require(origin.requests.first)
        #expect(asked.authority == "origin.internal")
        #expect(asked.headers[.xForwardedHost] == "shop.example")
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
            Bad(#"field "x y", which is no name"#) { $0.request.set("x y", to: "1") },
            Bad("asks for the field Host") { $0.request.set(one, to: "\(.requestHeader(.host))") },
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
