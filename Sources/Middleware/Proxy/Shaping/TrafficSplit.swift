import HTTPTypes

/// Divides requests among branches by weight: a canary that gets five percent, a slow migration, a comparison of two.
///
/// Each request is drawn by itself, or a client keeps its branch (``Stickiness``). A client that keeps its branch does so
/// as far as the weights allow: when a weight changes, only as many clients change over as its change amounts to, and
/// at a weight of 0 none is left. ``Selector``s let those who ask for a branch by name have it, also at a weight of 0.
/// Weights are changed while the gateway runs with ``reweigh(_:)``.
///
/// The name of the branch is in ``TrafficBranchKey``, for logs and for those inside, and in the metrics.
///
/// It does not look at how a branch does: what shifts weight away from one that fails calls ``reweigh(_:)``.
///
/// ## Placement
/// Inside logs, whatever stands for all branches, and what selectors trust. A cache outside of it answers with whatever
/// branch it stored. By client address it follows `client address`.
///
/// ## Example
/// ```swift
/// TrafficSplit([
///     TrafficSplit.Branch("stable", weight: 95, ReverseProxy(to: "http://10.0.0.1:8080")),
///     TrafficSplit.Branch("canary", weight: 5, ReverseProxy(to: "http://10.0.0.2:8080")),
/// ])
/// ```
/// Customised: clients keep their branch, and testers choose theirs:
/// ```swift
/// var configuration = TrafficSplit.Configuration()
/// configuration.stickiness = .cookie("edge-split")
/// configuration.selectors = [.header(.init("X-Canary")!, ["always": "canary", "never": "stable"])]
/// let split = TrafficSplit(branches, configuration)
/// try split.reweigh(["stable": 80, "canary": 20])
/// ```
public struct TrafficSplit: Handler {
    /// One way that requests can take.
    public struct Branch: Sendable {
        /// What logs, metrics and selectors call it.
        public let name: String
        /// Its share at the start, relative to the others.
        public let weight: Double
        let pipeline: Pipeline

        /// A branch that ends in a handler; bad values are reported by the blueprint of the split.
        public init(_ name: String, weight: Double, _ handler: some Handler) {
            self.name = name
            self.weight = weight
            pipeline = Pipeline([], endingIn: handler)
        }

        /// A branch with stages of its own.
        public init(_ name: String, weight: Double, @PipelineBuilder _ stages: () -> Pipeline) {
            self.name = name
            self.weight = weight
            pipeline = stages()
        }
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// Which requests take the same branch. Each is drawn by itself unless set.
        public var stickiness = Stickiness.none
        /// What lets a request choose its branch, the first that applies. Nothing unless set.
        public var selectors: [Selector] = []

        public init() {}
    }

    private let branches: [Branch]
    private let configuration: Configuration
    private let weights: BranchWeights
    private let seeds: [UInt64]
    private let counters: [MetricCounter]
    private let positions: [String: Int]

    /// A split of these branches; bad values are reported by the ``blueprint``.
    public init(_ branches: [Branch], _ configuration: Configuration = Configuration()) {
        self.branches = branches
        self.configuration = configuration
        weights = BranchWeights(branches.map(\.weight))
        seeds = branches.map { StableHash.hash($0.name) }
        counters = branches.map { ShapingMetric.branches.series($0.name) }
        positions = Dictionary(branches.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    /// The present weights, by branch.
    public var currentWeights: [String: Double] {
        let present = weights.present
        return positions.mapValues { present[$0] }
    }

    /// Changes the weights of these branches, for this split and its copies; the others keep theirs. Safe from any
    /// thread.
    ///
    /// Throws ``TrafficWeightError``, and changes nothing, for a name that no branch has, for a weight below zero, and
    /// when no weight would be above zero.
    public func reweigh(_ changes: [String: Double]) throws(TrafficWeightError) {
        var replaced: [(position: Int, weight: Double)] = []
        for (name, weight) in changes {
            guard let position = positions[name] else {
                throw TrafficWeightError(reason: "there is no branch \(name.jsonQuoted)")
            }
            guard weight.isFinite, weight >= 0 else {
                throw TrafficWeightError(reason: "the branch \(name.jsonQuoted) cannot weigh \(weight)")
            }
            replaced.append((position, weight))
        }
        guard weights.replace(replaced) else { throw TrafficWeightError(reason: "no branch would have any weight") }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("TrafficSplit", children: branches.map { ($0.name, $0.pipeline.blueprint) })
        blueprint.require(!branches.isEmpty, "has no branches", mend: "give it two")
        blueprint.require(
            branches.isEmpty || branches.contains { $0.weight > 0 },
            "has no branch with any weight", mend: "give one a weight above zero")
        for (position, branch) in branches.enumerated() {
            let name = branch.name.jsonQuoted
            blueprint.require(!branch.name.isEmpty, "has a branch without a name", mend: "name it")
            blueprint.require(
                branch.weight.isFinite && branch.weight >= 0,
                "has the branch \(name) weigh \(branch.weight)", mend: "give zero or more")
            blueprint.require(positions[branch.name] == position, "has two branches \(name)", mend: "rename one")
        }
        configuration.stickiness.describe(in: &blueprint)
        for selector in configuration.selectors {
            for name in selector.branches where positions[name] == nil {
                blueprint.require(
                    false, "selects the branch \(name.jsonQuoted), which there is not",
                    mend: "name one of its branches")
            }
        }
        blueprint.preview = { [self] request in
            if let selected = selected(by: request) { return .takes(selected) }
            let present = weights.present
            let weighed = branches.indices.filter { present[$0] > 0 }
            return weighed.count == 1 ? .takes(weighed[0]) : .unknown
        }
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        let isEncrypted = request.scheme == "https"
        let draw = configuration.stickiness.draw(&request, context)
        let weights = weights.present(on: context.worker)
        guard
            let branch = selected(by: request)
                ?? HighestRandomWeight.winner(of: draw.number, among: seeds, weight: { weights[$0] })
        else {
            // Of a composition that was not checked: it has no branch with any weight.
            return Response(.serviceUnavailable, problem: nil)
        }
        counters[branch].increment()
        context[TrafficBranchKey.self] = branches[branch].name
        var response = try await branches[branch].pipeline.handle(request, context: context)
        if let cookie = draw.cookie {
            response.setCookie(cookie.line(Stickiness.text(of: draw.number), isEncrypted: isEncrypted))
        }
        return response
    }

    private func selected(by request: borrowing Request) -> Int? {
        for selector in configuration.selectors {
            if let name = selector.branch(for: request), let position = positions[name] { return position }
        }
        return nil
    }
}

/// Weights that a ``TrafficSplit`` cannot have.
public struct TrafficWeightError: Error, CustomStringConvertible {
    /// What is wrong with them.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}
