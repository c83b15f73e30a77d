import HTTPTypes
import Synchronization

/// The route in whose braces parts are being made: what a router and the routes inside it learn about where they stand.
final class RouteScope: Sendable {
    /// The pattern of the route, from the root.
    let pattern: RoutePattern
    private let methods: [HTTPRequest.Method]?
    private let hosts: [HostPattern]
    /// Whether a miss inside goes on with the next route outside.
    let fallsThrough: Bool
    private let outer: RouteScope?
    private let holdsRouter = Atomic<Bool>(false)

    /// Bound while a route's closure runs, which is when a gateway is composed and never when it serves.
    @TaskLocal static var current: RouteScope?

    init(
        pattern: RoutePattern,
        methods: [HTTPRequest.Method]?,
        hosts: [HostPattern],
        fallsThrough: Bool,
        in outer: RouteScope?
    ) {
        self.pattern = pattern
        self.methods = methods
        self.hosts = hosts
        self.fallsThrough = fallsThrough
        self.outer = outer
    }

    /// Whether a router was made in the braces.
    var hasRouter: Bool { holdsRouter.load(ordering: .relaxed) }

    func noteRouter() { holdsRouter.store(true, ordering: .relaxed) }

    /// Why a route inside never gets a request, as far as methods and hosts tell; `nil` when it may.
    func fault(ofRoute pattern: RoutePattern, _ methods: [HTTPRequest.Method]?, _ hosts: [HostPattern]) -> RouteFault? {
        // What has a problem of its own is told of by its own router.
        if let inner = methods, !inner.isEmpty, let mine = self.methods, !mine.isEmpty, !Self.meet(inner, mine) {
            return RouteFault(
                "has a route \(pattern) for \(Self.list(inner)) inside of one for \(Self.list(mine)) alone",
                mend: "add the method to the route outside, or leave methods out there"
            )
        }
        let isUsable = (hosts + self.hosts).allSatisfy { $0.fault == nil }
        if isUsable, !hosts.isEmpty, !self.hosts.isEmpty,
            !hosts.contains(where: { host in self.hosts.contains { $0.overlaps(host) } })
        {
            return RouteFault(
                "has a route \(pattern) for \(hosts.map(\.text).joined(separator: "|")) inside of one for "
                    + "\(self.hosts.map(\.text).joined(separator: "|")) alone",
                mend: "add the host to the route outside, or leave hosts out there"
            )
        }
        return outer?.fault(ofRoute: pattern, methods, hosts)
    }

    /// Whether some request is one for both, as HEAD can be for a route for GET.
    private static func meet(_ left: [HTTPRequest.Method], _ right: [HTTPRequest.Method]) -> Bool {
        func taken(_ methods: [HTTPRequest.Method]) -> Set<HTTPRequest.Method> {
            Set(methods).union(methods.contains(.get) ? [.head] : [])
        }
        return !taken(left).isDisjoint(with: taken(right))
    }

    private static func list(_ methods: [HTTPRequest.Method]) -> String {
        methods.map(\.rawValue).joined(separator: "|")
    }
}
