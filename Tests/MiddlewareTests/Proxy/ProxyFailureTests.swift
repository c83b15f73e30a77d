import HTTPTypes
import Middleware
import Testing

@Suite("Proxy failure")
struct ProxyFailureTests {
    typealias Phase = ProxyFailure.Phase
    typealias Side = ProxyFailure.Side
    typealias Cause = ProxyFailure.Cause

    /// The statuses by side, one row a cause: client, origin, gateway, and the gateway in the pool.
    static let statuses: [(cause: Cause, client: Int, origin: Int, gateway: Int, pool: Int)] = [
        (.notFound, 400, 502, 502, 502), (.refused, 400, 502, 502, 502), (.unreachable, 400, 502, 502, 502),
        (.timedOut, 408, 504, 504, 503), (.closed, 499, 502, 502, 502), (.malformed, 400, 502, 502, 502),
        (.tooLarge, 413, 502, 502, 502), (.full, 400, 503, 503, 503), (.unavailable, 400, 503, 503, 503),
        (.tls, 400, 502, 502, 502), (.loop, 508, 508, 508, 508), (.unsupported, 501, 502, 501, 501),
        (.cancelled, 499, 502, 503, 503), (.other, 400, 502, 500, 500),
    ]

    static let combinations = Phase.all.flatMap { phase in
        Side.all.flatMap { side in
            Cause.all.map { ProxyFailure(phase, side, $0, endpoint: "10.9.8.7:1", detail: "s3cret") }
        }
    }

    @Test("the table has a row for every cause")
    func complete() {
        #expect(Set(Self.statuses.map(\.cause)) == Set(Cause.all))
        #expect(Self.statuses.count == Cause.all.count)
    }

    @Test("every combination has its status", arguments: combinations)
    func statuses(failure: ProxyFailure) throws {
        let row = try #require(Self.statuses.first { $0.cause == failure.cause })
        let expected =
            switch failure.side {
            case .client: row.client
            case .origin: row.origin
            default: failure.phase == .pool ? row.pool : row.gateway
            }
        #expect(failure.status.code == expected)
        #expect(failure.answer.status == failure.status)
        #expect(!failure.status.reasonPhrase.isEmpty)
    }

    @Test("no answer says anything about the inside", arguments: combinations)
    func discretion(failure: ProxyFailure) {
        let detail = failure.answer.detail ?? ""
        #expect(!detail.isEmpty)
        #expect(!detail.contains("10.9.8.7") && !detail.contains("s3cret"))
        #expect(!failure.answer.headers.contains(.proxyStatus))
        let names = failure.answer.headers.map(\.name)
        #expect(names.allSatisfy { $0 == .retryAfter })
        #expect(names.isEmpty || failure.status == .serviceUnavailable)
        #expect(failure.description.contains("10.9.8.7") && failure.description.contains("s3cret"))
        #expect(failure.description.contains(failure.code))
    }

    @Test("only what failed before a connection was open may be sent again", arguments: combinations)
    func retries(failure: ProxyFailure) {
        let isEarly = [Phase.resolve, .pool, .connect].contains(failure.phase)
        if failure.isRetryable {
            #expect(isEarly && failure.side != .client)
        } else {
            #expect(
                !isEarly || failure.side == .client || [Cause.cancelled, .loop, .unsupported].contains(failure.cause))
        }
        #expect(ProxyFailure(failure.phase, failure.side, failure.cause, isRetryable: true).isRetryable)
    }

    @Test("Proxy-Status names an error type of RFC 9209", arguments: combinations)
    func proxyStatus(failure: ProxyFailure) {
        let types: Set = [
            "dns_timeout", "dns_error", "destination_unavailable", "destination_ip_unroutable", "connection_refused",
            "connection_terminated", "connection_timeout", "connection_read_timeout", "connection_write_timeout",
            "connection_limit_reached", "tls_protocol_error", "http_request_error", "http_protocol_error",
            "http_response_incomplete", "http_response_header_section_size", "http_response_body_size",
            "http_response_timeout", "http_upgrade_failed", "proxy_internal_error", "proxy_loop_detected",
        ]
        #expect(types.contains(failure.proxyError))
        let headers = failure.answer(proxyStatus: "edge").headers
        #expect(headers[.proxyStatus] == "edge; error=\(failure.proxyError)")
        #expect(failure.answer(proxyStatus: "a b").headers[.proxyStatus] == nil)
    }

    @Test(
        "Proxy-Status tells failures apart",
        arguments: [
            (ProxyFailure(.resolve, .origin, .notFound), "dns_error"),
            (ProxyFailure(.resolve, .origin, .timedOut), "dns_timeout"),
            (ProxyFailure(.connect, .origin, .refused), "connection_refused"),
            (ProxyFailure(.connect, .origin, .timedOut), "connection_timeout"),
            (ProxyFailure(.connect, .origin, .tls), "tls_protocol_error"),
            (ProxyFailure(.pool, .gateway, .full), "connection_limit_reached"),
            (ProxyFailure(.pool, .gateway, .timedOut), "connection_limit_reached"),
            (ProxyFailure(.pool, .gateway, .unavailable), "destination_unavailable"),
            (ProxyFailure(.requestBody, .origin, .timedOut), "connection_write_timeout"),
            (ProxyFailure(.responseHead, .origin, .timedOut), "http_response_timeout"),
            (ProxyFailure(.responseHead, .origin, .malformed), "http_protocol_error"),
            (ProxyFailure(.responseHead, .origin, .tooLarge), "http_response_header_section_size"),
            (ProxyFailure(.responseBody, .origin, .timedOut), "connection_read_timeout"),
            (ProxyFailure(.responseBody, .origin, .closed), "http_response_incomplete"),
            (ProxyFailure(.requestBody, .client, .timedOut), "http_request_error"),
            (ProxyFailure(.requestHead, .gateway, .loop), "proxy_loop_detected"),
        ]
    )
    func proxyErrors(failure: ProxyFailure, error: String) {
        #expect(failure.proxyError == error)
    }

    @Test("a full gateway says when to come back, and a missing origin does not")
    func retryAfter() {
        #expect(ProxyFailure(.pool, .gateway, .full).answer.headers[.retryAfter] == "1")
        #expect(ProxyFailure(.pool, .gateway, .timedOut).answer.headers[.retryAfter] == "1")
        #expect(ProxyFailure(.connect, .origin, .refused).answer.headers.isEmpty)
        #expect(ProxyFailure(.connect, .origin, .timedOut).answer.headers.isEmpty)
    }
}

@Suite("Host policy")
struct HostPolicyTests {
    @Test(
        "chooses the authority",
        arguments: [
            (HostPolicy.preserve, "a.example:81", "a.example:81"), (.preserve, "", "origin:8080"),
            (.origin, "a.example", "origin:8080"), (.fixed("b"), "a.example", "b"),
        ]
    )
    func authority(policy: HostPolicy, client: String, expected: String) {
        #expect(policy.authority(client: Authority(client), endpoint: "origin:8080").text == expected)
    }

    @Test(
        "reports a host that is none", arguments: ["", "a b", "a/b", "a\r\nX: y", "http://a", "a:b", "[::1", "a:70000"])
    func problems(host: String) {
        #expect(HostPolicy.fixed(host).problem != nil)
    }

    @Test("has nothing against a host", arguments: ["a", "a.example:8443", "192.0.2.1", "[2001:db8::1]:80"])
    func usable(host: String) {
        #expect(HostPolicy.fixed(host).problem == nil)
        #expect(HostPolicy.preserve.problem == nil)
    }
}
