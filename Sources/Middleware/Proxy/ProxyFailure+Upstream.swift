import HTTPTypes
import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a failure of a connection is to the one who forwards.
extension ProxyFailure {
    init(_ failure: UpstreamFailure, endpoint: String) {
        let (phase, side, cause): (Phase, Side, Cause) =
            switch failure.kind {
            case .connect: Self.connecting(failure.cause)
            case .connectTimeout: (.connect, .origin, .timedOut)
            case .queueFull: (.pool, .gateway, .full)
            case .queueTimeout: (.pool, .gateway, .timedOut)
            case .closedBeforeHead: (.responseHead, .origin, .closed)
            case .closedInBody: (.responseBody, .origin, .closed)
            case .malformed: (.responseHead, .origin, .malformed)
            case .headTimeout: (.responseHead, .origin, .timedOut)
            case .bodyTimeout: (.responseBody, .origin, .timedOut)
            case .uploadTimeout: (.requestBody, .origin, .timedOut)
            case .requestBody: (.requestBody, .client, Self.reading(failure.cause))
            }
        // RFC 9112 section 9.3.1: even a stale connection may have carried the request to somebody who acted on it.
        self.init(phase, side, cause, endpoint: endpoint, detail: failure.detail)
    }

    private static func connecting(_ error: (any Error)?) -> (Phase, Side, Cause) {
        let causes: [any Error]
        if let error = error as? NIOConnectionError {
            if error.connectionErrors.isEmpty { return (.resolve, .gateway, .notFound) }
            causes = error.connectionErrors.map(\.error)
        } else {
            causes = error.map { [$0] } ?? []
        }
        for case let error as IOError in causes {
            switch error.errnoCode {
            case ECONNREFUSED, ENOENT: return (.connect, .origin, .refused)
            case EHOSTUNREACH, ENETUNREACH: return (.connect, .gateway, .unreachable)
            case ETIMEDOUT: return (.connect, .origin, .timedOut)
            case EMFILE, ENFILE: return (.connect, .gateway, .full)
            default: break
            }
        }
        return (.connect, .origin, .other)
    }

    private static func reading(_ error: (any Error)?) -> Cause {
        switch error {
        case is RequestTimeout: .timedOut
        case is BodyTooLarge: .tooLarge
        case is DeadlineExceeded: .timedOut
        case is CancellationError: .cancelled
        case let error as HTTPError where error.status == .contentTooLarge: .tooLarge
        case is BodyLengthMismatch, is HTTPError: .malformed
        default: .closed
        }
    }
}
