import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

@Suite("BodySourceConformance")
struct BodySourceConformanceTests {
    /// The faults that are planted, each with the rules that must find it.
    enum Fault: CaseIterable, CustomTestStringConvertible {
        case wrongBytes, cutShort, endsAgain, liesAboutLength, liesAboutReadiness, ignoresCancel,
            ignoresCancelWhileWaiting
        case failsToEnd, holdsItself, revivedByCancel

        var testDescription: String { "\(self)" }

        var rules: Set<BodySourceConformance.Rule> {
            switch self {
            case .wrongBytes: [.readsToTheEnd]
            case .cutShort: [.readsToTheEnd, .knownLengthIsTrue]
            case .endsAgain: [.throwsBehindTheEnd]
            case .liesAboutLength: [.knownLengthIsTrue]
            case .liesAboutReadiness: [.isReadyIsTrue]
            case .ignoresCancel: [.cancelEndsReading, .cancelTwiceIsHarmless]
            case .ignoresCancelWhileWaiting: [.cancelEndsAWaitingRead]
            case .failsToEnd: [.readsToTheEnd]
            case .holdsItself: [.dropReleases, .opensOnce]
            case .revivedByCancel: [.cancelTwiceIsHarmless]
            }
        }
    }

    /// A source of `hello` with one fault, or none.
    final class Faulty: BodySource {
        private let fault: Fault?
        private let waits: Bool
        private var parts: [String]
        private var isOver = false
        private var cancels = 0
        private var waiter: CheckedContinuation<Void, Never>?
        private var itself: Faulty?

        init(_ fault: Fault?, waits: Bool = false) {
            self.fault = fault
            self.waits = waits
            parts = fault == .wrongBytes ? ["hal", "lo"] : fault == .cutShort ? ["hel"] : ["hel", "lo"]
            if fault == .holdsItself { itself = self }
        }

        var knownLength: Int? { fault == .liesAboutLength ? 4 : 5 }

        var isReady: Bool { fault == .liesAboutReadiness || !parts.isEmpty || !waits }

        private var isCancelled: Bool {
            switch fault {
            case .ignoresCancel: false
            case .revivedByCancel: cancels == 1
            default: cancels > 0
            }
        }

        func read() async throws -> BodyPart {
            if isCancelled { throw CancellationError() }
            if isOver {
                if fault == .endsAgain { return .end(trailers: nil) }
                throw BodyConsumed()
            }
            if !parts.isEmpty { return .bytes(ByteBuffer(string: parts.removeFirst())) }
            if waits {
                await withCheckedContinuation { waiter = $0 }
                if fault == .ignoresCancelWhileWaiting { return .bytes(ByteBuffer(string: "more")) }
                throw CancellationError()
            }
            isOver = true
            if fault == .failsToEnd { throw HTTPError(.gone) }
            return .end(trailers: nil)
        }

        func cancel(_ reason: any Error) {
            cancels += 1
            waiter?.resume()
            waiter = nil
        }
    }

    private func violated(_ violations: [ConformanceViolation]) -> Set<BodySourceConformance.Rule> {
        Set(violations.compactMap { BodySourceConformance.Rule(rawValue: $0.rule) })
    }

    @Test("a source without faults passes")
    func sound() async {
        let violations = await BodySourceConformance("hello", hanging: { Faulty(nil, waits: true) }) { Faulty(nil) }
            .check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test("every planted fault is found", arguments: Fault.allCases)
    func faults(_ fault: Fault) async {
        let violations = await BodySourceConformance(
            "hello",
            patience: .milliseconds(100),
            hanging: { Faulty(fault, waits: true) }
        ) {
            Faulty(fault)
        }.check()
        #expect(violated(violations).isSuperset(of: fault.rules), "\(violations)")
    }

    @Test("a rule that does not apply is left out")
    func exceptions() async {
        let violations = await BodySourceConformance("hello", except: [.readsToTheEnd]) { Faulty(.wrongBytes) }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test("a cancel that does not end a read that waits is found, though the read hangs")
    func hanging() async {
        final class Stuck: BodySource {
            private let never = AsyncStream<Void>.makeStream()
            let knownLength: Int? = nil
            func read() async throws -> BodyPart {
                for await _ in never.stream {}
                throw CancellationError()
            }
            func cancel(_ reason: any Error) {}
        }
        let violations = await BodySourceConformance(
            "",
            except: Set(BodySourceConformance.Rule.allCases).subtracting([.cancelEndsAWaitingRead]),
            patience: .milliseconds(50),
            hanging: { Stuck() }
        ) {
            Stuck()
        }.check()
        #expect(violated(violations) == [.cancelEndsAWaitingRead])
    }

    // MARK: The library's own

    @Test("bytes at hand conform")
    func buffered() async {
        let violations = await BodySourceConformance("hello", trailers: [.server: "a"]) {
            try Body.bytes(ByteBuffer(string: "hello"), trailers: [.server: "a"]).open()
        }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test("readers of a recorded body conform")
    func recorded() async {
        let violations = await BodySourceConformance(of: ["he", "llo"], becoming: "hello") {
            try RecordedBody(recording: .stream($0), upTo: 100).reader().open()
        }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test("the source that tests script conforms")
    func scripted() async {
        let violations = await BodySourceConformance("hello", hanging: { ScriptedSource([.bytes("a"), .hang]) }) {
            ScriptedSource([.bytes("hel"), .bytes("lo")], knownLength: 5)
        }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    // MARK: Transformers

    /// The transformer of the documentation, with or without faults.
    final class Counting: BodySource {
        enum Fault { case keepsCancel, endsOnFailure, leaks }

        private let upstream: any BodySource
        private let fault: Fault?
        private var isOver = false

        init(_ upstream: any BodySource, _ fault: Fault? = nil) {
            self.upstream = upstream
            self.fault = fault
            if fault == .leaks { Self.leaked.withLock { $0.append(Leak(source: upstream)) } }
        }

        var knownLength: Int? { upstream.knownLength }
        var isReady: Bool { upstream.isReady }

        func read() async throws -> BodyPart {
            guard !isOver else { throw BodyConsumed() }
            do {
                return try await upstream.read()
            } catch  where fault == .endsOnFailure && !(error is BodyConsumed) && !(error is CancellationError) {
                isOver = true
                return .end(trailers: nil)
            }
        }

        func cancel(_ reason: any Error) {
            isOver = true
            if fault != .keepsCancel { upstream.cancel(reason) }
        }

        private struct Leak: @unchecked Sendable { let source: any BodySource }
        private static let leaked = Mutex<[Leak]>([])
    }

    @Test("a transformer without faults passes")
    func transformer() async {
        let violations = await BodySourceConformance(of: ["he", "llo"], becoming: "hello") { Counting($0) }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test(
        "faults of a transformer towards the source inside are found",
        arguments: [
            (Counting.Fault.keepsCancel, BodySourceConformance.Rule.cancelReachesTheOtherSide),
            (.endsOnFailure, .failureIsPassedOn), (.leaks, .dropReachesTheOtherSide),
        ]
    )
    func transformerFaults(_ fault: Counting.Fault, _ rule: BodySourceConformance.Rule) async {
        let violations = await BodySourceConformance(
            of: ["he", "llo"], becoming: "hello", patience: .milliseconds(100)
        ) {
            Counting($0, fault)
        }.check()
        #expect(violated(violations).contains(rule), "\(violations)")
    }
}
