public import Middleware
import NIOCore

/// Checks a `BodySource` of one's own against the rules of that protocol.
///
/// ```swift
/// let violations = await BodySourceConformance("hello", hanging: { Ticker(every: .seconds(60)) }) {
///     Greeting()
/// }.check()
/// #expect(violations.isEmpty, "\(violations)")
/// ```
///
/// A transformer, a source around another, is checked together with what it does to that one:
///
/// ```swift
/// let violations = await BodySourceConformance(of: ["he", "llo"], becoming: "HELLO") { Uppercase($0) }.check()
/// ```
///
/// Sources are made and read on an event loop, one at a time. Works with any test framework.
public struct BodySourceConformance: Sendable {
    /// Makes a fresh source.
    public typealias Factory = @Sendable () async throws -> any BodySource

    /// The rules, as sentences of what holds.
    public enum Rule: String, Sendable, CaseIterable {
        case readsToTheEnd = "reading to the end gives the expected bytes and trailers"
        case throwsBehindTheEnd = "a read behind the end throws, however often"
        case knownLengthIsTrue = "knownLength is nil or the number of bytes"
        case isReadyIsTrue = "a read returns without waiting when isReady said so"
        case cancelEndsReading = "after a cancel every read throws"
        case cancelTwiceIsHarmless = "a second cancel changes nothing"
        case cancelAfterTheEndIsHarmless = "a cancel after the end changes nothing"
        case cancelEndsAWaitingRead = "a cancel ends a read that waits"
        case dropReleases = "a source that is dropped is released"
        case opensOnce = "a body of it opens once, and a body that is dropped unread releases it"
        case cancelReachesTheOtherSide = "a cancel reaches the source inside"
        case dropReachesTheOtherSide = "dropping it releases the source inside"
        case failureIsPassedOn = "a failure of the source inside is thrown, and never an end"
    }

    private let expected: String
    private let trailers: Headers?
    private let factory: Factory
    private let hanging: Factory?
    private let transform: (@Sendable (any BodySource) throws -> any BodySource)?
    private let input: [String]
    private let exceptions: Set<Rule>
    private let patience: Patience
    private let worker: Worker

    /// Checks of a source.
    ///
    /// - Parameters:
    ///   - expected: the bytes that every source of the factory gives.
    ///   - trailers: the trailer section that it ends with.
    ///   - except: rules that do not apply.
    ///   - runtime: whose event loop is used; for sources that belong to a loop. One of NIO's shared group unless
    ///     given.
    ///   - patience: how long a read that hangs is waited for, in real time; 10 seconds unless given.
    ///   - hanging: makes a source that gives some parts at most, and then waits; without it
    ///     ``Rule/cancelEndsAWaitingRead`` is not checked.
    ///   - factory: makes a source.
    public init(
        _ expected: String,
        trailers: Headers? = nil,
        except exceptions: Set<Rule> = [],
        runtime: Runtime? = nil,
        patience: Duration = .seconds(10),
        hanging: Factory? = nil,
        _ factory: @escaping Factory
    ) {
        self.expected = expected
        self.trailers = trailers
        self.factory = factory
        self.hanging = hanging
        self.exceptions = exceptions
        self.patience = Patience(patience)
        transform = nil
        input = []
        worker = (runtime ?? RunningServer.defaultRuntime()).workers.current
    }

    /// Checks of a transformer.
    ///
    /// - Parameters:
    ///   - input: the parts that the source inside gives.
    ///   - expected: the bytes that come of them.
    ///   - except: rules that do not apply.
    ///   - patience: how long a read that hangs is waited for, in real time; 10 seconds unless given.
    ///   - transform: puts a transformer around a source.
    public init(
        of input: [String],
        becoming expected: String,
        except exceptions: Set<Rule> = [],
        patience: Duration = .seconds(10),
        _ transform: @escaping @Sendable (any BodySource) throws -> any BodySource
    ) {
        self.expected = expected
        self.exceptions = exceptions
        self.patience = Patience(patience)
        self.transform = transform
        self.input = input
        trailers = nil
        let steps = input.map { ScriptedSource.Step.bytes($0) }
        factory = { try transform(ScriptedSource(steps)) }
        hanging = { try transform(ScriptedSource(steps + [.hang])) }
        worker = RunningServer.defaultRuntime().workers.current
    }

