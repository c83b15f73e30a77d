import HTTPTypes
import MiddlewareTesting
import NIOPosix
import Synchronization

@testable import Middleware

/// A runtime on manual time, with one scripted origin at ``endpoint``.
struct ProbeRig {
    let time = ManualTime()
    let origin: ScriptedUpstream
    let endpoint: Endpoint = "10.0.0.1:8080"
    let runtime: Runtime

    init(_ origin: ScriptedUpstream = ScriptedUpstream { $0.answer(.ok, "fine") }) {
        self.origin = origin
        runtime = Runtime(
            time: time,
            logger: TestClient.silentLogger,
            randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton.next(),
            dialer: ScriptedDialer([endpoint.address: origin])
        )
    }

    /// What a probe throws; `nil` when it passes.
    func failure(of probe: some HealthProbe) async -> String? {
        do {
            try await probe.probe(endpoint, on: runtime)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
