/// A rule of a protocol that an implementation breaks.
///
/// ```swift
/// let violations = await HandlerConformance(TestClient(MyHandler())).check()
/// #expect(violations.isEmpty, "\(violations)")
/// ```
public struct ConformanceViolation: Sendable, Hashable, CustomStringConvertible {
    /// The rule, as a sentence of what holds.
    public var rule: String
    /// What was seen instead.
    public var explanation: String

    public init(rule: String, explanation: String) {
        self.rule = rule
        self.explanation = explanation
    }

    public var description: String { "\(rule): \(explanation)" }
}
