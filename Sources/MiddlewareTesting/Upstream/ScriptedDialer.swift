package import Middleware
import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Connects addresses to scripted origins, in memory. An address that has none is refused, with an error that says
/// which there are.
package struct ScriptedDialer: Dialer {
    private let origins: [DialAddress: ScriptedUpstream]

    /// A dialer for these addresses and no others.
    package init(_ origins: [DialAddress: ScriptedUpstream]) { self.origins = origins }

    package func dial(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        let attempt = Attempt(completion)
        guard let origin = origins[address] else {
            let unknown = UnknownOrigin(address: "\(address)", known: origins.keys.map(\.description).sorted())
            worker.eventLoop.assumeIsolated().execute { attempt.fail(unknown, on: worker) }
            return TimerToken()
        }
        let connects = origin.attempted()
        worker.eventLoop.assumeIsolated().execute {
            switch connects {
            case .accepted: attempt.connect(to: origin, on: worker)
            case .refused: attempt.fail(IOError(errnoCode: ECONNREFUSED, reason: "connect"), on: worker)
            case .hanging: break
            }
        }
        return TimerToken { worker.perform { attempt.fail(CancellationError(), on: worker) } }
    }

    /// Closes the connections that are open from a loop to any of the origins.
    func closeConnections(on worker: Worker) {
        for origin in origins.values { origin.closeConnections(on: worker) }
    }

    /// One attempt. Unchecked because it is touched on its loop only.
    private final class Attempt: @unchecked Sendable {
        private var completion: ((Result<any Wire, any Error>) -> (any WireHandler)?)?

        init(_ completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?) {
            self.completion = completion
        }

        func connect(to origin: ScriptedUpstream, on worker: Worker) {
            guard let completion else { return }
            self.completion = nil
            let (client, wire) = MemoryWire.pair(on: worker, pieceBytes: origin.pieceBytes)
            origin.accept(wire, on: worker)
            worker.executor.beginEvent()
            if let handler = completion(.success(client)) { client.start(handler) } else { client.close() }
            worker.executor.endEvent()
        }

        func fail(_ error: any Error, on worker: Worker) {
            guard let completion else { return }
            self.completion = nil
            worker.executor.beginEvent()
            _ = completion(.failure(error))
            worker.executor.endEvent()
        }
    }
}

/// A connection to an address for which a test has scripted no origin.
public struct UnknownOrigin: Error, CustomStringConvertible {
    /// The address, `host:port` or `unix:path`.
    public let address: String
    /// The addresses that have an origin.
    public let known: [String]

    public var description: String {
        let known = known.isEmpty ? "there is none at all" : "there are \(known.joined(separator: ", "))"
        return "no origin is scripted for \(address): \(known)"
    }
}
