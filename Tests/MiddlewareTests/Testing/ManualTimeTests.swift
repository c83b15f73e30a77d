import Middleware
import MiddlewareTesting
import Synchronization
import Testing

@Suite("ManualTime")
struct ManualTimeTests {
    /// What ran, in order.
    final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private let time = ManualTime()
    private let log = Log()

    private func schedule(_ name: String, after duration: Duration) -> TimerToken {
        time.schedule(at: time.now.advanced(by: duration)) { [log] in log.add(name) }
    }

    @Test("actions run in the order of their instants, and of scheduling where these are equal")
    func order() {
        _ = schedule("late", after: .seconds(3))
        _ = schedule("first", after: .seconds(1))
        _ = schedule("second", after: .seconds(1))
        time.advance(by: .seconds(3))
        #expect(log.all == ["first", "second", "late"])
    }

    @Test("nothing runs before its instant")
    func early() {
        _ = schedule("late", after: .seconds(2))
        time.advance(by: .milliseconds(1999))
        #expect(log.all.isEmpty && time.timerCount == 1)
        time.advance(by: .milliseconds(1))
        #expect(log.all == ["late"] && time.timerCount == 0)
    }

    @Test("an action sees its own instant, and what it schedules runs in the same advance")
    func nested() {
        let start = time.now
        time.schedule(at: start.advanced(by: .seconds(1))) { [time, log] in
            log.add("outer at \(start.duration(to: time.now))")
            _ = time.schedule(at: time.now.advanced(by: .seconds(1))) {
                log.add("inner at \(start.duration(to: time.now))")
            }
            _ = time.schedule(at: time.now) { log.add("at once") }
        }.cancelNever()
        time.advance(by: .seconds(5))
        #expect(log.all == ["outer at 1.0 seconds", "at once", "inner at 2.0 seconds"])
        #expect(time.elapsed == .seconds(5))
    }

    @Test("an advance from within an action lengthens the one that is under way")
    func lengthened() {
        time.schedule(at: time.now.advanced(by: .seconds(1))) { [time] in time.advance(by: .seconds(10)) }.cancelNever()
        _ = schedule("far", after: .seconds(11))
        time.advance(by: .seconds(2))
        #expect(log.all == ["far"] && time.elapsed == .seconds(12))
    }

    @Test("an action that is called off does not run")
    func cancelled() {
        schedule("off", after: .seconds(1)).cancel()
        _ = schedule("on", after: .seconds(1))
        time.advance(by: .seconds(1))
        #expect(log.all == ["on"])
    }

    @Test("an action that is due already runs soon, without an advance")
    func overdue() async {
        await withCheckedContinuation { continuation in
            _ = time.schedule(at: time.now) { continuation.resume() }
        }
    }

    @Test("the wall clock starts at a known instant, moves along, and can be corrected alone")
    func wallClock() {
        #expect(time.wallClock == .seconds(1_735_689_600))
        time.advance(by: .seconds(60))
        #expect(time.wallClock == .seconds(1_735_689_660))
        time.wallClock = .seconds(100)
        time.advance(by: .seconds(1))
        #expect(time.wallClock == .seconds(101) && time.elapsed == .seconds(61))
    }

    @Test("a negative duration moves nothing")
    func negative() {
        time.advance(by: .seconds(-1))
        #expect(time.elapsed == .zero)
    }

    @Test("waiting for timers ends when there are enough, and when the task is cancelled")
    func waiting() async {
        async let enough: Void = time.waitForTimers(2)
        _ = schedule("a", after: .seconds(1))
        _ = schedule("b", after: .seconds(1))
        await enough
        let task = Task { [time] in await time.waitForTimers(3) }
        task.cancel()
        await task.value
        #expect(time.timerCount == 2)
    }
}

extension TimerToken {
    /// Says that a token is dropped on purpose.
    fileprivate func cancelNever() {}
}
