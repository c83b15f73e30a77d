import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("LoadShedder")
struct LoadShedderTests {
    private let limits = LoopLag.Limits(threshold: 100, recovery: 25, measurements: 2, interval: 50)

    @Test("it sheds after enough measurements in a row, and lets in again only below recovery")
    func hysteresis() {
        let lag = LoopLag()
        func shedding(after measurements: Int64...) -> Bool {
            for measurement in measurements { lag.record(measurement, at: 0, limits) }
            return lag.isShedding
        }
        #expect(!shedding(after: 99, 100))
        #expect(!shedding(after: 99, 500))
        #expect(shedding(after: 100))
        #expect(shedding(after: 99, 26))
        #expect(!shedding(after: 25))
        #expect(!shedding(after: 100, 26, 100))
        #expect(shedding(after: 100))
    }

    @Test("a handler that holds the loop up has the next requests refused, until the loop is free again")
    func lagging() async throws {
        var configuration = LoadShedder.Configuration()
        configuration.measurements = 1
        configuration.retryAfter = .milliseconds(1_500)
        configuration.spares = { $0.path == "/healthz" }
        let client = client(configuration)
        #expect(try await client.get("/block").status == .ok)
        let refused = try await client.get("/")
        #expect(refused.status == .serviceUnavailable)
        #expect(refused.headers[.retryAfter] == "2")
        #expect(try await client.get("/healthz").status == .ok)
        client.time.advance(by: configuration.interval)
        #expect(try await client.get("/").status == .serviceUnavailable)
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a single lag is forgiven by default")
    func forgiven() async throws {
        let client = client(LoadShedder.Configuration())
        #expect(try await client.get("/block").status == .ok)
        #expect(try await client.get("/block").status == .ok)
        client.time.advance(by: .milliseconds(50))
        #expect(try await client.get("/block").status == .ok)
        #expect(try await client.get("/").status == .serviceUnavailable)
    }

    @Test("what was measured long ago is forgotten")
    func forgotten() async throws {
        var configuration = LoadShedder.Configuration()
        configuration.measurements = 1
        let client = client(configuration)
        #expect(try await client.get("/block").status == .ok)
        #expect(try await client.get("/").status == .serviceUnavailable)
        client.time.advance(by: .seconds(2))
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a clock that jumps between measurements is no lag")
    func jump() async throws {
        var configuration = LoadShedder.Configuration()
        configuration.measurements = 1
        let client = client(configuration)
        for _ in 0..<5 {
            #expect(try await client.get("/").status == .ok)
            // The answer may be here before the measurement that its request began is over.
            for worker in client.runtime.workers.all { try await worker.eventLoop.submit {}.get() }
            client.time.advance(by: .seconds(60))
        }
    }

    @Test("bad values are problems of the composition")
    func problems() {
        var configuration = LoadShedder.Configuration()
        configuration.threshold = .zero
        configuration.recovery = .seconds(1)
        configuration.measurements = 0
        configuration.interval = .zero
        configuration.retryAfter = .seconds(-1)
        #expect(LoadShedder(configuration).blueprint.validate().count == 5)
        #expect(LoadShedder().blueprint.validate().isEmpty)
    }

    @Test("it leaves bodies and cancellation alone")
    func conformance() async {
        #expect(await MiddlewareConformance(LoadShedder()).check() == [])
    }

    private func client(_ configuration: LoadShedder.Configuration) -> TestClient {
        let time = ManualTime()
        return TestClient(time: time) {
            LoadShedder(configuration)
            HandlerFunction { request, _ in
                // Time passes while the loop can do nothing else.
                if request.path == "/block" { time.advance(by: .milliseconds(200)) }
                return Response(.ok)
            }
        }
    }
}
