/// What is known of predicates before any request is there: how much they ask for, and which cannot hold together.
extension RoutePredicate.Term {
    /// How many simple predicates must hold at least. A route with more of them is asked first.
    package var weight: Int {
        switch self {
        case .always: 0
        case .present, .equal, .client: 1
        case .both(let left, let right): left.weight + right.weight
        case .either(let left, let right): min(left.weight, right.weight)
        case .not(let term): min(term.weight, 1)
        }
    }

    /// Whether it is known that no request satisfies both. What is not known counts as satisfiable.
    package func excludes(_ other: Self) -> Bool {
        if case .either(let left, let right) = self { return left.excludes(other) && right.excludes(other) }
        if case .either(let left, let right) = other { return excludes(left) && excludes(right) }
        let others = other.facts(isPositive: true)
        return facts(isPositive: true).contains { fact in others.contains { fact.contradicts($0) } }
    }

    /// What is wrong with it on its own.
    package var fault: RouteFault? {
        for network in networks {
            guard let problem = network.problem else { continue }
            return RouteFault(
                "asks for clients in \(network.text), which \(problem)", mend: "write a network such as 10.0.0.0/8"
            )
        }
        guard !excludes(self) else {
            return RouteFault("asks for \(description), which never holds", mend: "take one of the contradictions out")
        }
        return nil
    }

    package var description: String {
        switch self {
        case .always: "always"
        case .present(let subject): subject.description
        case .equal(let subject, let value): "\(subject.description) = \(value)"
        case .client(let networks): "client in \(networks.map(\.text).joined(separator: ", "))"
        case .both(let left, let right): "\(left.inParentheses) and \(right.inParentheses)"
        case .either(let left, let right): "\(left.inParentheses) or \(right.inParentheses)"
        case .not(let term): "not \(term.inParentheses)"
        }
    }

    private var inParentheses: String {
        switch self {
        case .both, .either: "(\(description))"
        default: description
        }
    }

    private var networks: [Network] {
        switch self {
        case .always, .present, .equal: []
        case .client(let networks): networks
        case .both(let left, let right), .either(let left, let right): left.networks + right.networks
        case .not(let term): term.networks
        }
    }

    /// What holds whenever this does, as far as it is simple.
    private func facts(isPositive: Bool) -> [Fact] {
        switch self {
        case .always: []
        case .present, .equal, .client: [Fact(term: self, isPositive: isPositive)]
        case .both(let left, let right):
            isPositive ? left.facts(isPositive: true) + right.facts(isPositive: true) : []
        case .either(let left, let right):
            isPositive ? [] : left.facts(isPositive: false) + right.facts(isPositive: false)
        case .not(let term): term.facts(isPositive: !isPositive)
        }
    }
}

extension RoutePredicate.Subject {
    fileprivate var description: String {
        switch self {
        case .header(let name): "header \(name)"
        case .query(let name): "query \(name)"
        case .cookie(let name): "cookie \(name)"
        }
    }
}

/// A simple predicate that holds, or does not.
private struct Fact {
    let term: RoutePredicate.Term
    let isPositive: Bool

    func contradicts(_ other: Fact) -> Bool {
        switch (term, other.term) {
        case (.equal(let subject, let value), .equal(let otherSubject, let otherValue)):
            guard subject == otherSubject else { return false }
            return isPositive && other.isPositive ? value != otherValue : differs(from: other) && value == otherValue
        case (.present(let subject), .present(let otherSubject)):
            return subject == otherSubject && differs(from: other)
        case (.equal(let subject, _), .present(let otherSubject)):
            return subject == otherSubject && isPositive && !other.isPositive
        case (.present, .equal):
            return other.contradicts(self)
        case (.client(let networks), .client(let others)):
            guard isPositive, other.isPositive else { return differs(from: other) && Set(networks) == Set(others) }
            return !networks.contains { network in others.contains { network.overlaps($0) } }
        default:
            return false
        }
    }

    private func differs(from other: Fact) -> Bool { isPositive != other.isPositive }
}

extension Network {
    /// Whether they share an address: of two prefixes that do, one holds the other's first.
    fileprivate func overlaps(_ other: Network) -> Bool {
        guard let mine = first, let theirs = other.first else { return false }
        return contains(theirs) || other.contains(mine)
    }

    private var first: IPAddress? { text.split(separator: "/").first.flatMap { IPAddress($0) } }
}
