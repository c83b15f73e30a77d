public import Middleware
import NIOCore
import NIOPosix

/// A clock that stands still until a test moves it.
///
/// ```swift
/// let time = ManualTime()
/// let client = TestClient(HandlerFunction { _, context in
///     try await context.sleep(for: .seconds(1))
///     return Response(.ok)
/// }, time: time)
/// async let response = client.get("/")
/// await time.waitForTimers()
/// time.advance(by: .seconds(1))
/// #expect(try await response.status == .ok)
/// ```
///
/// Everything of the library waits on the clock of its `Runtime`, so a test of a timeout takes no time. To move the
/// clock at the right moment, wait for what shows that the code under test hangs:
/// ``ScriptedUpstream/waitForRequests(_:)`` for an origin that does not answer, ``waitForTimers(_:)`` for a sleep.
///
/// Advancing runs the actions that are due; those of the library hand over to their event loop, so what a timer brings
/// about has not necessarily happened when ``advance(by:)`` returns. Wait for its effect, such as the response.
///
/// It moves for nobody else: neither for `Task.sleep` nor for NIO's own timers. Safe to use from any thread.
public final class ManualTime: TimeSource {
    private struct Action: Sendable {
        let id: Int
        let instant: Duration
        let run: @Sendable () -> Void
    }

    private struct State: Sendable {
        var elapsed = Duration.zero
        var target = Duration.zero
        /// The wall clock at the start.
        var wallOrigin: Duration
        /// By instant; of those with the same instant, the one that was scheduled first.
        var actions: [Action] = []
        var lastID = 0
        var isAdvancing = false
    }

    /// Where ``wallClock`` starts unless told otherwise: 2025-01-01T00:00:00Z, a Wednesday.
    public static var defaultWallClock: Duration { .seconds(1_735_689_600) }

    private let start = ContinuousClock.now
    private let state: Watched<State>

    /// A clock that stands.
    ///
    /// - Parameter wallClock: the wall-clock time since 1970-01-01T00:00:00Z; ``defaultWallClock`` unless given.
    public init(wallClock: Duration = ManualTime.defaultWallClock) {
        state = Watched(State(wallOrigin: wallClock))
    }

    public var now: ContinuousClock.Instant { start.advanced(by: state.value.elapsed) }

    /// Wall-clock time since 1970-01-01T00:00:00Z; moves with ``now``. Setting it moves the wall clock alone, as when a
    /// machine's clock is corrected: no timer runs.
    public var wallClock: Duration {
        get {
            let state = state.value
            return state.wallOrigin + state.elapsed
        }
        set { state.change { $0.wallOrigin = newValue - $0.elapsed } }
    }

    /// How far the clock was moved since it was made.
    public var elapsed: Duration { state.value.elapsed }

    /// The number of actions that are scheduled. An event loop of the library schedules one at most, for the nearest of
    /// its deadlines; one that was called off stays until it is due.
    public var timerCount: Int { state.value.actions.count }

    /// Moves the clock, and runs what becomes due on the way, each at its own instant: in the order of the instants,
    /// and of scheduling where they are equal. This includes what these actions schedule themselves. Called from such
    /// an action, or during an advance on another thread, it lengthens that advance.
    ///
    /// A negative duration does nothing: the clock is monotonic.
    public func advance(by duration: Duration) {
        let isRunning = state.change { state in
            state.target += max(.zero, duration)
            defer { state.isAdvancing = true }
            return state.isAdvancing
        }
        guard !isRunning else { return }
        while let action = nextDue() { action.run() }
    }

    /// Waits until at least so many actions are scheduled, and returns early when the task is cancelled.
    ///
    /// See ``timerCount`` for what counts: with ``TestClient``, whose world is one event loop, that is 1 as soon as
    /// anything waits for a time to come.
    public func waitForTimers(_ count: Int = 1) async {
        await state.wait { $0.actions.count >= count }
    }

    /// An action that is due already runs on an event loop, as soon as it can.
    public func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> TimerToken {
        let instant = start.duration(to: instant)
        let id = state.change { state -> Int? in
            guard instant > state.elapsed || state.isAdvancing else { return nil }
            state.lastID += 1
            let action = Action(id: state.lastID, instant: instant, run: action)
            let position = state.actions.firstIndex { $0.instant > instant } ?? state.actions.endIndex
            state.actions.insert(action, at: position)
            return action.id
        }
        guard let id else {
            MultiThreadedEventLoopGroup.singleton.any().execute(action)
            return TimerToken()
        }
        return TimerToken { [weak self] in
            self?.state.change { $0.actions.removeAll { $0.id == id } }
        }
    }

    private func nextDue() -> Action? {
        state.change { state in
            guard let first = state.actions.first, first.instant <= state.target else {
                state.elapsed = state.target
                state.isAdvancing = false
                return nil
            }
            state.elapsed = max(state.elapsed, first.instant)
            return state.actions.removeFirst()
        }
    }
}
