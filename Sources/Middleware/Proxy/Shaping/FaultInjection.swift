public import HTTPTypes
import Synchronization

/// Delays, refuses and breaks off requests on purpose, to see how clients and those in between bear it.
///
/// - Warning: For tests, and for experiments in production that somebody watches. A fault looks like one of the
///   origin's: monitoring, retries and circuit breakers further out take it for that. Nothing happens before its
///   ``Switch`` is on.
///
/// Each fault has a share and is drawn by itself, in their order: delays add up, and the first that refuses or breaks off
/// is the last. With an opt-in field only requests that carry it are disturbed, so that testers disturb nobody else;
/// whoever can send the field can ask for faults.
///
/// Chance is the runtime's: a test with seeded randomness repeats itself.
///
/// ## Placement
/// Inside logs; inside of what is to be tested, such as retries and time limits, and outside of what is to be left alone.
///
/// ## Example
/// ```swift
/// let faults = FaultInjection.Switch()
/// FaultInjection(faults, [.status(.serviceUnavailable, share: 0.05)])
/// faults.isOn = true
/// ```
/// Customised, for those who ask for it:
/// ```swift
/// var configuration = FaultInjection.Configuration()
/// configuration.optIn = .init("X-Chaos")
/// let faults: [FaultInjection.Fault] = [
///     .delay(.milliseconds(100)...(.seconds(2)), share: 0.5),
///     .brokenAnswer(share: 0.1),
/// ]
/// FaultInjection(FaultInjection.Switch(isOn: true), faults, configuration)
/// ```
public struct FaultInjection: Middleware {
    /// Whether faults are injected now. A reference: those who hold it see the same.
    public final class Switch: Sendable {
        private let state: Atomic<Bool>

        /// Off unless said otherwise.
        public init(isOn: Bool = false) { state = Atomic(isOn) }

        /// Whether faults are injected. Safe to read and set from any thread; requests see it at once.
        public var isOn: Bool {
            get { state.load(ordering: .relaxed) }
            set { state.store(newValue, ordering: .relaxed) }
        }
    }

    /// One thing that goes wrong, and how often.
    public struct Fault: Sendable {
        enum Kind: Sendable {
            case delay(ClosedRange<Duration>)
            case status(HTTPResponse.Status)
            case brokenAnswer
        }

        let kind: Kind
        let share: Double

        /// The request waits so long before it goes on. The wait ends early with the deadline and with the client.
        public static func delay(_ duration: Duration, share: Double) -> Fault {
            delay(duration...duration, share: share)
        }

        /// The request waits for a time out of a range, each as likely as the other.
        public static func delay(_ range: ClosedRange<Duration>, share: Double) -> Fault {
            Fault(kind: .delay(range), share: share)
        }

        /// The request is answered with a status, and goes no further.
        public static func status(_ status: HTTPResponse.Status, share: Double) -> Fault {
            Fault(kind: .status(status), share: share)
        }

        /// The request goes no further: its connection is closed behind the head of an answer whose body does not come.
        public static func brokenAnswer(share: Double) -> Fault { Fault(kind: .brokenAnswer, share: share) }
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// A field that a request must carry to be disturbed, whatever its value. `nil`, unless set, disturbs all.
        public var optIn: HTTPField.Name?

        public init() {}
    }

    /// What the body of a broken answer throws.
    private struct BrokenOnPurpose: Error {}

    private let control: Switch
    private let faults: [Fault]
    private let configuration: Configuration

    /// These faults, while `control` is on; bad values are reported by the ``blueprint``.
    public init(_ control: Switch, _ faults: [Fault], _ configuration: Configuration = Configuration()) {
        self.control = control
        self.faults = faults
        self.configuration = configuration
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("FaultInjection")
        let control = control
        blueprint.preview = { _ in control.isOn ? .unknown : .passes }
        blueprint.require(!faults.isEmpty, "injects no faults", mend: "name one, or leave it out")
        for fault in faults {
            blueprint.require(
                (0...1).contains(fault.share), "injects a fault with a share of \(fault.share)", mend: "give 0 to 1")
            switch fault.kind {
            case .delay(let range):
                blueprint.require(
                    range.lowerBound >= .zero, "delays by \(range.lowerBound)", mend: "give zero or more")
            case .status(let status):
                blueprint.require(
                    (200...599).contains(status.code),
                    "answers with \(status.code)", mend: "give a status from 200 to 599")
            case .brokenAnswer: break
            }
        }
        return blueprint
    }

    public func handle(
        _ request: consuming Request, context: RequestContext, next: some Handler
    ) async throws -> Response {
        guard control.isOn, configuration.optIn.map({ request.headers.contains($0) }) ?? true else {
            return try await next.handle(request, context: context)
        }
        for fault in faults where context.runtime.randomness.isAmong(share: fault.share) {
            switch fault.kind {
            case .delay(let range):
                ShapingMetric.faults[.delay].increment()
                try await context.sleep(for: Self.duration(in: range, context.runtime.randomness))
            case .status(let status):
                ShapingMetric.faults[.status].increment()
                return Response(status, problem: "a fault that was injected on purpose")
            case .brokenAnswer:
                ShapingMetric.faults[.broken].increment()
                return Response(.ok, body: .stream(BrokenBody(BrokenOnPurpose())))
            }
        }
        return try await next.handle(request, context: context)
    }

    private static func duration(in range: ClosedRange<Duration>, _ randomness: some Randomness) -> Duration {
        let lower = max(0, range.lowerBound.nanoseconds)
        let span = max(0, range.upperBound.nanoseconds - lower)
        guard span > 0 else { return range.lowerBound }
        return .nanoseconds(lower + Int64(truncatingIfNeeded: randomness.next(below: UInt64(span) + 1)))
    }
}

/// A body that declares a byte and gives none.
private final class BrokenBody: BodySource {
    private let error: any Error

    init(_ error: any Error) { self.error = error }

    var knownLength: Int? { 1 }
    var isReady: Bool { true }
    func read() async throws -> BodyPart { throw error }
    func cancel(_ reason: any Error) {}
}
