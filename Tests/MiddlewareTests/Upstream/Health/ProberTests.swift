import MiddlewareTesting
import Synchronization
import Testing

@testable import Middleware

@Suite("Prober")
struct ProberTests {
    private func health(
        _ probe: @escaping @Sendable (Endpoint, Runtime) async throws -> Void
    ) -> ActiveHealth {
        var health = ActiveHealth.custom(every: .seconds(10), name: "test", probe)
        health.jitter = 0
        return health
    }

    /// Runs a prober for as long as `body` does, which is given its results.
    private func probing(
        _ health: ActiveHealth, _ rig: ProbeRig, _ body: (AsyncStream<ProbeResult>) async -> Void
    ) async {
        let (results, continuation) = AsyncStream<ProbeResult>.makeStream()
        let task = Task { await Prober(health).run(rig.endpoint, on: rig.runtime) { continuation.yield($0) } }
        await rig.time.waitForTimers()
        await body(results)
        task.cancel()
        await task.value
    }

    @Test("the first probe comes within an interval, each further one an interval later")
    func rhythm() async {
        let rig = ProbeRig()
        await probing(health { _, _ in }, rig) { results in
            rig.time.advance(by: .seconds(10))
            let first = await results.next()
            #expect(first?.failure == nil && first?.isHealthy == true && first?.isChange == false)
            for _ in 0..<3 {
                await rig.time.waitForTimers()
                let before = rig.time.now.nanoseconds
                rig.time.advance(by: .seconds(10))
                let result = await results.next()
                #expect(result.map { $0.nanoseconds - before } == .seconds(10))
            }
        }
    }

    @Test("endpoints are not probed in step")
    func spread() async {
        var firsts = Set<Int64>()
        for _ in 0..<5 {
            let rig = ProbeRig()
            for _ in 0..<firsts.count { _ = rig.runtime.randomness.next() }
            let asked = Mutex<Int64>(0)
            let start = rig.time.now.nanoseconds
            let health = health { _, runtime in asked.withLock { $0 = runtime.time.now.nanoseconds } }
            await probing(health, rig) { results in
                for _ in 0..<100 where asked.withLock({ $0 }) == 0 {
                    rig.time.advance(by: .milliseconds(100))
                    await Task.yield()
                }
                _ = await results.next()
            }
            firsts.insert(asked.withLock { $0 } - start)
        }
        #expect(firsts.count > 1)
    }

    @Test("failures in a row make it unhealthy, passes healthy again, and each result says what it changes")
    func transitions() async {
        let rig = ProbeRig()
        let script = Mutex("+---++".map { $0 == "+" })
        let health = health { _, _ in
            guard script.withLock({ $0.removeFirst() }) else { throw ProbeFailure("down") }
        }
        await probing(health, rig) { results in
            var seen = ""
            for _ in 0..<6 {
                await rig.time.waitForTimers()
                rig.time.advance(by: .seconds(10))
                guard let result = await results.next() else { return }
                #expect(result.failure == nil || result.failure == "down")
                seen += (result.isHealthy ? "H" : "U") + (result.isChange ? "!" : "")
            }
            #expect(seen == "HHHU!UH!")
        }
    }

    @Test("an unhealthy endpoint is asked at its own interval")
    func unhealthyInterval() async {
        let rig = ProbeRig(.refusing)
        var health = ActiveHealth.tcp(every: .seconds(10))
        health.jitter = 0
        health.unhealthyInterval = .seconds(1)
        await probing(health, rig) { results in
            rig.time.advance(by: .seconds(10))
            let first = await results.next()
            // The first result of all decides alone.
            #expect(first?.isHealthy == false && first?.isChange == true)
            #expect(first?.failure?.hasPrefix("no connection") == true)
            rig.origin.connects = .accepted
            for isHealthy in [false, true] {
                await rig.time.waitForTimers()
                rig.time.advance(by: .seconds(1))
                let result = await results.next()
                #expect(result?.isHealthy == isHealthy && result?.failure == nil)
            }
        }
    }

    @Test("a probe that is out of time has failed, and its connection is given up")
    func timeout() async {
        let rig = ProbeRig(ScriptedUpstream { $0.hang() })
        var health = ActiveHealth.http(path: "/healthz", every: .seconds(10))
        health.timeout = .seconds(3)
        await probing(health, rig) { results in
            rig.time.advance(by: .seconds(10))
            await rig.origin.waitForRequests()
            await rig.time.waitForTimers()
            rig.time.advance(by: .seconds(3))
            let result = await results.next()
            #expect(result?.failure == "no answer within 3.0 seconds")
            await rig.origin.waitForClosedConnections()
        }
    }

    @Test("a probe that ignores its end is reported at once, and waited for before the next")
    func deafProbe() async {
        let rig = ProbeRig()
        let gate = FirstValue<Void>()
        let count = Mutex(0)
        let health = health { _, _ in
            count.withLock { $0 += 1 }
            await gate.wait()
        }
        await probing(health, rig) { results in
            rig.time.advance(by: .seconds(10))
            while count.withLock({ $0 }) == 0 { await Task.yield() }
            await rig.time.waitForTimers()
            rig.time.advance(by: .seconds(2))
            let result = await results.next()
            #expect(result?.failure != nil)
            rig.time.advance(by: .seconds(100))
            #expect(count.withLock { $0 } == 1)
        }
        // Whoever stops the prober does not wait for such a probe.
        gate.give(())
    }

    @Test("cancelled, it ends without a report, whether it waits or asks", arguments: [true, false])
    func cancelled(asks: Bool) async {
        let rig = ProbeRig(ScriptedUpstream { $0.hang() })
        let task = Task {
            await Prober(.http(path: "/", every: .seconds(1))).run(rig.endpoint, on: rig.runtime) { _ in
                Issue.record("there is nothing to report")
            }
        }
        await rig.time.waitForTimers()
        if asks {
            rig.time.advance(by: .seconds(1))
            await rig.origin.waitForRequests()
        }
        task.cancel()
        await task.value
    }
}

extension AsyncStream where Element: Sendable {
    /// The next element; one task asks at a time.
    fileprivate func next() async -> Element? {
        for await element in self { return element }
        return nil
    }
}
