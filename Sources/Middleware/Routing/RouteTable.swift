import HTTPTypes
import NIOCore

/// The routes of a router, arranged so that finding one costs the same however many there are.
///
/// A host leads to a root of the tree of patterns, a path from there to leaves, and a leaf holds the routes that differ
/// in method and predicates alone. Of these, those of one method are asked in turn.
///
/// The best route is the first that takes the request in this order, whatever the order they were written in: the exact
/// host, hosts below a name, the longest name first, any host; then the path, segment by segment: a literal, a
/// parameter, `**`; then the method: by name, GET for HEAD, any; then the number of predicates, more before fewer.
///
/// Immutable, and shared by all threads.
final class RouteTable: Sendable {
    /// A route for one method, or for all.
    private struct Candidate {
        /// The place among `methods`; -1 for all.
        var method: Int
        var route: Int
        var isUnconditional: Bool
    }

    let entries: [RouteEntry]
    /// The methods that routes name.
    private let methods: [HTTPRequest.Method]
    private let trie: RouteTrie
    /// The routes of one host and of patterns that match the same paths, as a range of `candidates`.
    private let leaves: [Range<Int>]
    /// Those of a leaf by method, and of a method those with more predicates first.
    private let candidates: [Candidate]
    /// Hosts by name, and by what they end with, with the number of their root.
    private let exactHosts: ByteTable
    private let hostsBelow: ByteTable
    private let anyHost: Int32?
    private let answersHead: Bool
    /// Whether any predicate looks at the client's address.
    let asksForClient: Bool
    /// Pairs of routes that want the same requests and none of which goes first.
    let ties: [(Int, Int)]

    init(_ routes: [Route], answersHead: Bool) {
        var trie = RouteTrie()
        var exactHosts = ByteTable()
        var hostsBelow = ByteTable()
        var anyHost: Int32?
        var methods: [HTTPRequest.Method] = []
        var leaves: [[Candidate]] = []
        for (number, route) in routes.enumerated() where route.faults.isEmpty {
            let named = route.methods.map { named in
                Set(named).map { method in
                    if let known = methods.firstIndex(of: method) { return known }
                    methods.append(method)
                    return methods.count - 1
                }
            }
            var isUnconditional = false
            if case .always = route.predicate.term { isUnconditional = true }
            for host in route.hosts.isEmpty ? [.any] : Set(route.hosts.map(\.kind)) {
                let root: Int32
                switch host {
                case .any:
                    root = anyHost ?? trie.addRoot()
                    anyHost = root
                case .exact(let bytes):
                    root = exactHosts.insert(bytes, of: 0) { trie.addRoot() }
                case .below(let bytes):
                    root = hostsBelow.insert(bytes, of: 0) { trie.addRoot() }
                }
                let leaf = trie.leaf(of: route.pattern.segments, from: root)
                while leaves.count <= leaf { leaves.append([]) }
                for method in named ?? [-1] {
                    leaves[leaf].append(
                        Candidate(method: method, route: number, isUnconditional: isUnconditional))
                }
            }
        }
        let weights = routes.map(\.predicate.term.weight)
        for index in leaves.indices {
            leaves[index].sort { ($0.method, -weights[$0.route]) < ($1.method, -weights[$1.route]) }
        }
        var ranges: [Range<Int>] = []
        var candidates: [Candidate] = []
        for leaf in leaves {
            ranges.append(candidates.count..<candidates.count + leaf.count)
            candidates += leaf
        }
        self.trie = trie
        self.exactHosts = exactHosts
        self.hostsBelow = hostsBelow
        self.anyHost = anyHost
        self.methods = methods
        self.leaves = ranges
        self.candidates = candidates
        self.answersHead = answersHead
        entries = routes.enumerated().map { RouteEntry($0.element, number: $0.offset) }
        asksForClient = routes.contains { $0.predicate.term.asksForClient }
        ties = Self.ties(of: routes, in: leaves, weights)
    }

    /// The best route that takes the request and is not among `tried`.
    ///
    /// - Parameters:
    ///   - question: where method, host and target are read.
    ///   - request: where fields are.
    ///   - client: whose request it is, if anybody asks.
    func best(
        _ question: Request.Head,
        _ request: Request.Head,
        _ client: @autoclosure () -> SocketAddress?,
        tried: [Int] = []
    ) -> RouteEntry? {
        let wanted = WantedRoute(
            question: question,
            request: request,
            client: asksForClient ? client() : nil,
            tried: tried,
            method: methods.isEmpty ? -2 : place(of: question.method),
            substitute: answersHead && !methods.isEmpty && question.method.matches(.head) ? place(of: .get) : -2,
            takesAnyMethod: true
        )
        return search(wanted)
    }

