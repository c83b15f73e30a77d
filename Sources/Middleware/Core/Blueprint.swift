public import HTTPTypes
public import ServiceLifecycle

/// Where a part may stand: the facts that it establishes for those inside it, and those that it needs from outside.
public struct Placement: Sendable {
    /// Something that a part establishes about a request, by name: `"client address"`, `"consumer"`.
    public struct Fact: Hashable, Sendable, ExpressibleByStringLiteral {
        /// What problems call it.
        public let name: String

        /// A fact of that name; equal names are equal facts.
        public init(_ name: String) { self.name = name }
        public init(stringLiteral name: String) { self.name = name }
    }

    /// What those inside can rely on.
    public var provides: Set<Fact>
    /// Must be provided outside: a plan limiter requires the consumer.
    public var requires: Set<Fact>
    /// Must stand inside whoever provides it, if anyone does: an address limiter follows the trusted-proxy resolver.
    public var follows: Set<Fact>

    /// A placement; nothing is provided or needed unless given.
    public init(provides: Set<Fact> = [], requires: Set<Fact> = [], follows: Set<Fact> = []) {
        self.provides = provides
        self.requires = requires
        self.follows = follows
    }
}

/// A bad value or a wrong order, found while a gateway is composed.
public struct CompositionProblem: Error, Hashable, CustomStringConvertible {
    /// The part, with its way from the root.
    public var place: String
    /// What is wrong, with the value.
    public var problem: String
    /// What would mend it.
    public var mend: String

    /// A problem. Parts note theirs with ``Blueprint/require(_:_:mend:)``.
    public init(place: String, problem: String, mend: String) {
        self.place = place
        self.problem = problem
        self.mend = mend
    }

    public var description: String { "\(place) \(problem): \(mend)" }
}

/// Every problem of a composition at once. Thrown by `Server.run`, `Server.replace` and `TestClient`.
public struct CompositionError: Error, CustomStringConvertible {
    /// The problems, from the root inwards.
    public var problems: [CompositionProblem]

    public init(_ problems: [CompositionProblem]) { self.problems = problems }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// What a gateway is made of: every part describes itself and what is inside it.
///
/// From the blueprint of the root come the printed chain, one check of the whole tree, and the background services that
/// a server runs. A part reports its bad values here instead of trapping.
///
/// ```swift
/// var blueprint: Blueprint {
///     var blueprint = Blueprint("PlanLimiter", placement: Placement(requires: ["consumer"]))
///     blueprint.require(limit > 0, "has a limit of \(limit)", mend: "give a limit above zero")
///     return blueprint
/// }
/// ```
public struct Blueprint: Sendable {
    /// What a part would do with a request of which only the head is known.
    public enum Preview: Sendable {
        /// It hands the request on.
        case passes
        /// It answers by itself.
        case answers(HTTPResponse.Status)
        /// It hands the request to the child with this index.
        case takes(Int)
        /// It depends on more than the head.
        case unknown
    }

    /// The name that problems and the printed chain show.
    public var name: String
    /// Where the part may stand.
    public var placement: Placement
    /// What is inside, by label; the label `next` is the rest of the chain.
    public var children: [(label: String, part: Blueprint)]
    /// Bad values of this part. Their place is filled in by ``validate()``.
    public var problems: [CompositionProblem] = []
    /// What runs in the background while a server uses this part (probes, refreshes). A reference that appears more
    /// than once runs once.
    public var services: [any Service] = []
    /// What the part would do with a head; `nil` is shown as opaque.
    public var preview: (@Sendable (Request) -> Preview)?

    /// A part without problems, services or preview.
    public init(
        _ name: String,
        placement: Placement = Placement(),
        children: [(label: String, part: Blueprint)] = []
    ) {
        self.name = name
        self.placement = placement
        self.children = children
    }

    /// Notes a problem unless `condition` holds.
    public mutating func require(
        _ condition: Bool, _ problem: @autoclosure () -> String, mend: @autoclosure () -> String
    ) {
        guard !condition else { return }
        problems.append(CompositionProblem(place: name, problem: problem(), mend: mend()))
    }

    /// Every bad value and every wrong order of the tree, from the root. Empty when the composition is sound.
    public func validate() -> [CompositionProblem] {
        check(path: "", provided: [], anywhere: everythingProvided)
    }

    /// The background services of the tree, each reference once.
    package var allServices: [any Service] {
        var seen = Set<ObjectIdentifier>()
        var found: [any Service] = []
        collectServices(&found, &seen)
        return found
    }

    private func collectServices(_ found: inout [any Service], _ seen: inout Set<ObjectIdentifier>) {
        for service in services {
            // A structure has no identity: each appearance is one of its own.
            if type(of: service) is AnyClass, !seen.insert(ObjectIdentifier(service as AnyObject)).inserted { continue }
            found.append(service)
        }
        for child in children { child.part.collectServices(&found, &seen) }
    }

    private var everythingProvided: Set<Placement.Fact> {
        children.reduce(placement.provides) { $0.union($1.part.everythingProvided) }
    }

    private func check(
        path: String,
        provided: Set<Placement.Fact>,
        anywhere: Set<Placement.Fact>
    ) -> [CompositionProblem] {
        let place = path.isEmpty ? name : "\(path) › \(name)"
        var found = problems.map { CompositionProblem(place: place, problem: $0.problem, mend: $0.mend) }
        for fact in placement.requires.subtracting(provided).sorted(by: { $0.name < $1.name }) {
            found.append(
                CompositionProblem(
                    place: place,
                    problem: "needs \(fact.name), which nothing outside it provides",
                    mend: "put what provides it outside"
                )
            )
        }
        let misplaced = placement.follows.subtracting(provided).intersection(anywhere)
        for fact in misplaced.sorted(by: { $0.name < $1.name }) {
            found.append(
                CompositionProblem(
                    place: place,
                    problem: "stands outside what provides \(fact.name)",
                    mend: "move it inside"
                )
            )
        }
        let inside = provided.union(placement.provides)
        return children.reduce(into: found) { found, child in
            // The chain is one line: its parts share the path of the first.
            let inner = child.label == "next" ? path : "\(place) [\(child.label)]"
            found += child.part.check(path: inner, provided: inside, anywhere: anywhere)
        }
    }
}

extension Blueprint: CustomStringConvertible {
    /// The tree, one part a line: a chain goes down, branches are indented.
    public var description: String {
        var lines: [String] = []
        write(into: &lines, indent: "")
        return lines.joined(separator: "\n")
    }

    private func write(into lines: inout [String], indent: String) {
        lines.append(indent + name)
        for child in children where child.label != "next" {
            lines.append(indent + "├ " + child.label)
            child.part.write(into: &lines, indent: indent + "│   ")
        }
        for child in children where child.label == "next" { child.part.write(into: &lines, indent: indent) }
    }
}
