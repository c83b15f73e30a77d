/// Spreads requests over the endpoints of a cluster.
///
/// A policy says how; the ``Balancer`` that it makes does it, for one set of endpoints that never changes. Whenever
/// endpoints come, go, change their weight, sicken or recover, the cluster asks for a new one. What is to outlive that
/// (a position, what was measured) belongs to the policy or to the ``EndpointState``s, which stay.
///
/// ```swift
/// struct First: BalancingPolicy {
///     struct Choices: Balancer {
///         func choose(_ choice: inout BalancingChoice) -> Int { 0 }
///     }
///
///     func balancer(among candidates: [BalancingCandidate]) -> any Balancer { Choices() }
/// }
/// ```
///
/// A policy serves one cluster. `BalancingPolicyConformance` of MiddlewareTesting checks fairness, starvation and
/// disruption of any policy.
public protocol BalancingPolicy: Sendable {
    /// What chooses among these candidates: at least one, each of a weight above zero, in the order of the cluster.
    func balancer(among candidates: [BalancingCandidate]) -> any Balancer

    /// The part of a request that its choices follow; `nil`, unless implemented, for a policy that looks at none.
    var key: BalancingKey? { get }

    /// Whether it reads ``EndpointState/responseTime``, which is measured only then. `false` unless implemented.
    var readsResponseTime: Bool { get }

    /// What printed chains and metrics call it. The type's name unless implemented.
    var name: String { get }

    /// Notes bad values of the policy in the blueprint of the part that balances by it. Unless implemented, those of
    /// its ``key``, which an implementation looks through as well: `key?.check(&blueprint)`.
    func check(_ blueprint: inout Blueprint)
}

extension BalancingPolicy {
    public var key: BalancingKey? { nil }
    public var readsResponseTime: Bool { false }
    public var name: String { "\(Self.self)" }
    public func check(_ blueprint: inout Blueprint) { key?.check(&blueprint) }
}

/// Chooses among the candidates that it was made for. Called from every event loop at once.
public protocol Balancer: Sendable {
    /// The position of the chosen candidate.
    ///
    /// A choice that turns out to be impossible (the endpoint was tried before, or is full) is followed by another with
    /// a higher ``BalancingChoice/attempt``: an answer that follows the hash alone follows it to another candidate then.
    func choose(_ choice: inout BalancingChoice) -> Int
}

/// An endpoint that may be chosen.
public struct BalancingCandidate: Sendable {
    /// The endpoint and what is known of it.
    public let state: EndpointState
    /// Its share of the traffic, relative to the others; above zero. While an endpoint starts slowly it grows towards
    /// the weight of its configuration.
    public let weight: Double

    public init(_ state: EndpointState, weight: Double = 1) {
        self.state = state
        self.weight = weight
    }
}

/// What a choice may depend on.
public struct BalancingChoice: Sendable {
    /// The hash of the request's ``BalancingPolicy/key``, another one for each attempt; chance when the policy has no
    /// key or the request lacks it.
    public var hash: UInt64
    /// How many choices for this request were refused before.
    public var attempt: Int
    /// Chance. It repeats itself in a test.
    public var random: SplitMix64
    package var nanoseconds: Int64

    package init(hash: UInt64 = 0, attempt: Int = 0, random: SplitMix64, nanoseconds: Int64 = 0) {
        self.hash = hash
        self.attempt = attempt
        self.random = random
        self.nanoseconds = nanoseconds
    }

    /// A choice outside a cluster, as tests make them.
    public init(hash: UInt64 = 0, attempt: Int = 0, seed: UInt64, now: ContinuousClock.Instant) {
        self.init(hash: hash, attempt: attempt, random: SplitMix64(seed: seed), nanoseconds: now.nanoseconds)
    }

    /// Whether what compares endpoints leaves this choice to chance: the best by comparison may be the one that was
    /// refused, and would be the best again. Every second attempt, so that those between go by load and weight.
    var isLeftToChance: Bool { attempt > 0 && attempt.isMultiple(of: 2) }

    /// The monotonic time of the choice.
    public var now: ContinuousClock.Instant { ContinuousClock.Instant(nanoseconds: nanoseconds) }
}