    /// Checks every rule, each with fresh sources; empty when all hold.
    public func check() async -> [ConformanceViolation] {
        await worker.run {
            var found: [ConformanceViolation] = []
            for rule in Rule.allCases where !exceptions.contains(rule) {
                do {
                    guard let explanation = try await explanation(rule) else { continue }
                    found.append(ConformanceViolation(rule: rule.rawValue, explanation: explanation))
                } catch {
                    found.append(
                        ConformanceViolation(rule: rule.rawValue, explanation: "no source could be made: \(error)")
                    )
                }
            }
            return found
        }
    }

    /// What breaks a rule; `nil` when it holds.
    private func explanation(_ rule: Rule) async throws -> String? {
        switch rule {
        case .readsToTheEnd: try await readsToTheEnd()
        case .throwsBehindTheEnd: try await throwsBehindTheEnd()
        case .knownLengthIsTrue: try await knownLengthIsTrue()
        case .isReadyIsTrue: try await isReadyIsTrue()
        case .cancelEndsReading: try await cancelEndsReading()
        case .cancelTwiceIsHarmless: try await cancelTwice()
        case .cancelAfterTheEndIsHarmless: try await cancelAfterTheEnd()
        case .cancelEndsAWaitingRead: try await cancelEndsAWaitingRead()
        case .dropReleases: try await dropReleases()
        case .opensOnce: try await opensOnce()
        case .cancelReachesTheOtherSide: try await releasesTheOtherSide(byCancel: true)
        case .dropReachesTheOtherSide: try await releasesTheOtherSide(byCancel: false)
        case .failureIsPassedOn: try await failureIsPassedOn()
        }
    }

    private func reading(_ factory: Factory) async throws -> SourceReading {
        SourceReading(source: try await factory(), worker: worker, patience: patience)
    }
}

// MARK: - The rules

extension BodySourceConformance {
    private func readsToTheEnd() async throws -> String? {
        let (bytes, last) = await (try reading(factory)).readAll()
        guard case .part(.end(let trailers)) = last else { return "instead of the end, a read \(last.words)" }
        let text = String(buffer: bytes)
        guard text == expected else { return "it gave \(text.debugDescription)" }
        guard trailers ?? [:] == self.trailers ?? [:] else { return "it ended with the trailers \(trailers ?? [:])" }
        return nil
    }

    private func throwsBehindTheEnd() async throws -> String? {
        let reading = try await reading(factory)
        _ = await reading.readAll()
        for _ in 0..<2 {
            let outcome = await reading.read()
            guard outcome.isFailure else { return "it \(outcome.words)" }
        }
        return nil
    }

    private func knownLengthIsTrue() async throws -> String? {
        let reading = try await reading(factory)
        guard let length = reading.source.knownLength else { return nil }
        let (bytes, _) = await reading.readAll()
        return length == bytes.readableBytes ? nil : "it says \(length), and \(bytes.readableBytes) bytes came"
    }

    private func isReadyIsTrue() async throws -> String? {
        for factory in [factory] + (hanging.map { [$0] } ?? []) {
            let reading = try await reading(factory)
            // A source that hangs is read until it says that it is not ready.
            for _ in 0..<1000 {
                let isReady = reading.source.isReady
                let pending = reading.start()
                guard await Patience.settles(on: worker, { pending.isOver }) else {
                    reading.source.cancel(CancellationError())
                    if isReady { return "it said so, and the read waited" }
                    break
                }
                guard case .part(.bytes) = await reading.finish(pending) else { break }
            }
        }
        return nil
    }

    private func cancelEndsReading() async throws -> String? {
        for partsBefore in 0...1 {
            let reading = try await reading(factory)
            if partsBefore > 0 { _ = await reading.read() }
            reading.source.cancel(Planned())
            for _ in 0..<2 {
                let outcome = await reading.read()
                guard outcome.isFailure else { return "after \(partsBefore) reads and a cancel, it \(outcome.words)" }
            }
        }
        return nil
    }

