import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The time of a runtime: a monotonic clock, a wall clock and timers.
///
/// Algorithms that are tested alone take instants as arguments instead.
public protocol TimeSource: Sendable {
    /// The monotonic instant.
    var now: ContinuousClock.Instant { get }

    /// Wall-clock time since 1970-01-01T00:00:00Z, for `Date`, `Age`, tokens and calendar quotas.
    var wallClock: Duration { get }

    /// Runs `action` once, at `instant` or soon after, on a thread of the source's choosing.
    func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> TimerToken
}

/// A scheduled action that may be called off. Dropping it does not call the action off.
public struct TimerToken: Sendable {
    private let onCancel: (@Sendable () -> Void)?

    /// A token of an action that cannot be called off.
    public init() { onCancel = nil }

    /// A token that calls off its action by `onCancel`, which must be idempotent.
    public init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }

    /// Calls the action off. It may be running already.
    public func cancel() { onCancel?() }
}

/// The system's clocks and an event loop's timers.
public struct SystemTime: TimeSource {
    public init() {}

    public var now: ContinuousClock.Instant { ContinuousClock().now }

    public var wallClock: Duration {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    public func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> TimerToken {
        let wait = now.duration(to: instant).nanoseconds
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .nanoseconds(max(0, wait)), action)
        return TimerToken { timer.cancel() }
    }
}

/// Instants as whole nanoseconds, which is how everything inside keeps them: the layout of
/// `ContinuousClock.Instant` is known at run time only, so that a type which holds one pays for a look-up at each copy.
extension ContinuousClock.Instant {
    // A day back, so that no instant of a source that was made before this one lies in front of it.
    private static let origin = ContinuousClock.now.advanced(by: .seconds(-86_400))

    /// The instant that lies so many nanoseconds after one that is the same for the whole process.
    package init(nanoseconds: Int64) { self = Self.origin.advanced(by: .nanoseconds(nanoseconds)) }

    /// The nanoseconds since that instant.
    package var nanoseconds: Int64 { Self.origin.duration(to: self).nanoseconds }
}

extension Duration {
    /// Whole nanoseconds, clamped to what 64 bits hold.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
    }
}
