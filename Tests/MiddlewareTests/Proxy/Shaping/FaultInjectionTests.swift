import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("FaultInjection")
struct FaultInjectionTests {
    private func client(
        _ faults: [FaultInjection.Fault], isOn: Bool = true, optIn: HTTPField.Name? = nil, seed: UInt64 = 1
    ) -> TestClient {
        var configuration = FaultInjection.Configuration()
        configuration.optIn = optIn
        return TestClient(randomness: SeededRandomness(seed: seed)) {
            FaultInjection(FaultInjection.Switch(isOn: isOn), faults, configuration)
            HandlerFunction { _, _ in Response(.ok, body: .text("fine")) }
        }
    }

    @Test("nothing happens before the switch is on")
    func off() async throws {
        let control = FaultInjection.Switch()
        let client = TestClient {
            FaultInjection(control, [.status(.badGateway, share: 1)])
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(try await client.get("/").status == .ok)
        control.isOn = true
        #expect(try await client.get("/").status == .badGateway)
        control.isOn = false
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a share of the requests is refused", arguments: [1, 2, 3] as [UInt64])
    func share(seed: UInt64) async throws {
        let client = client([.status(.serviceUnavailable, share: 0.25)], seed: seed)
        var refused = 0
        for _ in 0..<2000 where try await client.get("/").status == .serviceUnavailable { refused += 1 }
        // 500 are due; four standard deviations are 78.
        #expect((422...578).contains(refused))
    }

    @Test("the first fault that ends a request is the last, each drawn by itself")
    func several() async throws {
        let client = client([.status(.badGateway, share: 0.5), .status(.serviceUnavailable, share: 0.5)])
        var counts: [Int: Int] = [:]
        for _ in 0..<1000 { counts[try await client.get("/").status.code, default: 0] += 1 }
        // 500, 250 and 250 are due; four standard deviations are 63 and 55.
        #expect((437...563).contains(counts[502, default: 0]))
        #expect((195...305).contains(counts[503, default: 0]))
        #expect((195...305).contains(counts[200, default: 0]))
    }

    @Test("a delay ends at its time, and the request goes on")
    func delay() async throws {
        let client = client([.delay(.milliseconds(200), share: 1), .delay(.milliseconds(300), share: 1)])
        async let answer = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: .milliseconds(200))
        await client.time.waitForTimers()
        client.time.advance(by: .milliseconds(300))
        #expect(try await answer.body == "fine")
        #expect(client.time.elapsed == .milliseconds(500))
    }

    @Test("a delay out of a range is within it", arguments: 1...20 as ClosedRange<UInt64>)
    func range(seed: UInt64) async throws {
        let client = client([.delay(.milliseconds(100)...(.milliseconds(110)), share: 1)], seed: seed)
        async let answer = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: .milliseconds(100) - .nanoseconds(1))
        #expect(client.time.timerCount == 1)
        client.time.advance(by: .milliseconds(10) + .nanoseconds(1))
        #expect(try await answer.status == .ok)
    }

    @Test("a delay ends with the deadline")
    func deadline() async throws {
        let client = TestClient {
            Timeout(whole: .seconds(1))
            FaultInjection(FaultInjection.Switch(isOn: true), [.delay(.seconds(60), share: 1)])
            HandlerFunction { _, _ in Response(.ok) }
        }
        async let answer = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: .seconds(1))
        #expect(try await answer.status == .gatewayTimeout)
    }

    @Test("a broken answer breaks off behind its head")
    func broken() async throws {
        let client = client([.brokenAnswer(share: 1)])
        let error = await #expect(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(error?.response.bytes.readableBytes == 0)
    }

    @Test("a server closes the connection of a broken answer")
    func brokenOnTheWire() async throws {
        let gateway = Pipeline {
            FaultInjection(FaultInjection.Switch(isOn: true), [.brokenAnswer(share: 1)])
            HandlerFunction { _, _ in Response(.ok) }
        }
        try await withServer(gateway) { server in
            let client = try await server.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.waitForEnd()
        }
    }

    @Test("with an opt-in field, only requests that carry it are disturbed")
    func optIn() async throws {
        let chaos = HTTPField.Name("X-Chaos")!
        let client = client([.status(.badGateway, share: 1)], optIn: chaos)
        #expect(try await client.get("/").status == .ok)
        #expect(try await client.get("/", headers: [chaos: ""]).status == .badGateway)
    }

    @Test(
        "bad values are problems of the composition",
        arguments: [
            ([], "injects no faults"),
            ([.status(.badGateway, share: 1.5)], "injects a fault with a share of 1.5"),
            ([.brokenAnswer(share: -0.1)], "injects a fault with a share of -0.1"),
            ([.status(.badGateway, share: .nan)], "injects a fault with a share of nan"),
            ([.status(.continue, share: 0.1)], "answers with 100"),
            ([.delay(.seconds(-1), share: 0.1)], "delays by -1.0 seconds"),
        ] as [([FaultInjection.Fault], String)]
    )
    func problems(faults: [FaultInjection.Fault], problem: String) {
        let injection = FaultInjection(FaultInjection.Switch(), faults)
        #expect(injection.blueprint.validate().map(\.problem) == [problem])
    }

    @Test("it treats requests as a stranger should while it is off, and while it lets them pass")
    func conformance() async {
        let off = FaultInjection(FaultInjection.Switch(), [.status(.badGateway, share: 1)])
        let lucky = FaultInjection(FaultInjection.Switch(isOn: true), [.status(.badGateway, share: 0)])
        #expect(await MiddlewareConformance(off).check() == [])
        #expect(await MiddlewareConformance(lucky).check() == [])
    }
}
