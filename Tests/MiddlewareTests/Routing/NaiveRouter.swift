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
struct NaiveRouter: Sendable {
    let routes: [PlainRoute]

    /// The place of the best route, and the methods with which some route would take the request.
    func answer(_ request: PlainRequest) -> (best: Int?, allowed: Set<HTTPRequest.Method>) {
        var best: (index: Int, rank: [Int])?
        var allowed: Set<HTTPRequest.Method> = []
        for (index, route) in routes.enumerated() {
            guard let path = pathRank(route.segments, request.segments), let host = hostRank(route.host, request.host)
            else { continue }
            if let tenant = route.tenant, request.tenant != tenant { continue }
            if let query = route.query, request.query != query { continue }
            allowed.formUnion(route.methods ?? [])
            guard let method = methodRank(route.methods, request.method) else { continue }
            // The end is marked, so that a path which ends exactly goes before `**` with nothing.
            let rank = [host] + path + [method, route.weight]
            if best.map({ $0.rank.lexicographicallyPrecedes(rank) }) ?? true { best = (index, rank) }
        }
        if allowed.contains(.get) { allowed.insert(.head) }
        return (best?.index, allowed)
    }

    private func hostRank(_ pattern: String?, _ host: String) -> Int? {
        guard let pattern else { return 0 }
        if pattern.hasPrefix("*") { return host.hasSuffix(pattern.dropFirst()) ? pattern.count : nil }
        return host == pattern ? 1000 : nil
    }

    private func pathRank(_ pattern: [String], _ path: [String]) -> [Int]? {
        var rank: [Int] = []
        for index in 0...path.count {
            let segment = index < path.count ? path[index] : nil
            guard index < pattern.count else {
                guard segment == nil else { return nil }
                return rank + [3]
            }
            if pattern[index] == "**" { return rank + [0] }
            guard let segment else { return nil }
            if pattern[index] == segment {
                rank.append(2)
            } else if pattern[index].hasPrefix("{"), !segment.isEmpty {
                rank.append(1)
            } else {
                return nil
            }
        }
        return nil
    }

    private func methodRank(_ methods: [HTTPRequest.Method]?, _ method: HTTPRequest.Method) -> Int? {
        guard let methods else { return 0 }
        if methods.contains(method) { return 2 }
        return method == .head && methods.contains(.get) ? 1 : nil
    }
}
