import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Maintenance")
struct MaintenanceTests {
    private func client(
        _ control: Maintenance.Switch, from address: String = "192.0.2.1",
        _ configuration: Maintenance.Configuration = .init()
    ) throws -> TestClient {
        let peer = Peer(remote: try SocketAddress(ipAddress: address, port: 4711), local: nil)
        let pipeline = Pipeline {
            ClientAddress(trusting: ["10.0.0.0/8"])
            Maintenance(control, configuration)
            HandlerFunction { _, _ in Response(.ok) }
        }
        return TestClient(pipeline, peer: peer)
    }

    @Test("it is switched while requests come")
    func switching() async throws {
        let control = Maintenance.Switch()
        let client = try client(control)
        #expect(try await client.get("/").status == .ok)
        control.isOn = true
        let refused = try await client.get("/")
        #expect(refused.status == .serviceUnavailable)
        #expect(refused.headers[.retryAfter] == "600")
        #expect(refused.headers[.cacheControl] == "no-store")
        #expect(refused.headers[.contentType] == "application/problem+json")
        #expect(refused.body.contains("maintenance"))
        control.isOn = false
        #expect(try await client.get("/").status == .ok)
    }

    @Test(
        "some networks pass, by the client's own address",
        arguments: [
            ("192.0.2.9", nil, true), ("192.0.3.9", nil, false), ("2001:db8:17::1", nil, true),
            ("::ffff:192.0.2.9", nil, true),
            ("10.0.0.1", "192.0.2.9", true), ("10.0.0.1", "198.51.100.1", false), ("198.51.100.1", "192.0.2.9", false),
        ])
    func exempt(peer: String, forwarded: String?, passes: Bool) async throws {
        var configuration = Maintenance.Configuration()
        configuration.exempt = ["192.0.2.0/24", "2001:db8:17::/48"]
        let client = try client(Maintenance.Switch(isOn: true), from: peer, configuration)
        var headers = Headers()
        headers[.xForwardedFor] = forwarded
        #expect(try await client.get("/", headers: headers).status == (passes ? .ok : .serviceUnavailable))
    }

    @Test(
        "Retry-After is in whole seconds, rounded up",
        arguments: [
            (Duration.seconds(30), "30"), (.milliseconds(1), "1"), (.milliseconds(2_500), "3"), (.zero, "0"),
            (nil, nil),
        ])
    func retryAfter(wait: Duration?, text: String?) async throws {
        var configuration = Maintenance.Configuration()
        configuration.retryAfter = wait
        let client = try client(Maintenance.Switch(isOn: true), configuration)
        #expect(try await client.get("/").headers[.retryAfter] == text)
    }

    @Test("a page of one's own is shown")
    func page() async throws {
        var configuration = Maintenance.Configuration()
        configuration.page = "<p>Back at noon."
        let answer = try await client(Maintenance.Switch(isOn: true), configuration).get("/")
        #expect(answer.body == "<p>Back at noon.")
        #expect(answer.headers[values: .contentType] == ["text/html; charset=utf-8"])
    }

    @Test("bad values and a wrong place are reported and do not trap")
    func problems() {
        var configuration = Maintenance.Configuration()
        configuration.exempt = ["192.0.2.0/33", "office"]
        configuration.retryAfter = .seconds(-1)
        #expect(Maintenance(.init(), configuration).blueprint.validate().count == 3)
        #expect(Maintenance(.init()).blueprint.validate() == [])
        let wrong = Pipeline {
            Maintenance(.init())
            ClientAddress(trusting: ["10.0.0.0/8"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(wrong.blueprint.validate().count == 1)
    }

    @Test("bodies and cancellation are left alone")
    func conformance() async {
        #expect(await MiddlewareConformance(Maintenance(.init())).check() == [])
    }
}
