import HTTPTypes
import NIOCore
import Synchronization

/// Lets requests in, or refuses them with 403, by the address of the client.
///
/// Of all networks that hold an address the longest decides, so that exceptions need no order:
/// ```
/// deny 192.0.2.0/24, allow 192.0.2.7        192.0.2.7 is let in, the rest of the network is not
/// ```
/// A network that is on both lists is denied. An address that no network holds is let in, unless there is a list of
/// those who are allowed: then it is refused. So `allow` alone is a list of guests and `deny` alone a list of those who
/// are banned. A client without an address, on a Unix-domain socket, is in no network either and treated like that.
///
/// The client is who ``ClientAddress`` has found, else the other end of the connection. IPv4-mapped addresses are IPv4;
/// `0.0.0.0/0` is every IPv4 address and `::/0` every IPv6 address.
///
/// A look-up costs the same with a hundred networks and with a hundred thousand, and allocates nothing. Lists can be
/// replaced while requests are answered: each request sees either the old lists or the new ones.
///
/// It is no authentication. Whoever shares an address with somebody is let in with them.
///
/// ## Placement
/// Outside of all work, inside of ``ClientAddress``. Follows `client address`.
///
/// ## Example
/// ```swift
/// IPFilter(deny: ["192.0.2.0/24"])
/// ```
/// Customised, and replaced while the gateway runs:
/// ```swift
/// var configuration = IPFilter.Configuration()
/// configuration.admitsUnknown = true                      // a local agent comes over a Unix-domain socket
/// let office = IPFilter(allow: ["198.51.100.0/24", "2001:db8::/32"], deny: ["198.51.100.13"], configuration)
///
/// try office.replace(allow: lines.map { try Network(parsing: $0) })
/// ```
public struct IPFilter: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// Whether an address that no network holds is let in. `nil`, the default, lets it in if the filter was made
        /// without `allow`; that stays so when the lists are replaced, so that an empty list of guests opens nothing.
        public var admitsOthers: Bool?
        /// Whether a client without an address, on a Unix-domain socket, is let in. `nil`, the default, is like an
        /// address that no network holds.
        public var admitsUnknown: Bool?

        public init() {}
    }

    private let lists: AddressLists
    private let admitsOthers: Bool
    private let admitsUnknown: Bool
    private let problems: [String]

    /// With those lists; bad values are reported by the ``blueprint``. Copies share their lists.
    public init(allow: [Network] = [], deny: [Network] = [], _ configuration: Configuration = Configuration()) {
        lists = AddressLists(AddressTree(allow: allow, deny: deny))
        admitsOthers = configuration.admitsOthers ?? allow.isEmpty
        admitsUnknown = configuration.admitsUnknown ?? admitsOthers
        problems =
            allow.compactMap { Self.problem("allows", $0) } + deny.compactMap { Self.problem("denies", $0) }
    }

    /// Replaces both lists, for this filter and its copies, at once. Safe from any thread. Building takes time in
    /// proportion to the lists: on a thread of one's own for large ones.
    ///
    /// Throws ``NetworkError`` for the first network that has a problem, and keeps the lists that it had. The memory of
    /// the lists that it was made with is not given back: make one that is often replaced with few.
    public func replace(allow: [Network] = [], deny: [Network] = []) throws(NetworkError) {
        for network in allow + deny {
            if let problem = network.problem { throw NetworkError(reason: "\(network) \(problem)") }
        }
        lists.replace(AddressTree(allow: allow, deny: deny))
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("IPFilter", placement: Placement(follows: ["client address"]))
        blueprint.preview = { _ in .unknown }
        for problem in problems {
            blueprint.require(false, problem, mend: "write an address or a range such as 10.0.0.0/8")
        }
        return blueprint
    }

    @inline(__always)
    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        if admits(context.clientAddress.flatMap { IPAddress($0) }, on: context.worker) { return nil }
        return refusal
    }

    private var refusal: Response {
        @inline(never) get {
            LimitMetric.refused[.address].increment()
            return Response(.forbidden, problem: "not from this address")
        }
    }

    /// Decides by the address alone; `nil` is a Unix-domain socket.
    @inline(__always)
    package func admits(_ address: IPAddress?, on worker: Worker) -> Bool {
        guard let address else { return admitsUnknown }
        return switch lists.verdict(on: address, worker) {
        case .allowed: true
        case .denied: false
        case nil: admitsOthers
        }
    }

    private static func problem(_ verb: String, _ network: Network) -> String? {
        network.problem.map { "\(verb) \(network), which \($0)" }
    }
}

/// The lists of one filter. Until they are replaced for the first time, everybody reads those that it was made with.
/// From then on each loop reads a copy of its own, so that requests wait for no lock and write nothing that loops share;
/// that the lists were replaced shows in a number.
private final class AddressLists: Sendable {
    private final class Snapshot {
        var version = 0
        var tree: AddressTree

        init(_ tree: AddressTree) { self.tree = tree }
    }

    private let initial: AddressTree
    private let version = Atomic<Int>(0)
    private let latest: Mutex<AddressTree>
    private let snapshots = LoopLocal<Snapshot>()

    init(_ tree: AddressTree) {
        initial = tree
        latest = Mutex(tree)
    }

    func replace(_ tree: AddressTree) {
        latest.withLock { latest in
            latest = tree
            version.add(1, ordering: .releasing)
        }
    }

    @inline(__always)
    func verdict(on address: IPAddress, _ worker: Worker) -> AddressTree.Verdict? {
        let version = version.load(ordering: .acquiring)
        guard version > 0 else { return initial.verdict(on: address) }
        return verdict(on: address, worker, asOf: version)
    }

    private func verdict(on address: IPAddress, _ worker: Worker, asOf version: Int) -> AddressTree.Verdict? {
        // Called from elsewhere than its loop, which is rare.
        guard worker.isCurrent else { return latest.withLock { $0 }.verdict(on: address) }
        let snapshot = snapshots.value(on: worker) { Snapshot(initial) }
        if snapshot.version != version {
            latest.withLock { latest in
                snapshot.tree = latest
                snapshot.version = self.version.load(ordering: .relaxed)
            }
        }
        return snapshot.tree.verdict(on: address)
    }
}