    private func cancelTwice() async throws -> String? {
        let reading = try await reading(factory)
        reading.source.cancel(Planned())
        reading.source.cancel(CancellationError())
        let outcome = await reading.read()
        return outcome.isFailure ? nil : "after two cancels, it \(outcome.words)"
    }

    private func cancelAfterTheEnd() async throws -> String? {
        let reading = try await reading(factory)
        _ = await reading.readAll()
        reading.source.cancel(Planned())
        let outcome = await reading.read()
        return outcome.isFailure ? nil : "after the end and a cancel, it \(outcome.words)"
    }

    private func cancelEndsAWaitingRead() async throws -> String? {
        guard let hanging else { return nil }
        let reading = try await reading(hanging)
        for _ in 0..<1000 {
            let pending = reading.start()
            if await Patience.settles(on: worker, { pending.isOver }) {
                guard case .part(.bytes) = await reading.finish(pending) else {
                    return "the source that is to wait did not: a read \(await reading.finish(pending).words)"
                }
                continue
            }
            reading.source.cancel(Planned())
            let outcome = await reading.finish(pending)
            return outcome.isFailure ? nil : "the read \(outcome.words)"
        }
        return "the source that is to wait gave 1000 parts"
    }

    private func dropReleases() async throws -> String? {
        for partsBefore in 0...1 {
            weak var source: (any BodySource)?
            do {
                let reading = try await reading(factory)
                source = reading.source
                if partsBefore > 0 { _ = await reading.read() }
            }
            guard await Patience.settles(on: worker, { source == nil }) else {
                return "after \(partsBefore) reads, somebody holds it"
            }
        }
        return nil
    }

    private func opensOnce() async throws -> String? {
        weak var source: (any BodySource)?
        do {
            let made = try await factory()
            source = made
            let body = Body.stream(made)
            guard (try? body.open()) != nil else { return "it did not open" }
            guard (try? body.open()) == nil else { return "it opened twice" }
        }
        guard await Patience.settles(on: worker, { source == nil }) else {
            return "somebody holds it after it was opened"
        }
        do {
            let made = try await factory()
            source = made
            _ = Body.stream(made)
        }
        guard await Patience.settles(on: worker, { source == nil }) else {
            return "somebody holds it after its body was dropped"
        }
        return nil
    }

    private func releasesTheOtherSide(byCancel: Bool) async throws -> String? {
        guard let transform else { return nil }
        let steps = input.map { ScriptedSource.Step.bytes($0) } + [.hang]
        for partsBefore in 0...1 where partsBefore == 0 || !expected.isEmpty {
            let record: ScriptedSource.Record
            do {
                let inner = ScriptedSource(steps)
                record = inner.record
                let reading = SourceReading(source: try transform(inner), worker: worker, patience: patience)
                if partsBefore > 0 {
                    let pending = reading.start()
                    if await !Patience.settles(on: worker, { pending.isOver }) {
                        // It collects: its first read ends with the source inside, or with a cancel.
                        reading.source.cancel(Planned())
                    }
                    _ = await reading.finish(pending)
                }
                if byCancel {
                    reading.source.cancel(Planned())
                    guard record.isReleased else { return "after \(partsBefore) reads, the source inside goes on" }
                }
            }
            guard await Patience.settles(on: worker, { record.isReleased }) else {
                return "after \(partsBefore) reads, the source inside goes on"
            }
        }
        return nil
    }

    private func failureIsPassedOn() async throws -> String? {
        guard let transform else { return nil }
        let steps = input.map { ScriptedSource.Step.bytes($0) } + [.fail(Planned())]
        let source = try transform(ScriptedSource(steps))
        let (_, last) = await SourceReading(source: source, worker: worker, patience: patience).readAll()
        return last.isFailure ? nil : "when the source inside failed, it \(last.words)"
    }
}

/// What conformance suites throw on purpose.
struct Planned: Error, CustomStringConvertible {
    var description: String { "a failure on purpose" }
}
