import HTTPTypes
import Middleware

/// A route as plain data, for a matcher that asks every one of them.
struct PlainRoute: Sendable {
    var methods: [HTTPRequest.Method]?
    var host: String?
    var segments: [String]
    var tenant: String?
    var query: String?

    var pattern: String { "/" + segments.joined(separator: "/") }

    /// How many predicates it has.
    var weight: Int { (tenant == nil ? 0 : 1) + (query == nil ? 0 : 1) }

    /// What two routes must not share: with it, none would go first.
    var identity: [String] {
        let shape = segments.map { $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
        return (methods.map { $0.map(\.rawValue) } ?? ["any"]).map { "\($0) \(host ?? "*") \(shape) \(weight)" }
    }

    var route: Route {
        var predicate = RoutePredicate.always
        if let tenant { predicate = predicate && .header(.tenant, tenant) }
        if let query { predicate = predicate && .query(query) }
        let hosts = host.map { [HostPattern($0)] } ?? []
        guard let methods else {
            return Route(RoutePattern(pattern), hosts: hosts, where: predicate) { Named(pattern) }
        }
        return Route(methods, RoutePattern(pattern), hosts: hosts, where: predicate) { Named(pattern) }
    }
}

/// A request as plain data, in its normal form.
struct PlainRequest: Sendable {
    var method: HTTPRequest.Method
    var host: String
    var segments: [String]
    var tenant: String?
    var query: String?

    var request: Request {
        var request = Request(method, "/" + segments.joined(separator: "/") + (query.map { "?\($0)=1" } ?? ""))
        request.authority = host
        if let tenant { request.headers[.tenant] = tenant }
        return request
    }
}

/// Follows the words of the documentation, one route after the other.
///
/// What one segment of a pattern says of one segment of a path is worked out once for each pair that comes up, and kept:
/// the requests of a test are made of few words.
final class NaiveRouter {
    let routes: [PlainRoute]
    /// For each host, and for each segment at its place, what each route says of it.
    private var hosts: [String: Verdicts] = [:]
    private var segments: [Place: Verdicts] = [:]

    private struct Place: Hashable {
        let index: Int
        /// `nil` is the end of the path.
        let segment: String?
    }

    private struct Verdicts {
        let ranks: [Int]
        /// A bit for each route that does not refuse.
        var takers: [UInt64]

        init(_ ranks: [Int]) {
            self.ranks = ranks
            takers = Array(repeating: 0, count: (ranks.count + 63) / 64)
            for (index, rank) in ranks.enumerated() where rank != refuses {
                takers[index / 64] |= 1 << UInt64(index % 64)
            }
        }
    }

    private static let refuses = -1
    /// The pattern has ended before, and said yes.
    private static let isOver = -2

    init(routes: [PlainRoute]) { self.routes = routes }

    /// The place of the best route, and the methods with which some route would take the request.
    func answer(_ request: PlainRequest) -> (best: Int?, allowed: Set<HTTPRequest.Method>) {
        let host = verdicts(onHost: request.host)
        var steps: [Verdicts] = []
        var takers = host.takers
        for index in 0...request.segments.count {
            let segment = index < request.segments.count ? request.segments[index] : nil
            let step = verdicts(on: Place(index: index, segment: segment))
            steps.append(step)
            for word in 0..<takers.count { takers[word] &= step.takers[word] }
        }
        var best: (index: Int, rank: [Int])?
        var allowed: Set<HTTPRequest.Method> = []
        for index in Self.places(in: takers) {
            let route = routes[index]
            if let tenant = route.tenant, request.tenant != tenant { continue }
            if let query = route.query, request.query != query { continue }
            allowed.formUnion(route.methods ?? [])
            guard let method = methodRank(route.methods, request.method) else { continue }
            let path = steps.map { $0.ranks[index] }.filter { $0 != Self.isOver }
            let rank = [host.ranks[index]] + path + [method, route.weight]
            if best.map({ $0.rank.lexicographicallyPrecedes(rank) }) ?? true { best = (index, rank) }
        }
        if allowed.contains(.get) { allowed.insert(.head) }
        return (best?.index, allowed)
    }

    private static func places(in bits: [UInt64]) -> [Int] {
        var places: [Int] = []
        for (index, word) in bits.enumerated() {
            var word = word
            while word != 0 {
                places.append(index * 64 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
        return places
    }

    private func verdicts(onHost host: String) -> Verdicts {
        if let known = hosts[host] { return known }
        let verdicts = Verdicts(routes.map { hostRank($0.host, host) })
        hosts[host] = verdicts
        return verdicts
    }

    private func verdicts(on place: Place) -> Verdicts {
        if let known = segments[place] { return known }
        let verdicts = Verdicts(routes.map { pathRank($0.segments, place) })
        segments[place] = verdicts
        return verdicts
    }

    private func hostRank(_ pattern: String?, _ host: String) -> Int {
        guard let pattern else { return 0 }
        if pattern.hasPrefix("*") { return host.hasSuffix(pattern.dropFirst()) ? pattern.count : Self.refuses }
        return host == pattern ? 1000 : Self.refuses
    }

    private func pathRank(_ pattern: [String], _ place: Place) -> Int {
        guard place.index < pattern.count else {
            if pattern.last == "**" { return Self.isOver }
            // The end is marked, so that a path which ends exactly goes before `**` with nothing.
            return place.segment == nil && place.index == pattern.count ? 3 : Self.refuses
        }
        if pattern[place.index] == "**" { return 0 }
        guard let segment = place.segment else { return Self.refuses }
        if pattern[place.index] == segment { return 2 }
        return pattern[place.index].hasPrefix("{") && !segment.isEmpty ? 1 : Self.refuses
    }

    private func methodRank(_ methods: [HTTPRequest.Method]?, _ method: HTTPRequest.Method) -> Int? {
        guard let methods else { return 0 }
        if methods.contains(method) { return 2 }
        return method == .head && methods.contains(.get) ? 1 : nil
    }
}