    /// The methods with which some route would take the request.
    func allowed(
        _ question: Request.Head, _ request: Request.Head, _ client: @autoclosure () -> SocketAddress?
    ) -> Set<HTTPRequest.Method> {
        let client = asksForClient ? client() : nil
        var allowed: Set<HTTPRequest.Method> = []
        for (place, method) in methods.enumerated() {
            let wanted = WantedRoute(
                question: question,
                request: request,
                client: client,
                tried: [],
                method: place,
                substitute: -2,
                takesAnyMethod: false
            )
            if search(wanted) != nil { allowed.insert(method) }
        }
        if answersHead, allowed.contains(.get) { allowed.insert(.head) }
        return allowed
    }

    /// The best route of a leaf.
    @inline(__always)
    func route(in leaf: Int, _ wanted: borrowing WantedRoute) -> RouteEntry? {
        if wanted.method >= 0, let route = first(wanted.method, in: leaf, wanted) { return route }
        if wanted.substitute >= 0, let route = first(wanted.substitute, in: leaf, wanted) { return route }
        return wanted.takesAnyMethod ? first(-1, in: leaf, wanted) : nil
    }

    /// The first route of a leaf that is for that method, by its place, and takes the request.
    private func first(_ method: Int, in leaf: Int, _ wanted: borrowing WantedRoute) -> RouteEntry? {
        for index in leaves[leaf] {
            let candidate = candidates[index]
            guard candidate.method == method, wanted.tried.isEmpty || !wanted.tried.contains(candidate.route) else {
                continue
            }
            if candidate.isUnconditional || holds(candidate.route, wanted) { return entries[candidate.route] }
        }
        return nil
    }

    /// The method's place among `methods`; -2 when no route names it.
    private func place(of method: HTTPRequest.Method) -> Int {
        for index in methods.indices where methods[index].matches(method) { return index }
        return -2
    }

    private func holds(_ route: Int, _ wanted: borrowing WantedRoute) -> Bool {
        entries[route].predicate.holds(
            target: wanted.question.target, headers: wanted.request.headers, client: wanted.client)
    }

    private func search(_ wanted: borrowing WantedRoute) -> RouteEntry? {
        wanted.question.target.withPath { path in
            // `*` is not a path: RFC 9110 section 7.1.
            guard path[0] == UInt8(ascii: "/") else { return nil }
            return search(path.extracting(1..<path.count), wanted)
        }
    }

    @inline(__always)
    private func search(_ path: Span<UInt8>, _ wanted: borrowing WantedRoute) -> RouteEntry? {
        if !exactHosts.isEmpty || !hostsBelow.isEmpty, let found = search(path, atHost: wanted) { return found }
        guard let anyHost else { return nil }
        return trie.search(path, at: 0, from: anyHost, wanted, in: self)
    }

    private func search(_ path: Span<UInt8>, atHost wanted: borrowing WantedRoute) -> RouteEntry? {
        HostKey.withBytes(of: wanted.question.authority) { key in
            if let root = exactHosts.find(key, of: 0),
                let found = trie.search(path, at: 0, from: root, wanted, in: self)
            {
                return found
            }
            guard !hostsBelow.isEmpty else { return nil }
            for dot in key.indices where dot > 0 && key[dot] == UInt8(ascii: ".") {
                guard let root = hostsBelow.find(key.extracting(dot..<key.count), of: 0) else { continue }
                if let found = trie.search(path, at: 0, from: root, wanted, in: self) { return found }
            }
            return nil
        }
    }

    private static func ties(of routes: [Route], in leaves: [[Candidate]], _ weights: [Int]) -> [(Int, Int)] {
        var ties: Set<[Int]> = []
        for leaf in leaves {
            for (index, left) in leaf.enumerated() {
                // They are sorted by method and weight: those that may tie follow.
                for right in leaf[(index + 1)...] {
                    guard right.method == left.method, weights[right.route] == weights[left.route] else { break }
                    let (left, right) = (left.route, right.route)
                    guard !routes[left].predicate.term.excludes(routes[right].predicate.term) else { continue }
                    ties.insert([min(left, right), max(left, right)])
                }
            }
        }
        return ties.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0[0], $0[1]) }
    }
}
