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
    /// The routes of one host and of patterns that match the same paths.
    fileprivate struct Leaf {
        /// By method, those with more predicates first; as numbers of routes.
        var named: [(method: HTTPRequest.Method, routes: [Int])] = []
        /// Those for every method.
        var any: [Int] = []
    }

    /// A route as it is served.
    struct Entry: Sendable {
        let handler: any Handler
        let pattern: RoutePattern
        let predicate: RoutePredicate.Term
        let fallsThrough: Bool
    }

    let entries: [Entry]
    private let methods: [[HTTPRequest.Method]?]
    private let trie: RouteTrie
    private let leaves: [Leaf]
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
        var leaves: [Leaf] = []
        for (number, route) in routes.enumerated() where route.faults.isEmpty {
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
                while leaves.count <= leaf { leaves.append(Leaf()) }
                leaves[leaf].add(number, for: route.methods)
            }
        }
        let weights = routes.map(\.predicate.term.weight)
        for index in leaves.indices { leaves[index].sort(by: weights) }
        self.trie = trie
        self.exactHosts = exactHosts
        self.hostsBelow = hostsBelow
        self.anyHost = anyHost
        self.leaves = leaves
        self.answersHead = answersHead
        entries = routes.map {
            Entry(
                handler: $0.pipeline.first,
                pattern: $0.pattern,
                predicate: $0.predicate.term,
                fallsThrough: $0.fallsThrough
            )
        }
        methods = routes.map(\.methods)
        asksForClient = routes.contains { $0.predicate.term.asksForClient }
        ties = Self.ties(of: routes, in: leaves, weights)
    }

    /// The best route that takes the request and is not among `tried`.
    func best(
        _ question: RouteQuestion, _ headers: Headers, _ client: @autoclosure () -> SocketAddress?, tried: [Int] = []
    ) -> Int? {
        let client = asksForClient ? client() : nil
        return visitLeaves(question) { leaf in
            func first(_ routes: [Int]) -> Int? {
                for route in routes where !tried.contains(route) {
                    if holds(route, question, headers, client) { return route }
                }
                return nil
            }
            if let route = first(leaves[leaf].routes(of: question.method)) { return route }
            if answersHead, question.method.matches(.head), let route = first(leaves[leaf].routes(of: .get)) {
                return route
            }
            return first(leaves[leaf].any)
        }
    }

    /// The methods with which some route would take the request.
    func allowed(
        _ question: RouteQuestion, _ headers: Headers, _ client: @autoclosure () -> SocketAddress?
    ) -> Set<HTTPRequest.Method> {
        let client = asksForClient ? client() : nil
        var allowed: Set<HTTPRequest.Method> = []
        _ = visitLeaves(question) { leaf in
            for (method, routes) in leaves[leaf].named where !allowed.contains(method) {
                if routes.contains(where: { holds($0, question, headers, client) }) { allowed.insert(method) }
            }
            return nil
        }
        if answersHead, allowed.contains(.get) { allowed.insert(.head) }
        return allowed
    }

    private func holds(_ route: Int, _ question: RouteQuestion, _ headers: Headers, _ client: SocketAddress?) -> Bool {
        if case .always = entries[route].predicate { return true }
        return entries[route].predicate.holds(target: question.target, headers: headers, client: client)
    }

    /// Shows the leaves of host and path, the best first, until one gives a route.
    private func visitLeaves(_ question: RouteQuestion, _ visit: (Int) -> Int?) -> Int? {
        guard !question.target.isAsterisk else { return nil }
        return question.target.withPath { path in
            if let key = hostKey(question.authority) {
                if let root = Self.find(key, 0, in: exactHosts), let found = trie.search(path, from: root, visit) {
                    return found
                }
                if !hostsBelow.isEmpty {
                    for dot in key.indices where dot > 0 && key[dot] == UInt8(ascii: ".") {
                        guard let root = Self.find(key, dot, in: hostsBelow) else { continue }
                        if let found = trie.search(path, from: root, visit) { return found }
                    }
                }
            }
            return anyHost.flatMap { trie.search(path, from: $0, visit) }
        }
    }

    /// The host that is looked up; `nil` when no route asks for one.
    private func hostKey(_ authority: Authority) -> [UInt8]? {
        exactHosts.isEmpty && hostsBelow.isEmpty ? nil : HostKey(authority)?.bytes
    }

    private static func find(_ key: [UInt8], _ start: Int, in table: ByteTable) -> Int32? {
        guard key.count - start <= table.longest else { return nil }
        var hash = ByteTable.Hash(owner: 0)
        for index in start..<key.count { hash.add(key[index]) }
        return table.find(hash, 0, key.span.extracting(start..<key.count))
    }

    private static func ties(of routes: [Route], in leaves: [Leaf], _ weights: [Int]) -> [(Int, Int)] {
        var ties: Set<[Int]> = []
        for leaf in leaves {
            for group in leaf.named.map(\.routes) + [leaf.any] {
                for (index, left) in group.enumerated() {
                    // They are sorted by weight.
                    for right in group[(index + 1)...] where weights[left] == weights[right] {
                        if !routes[left].predicate.term.excludes(routes[right].predicate.term) {
                            ties.insert([min(left, right), max(left, right)])
                        }
                    }
                }
            }
        }
        return ties.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0[0], $0[1]) }
    }
}

extension RouteTable.Leaf {
    fileprivate mutating func add(_ route: Int, for methods: [HTTPRequest.Method]?) {
        guard let methods else {
            any.append(route)
            return
        }
        for method in Set(methods) {
            if let index = named.firstIndex(where: { $0.method == method }) {
                named[index].routes.append(route)
            } else {
                named.append((method, [route]))
            }
        }
    }

    fileprivate mutating func sort(by weights: [Int]) {
        for index in named.indices { named[index].routes.sort { weights[$0] > weights[$1] } }
        any.sort { weights[$0] > weights[$1] }
    }

    fileprivate func routes(of method: HTTPRequest.Method) -> [Int] {
        for each in named where each.method.matches(method) { return each.routes }
        return []
    }
}
