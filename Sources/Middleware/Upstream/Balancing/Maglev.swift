/// Each key to the endpoint that has its place in a table: Eisenbud and others, "Maglev: a fast and reliable software
/// network load balancer", 2016, section 3.4.
///
/// ```swift
/// Cluster("app", endpoints: origins, balancing: .maglev(by: .cookie("session")))
/// Cluster("app", endpoints: origins, balancing: .maglev(by: .host, tableSize: 655_373, bound: LoadBound()))
/// ```
///
/// For many keys that are to be spread evenly: endpoints of equal weight differ by one place of the table at the most.
/// When one leaves, a few keys of others move too, about 1 in 50 among ten endpoints; where none may, take
/// ``RingHash`` or ``Rendezvous``.
///
/// Gateways agree as long as they know the same endpoints by the same text, in any order.
///
/// A choice is one look into the table, O(1) whatever the number of candidates; with a bound, it goes on to the next
/// place while an endpoint is full. The table has 4 bytes for each place and is made in O(M log M) for M places,
/// whatever the number of endpoints. An endpoint has one place at least: for more endpoints than places, the table is
/// made larger. A choice that follows a refused one comes with another hash, and so from another place.
public struct Maglev: BalancingPolicy {
    /// The smallest and the largest table.
    private static let sizes = 2...5_000_011

    public let key: BalancingKey?
    /// The places of the table.
    public let tableSize: Int
    /// How much more than its share an endpoint may carry; `nil` for any amount.
    public let bound: LoadBound?

    /// A table.
    ///
    /// - Parameters:
    ///   - key: what is hashed.
    ///   - tableSize: the places of the table, a prime number up to 5,000,011 and best a hundred times the number of
    ///     endpoints; 65,537 unless given.
    ///   - bound: how much more than its share an endpoint may carry; any amount unless given.
    public init(by key: BalancingKey, tableSize: Int = 65_537, bound: LoadBound? = nil) {
        self.key = key
        self.tableSize = tableSize
        self.bound = bound
    }

    public func check(_ blueprint: inout Blueprint) {
        key?.check(&blueprint)
        bound?.check(&blueprint)
        let next = Self.prime(from: tableSize)
        blueprint.require(
            next == tableSize, "has a table of \(tableSize) places",
            mend: "give a prime number from 2 to 5000011, such as \(next)")
    }

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        let needed = candidates.count > Self.prime(from: tableSize) ? 2 * candidates.count : tableSize
        return MaglevTable(candidates, size: Self.prime(from: needed), bound)
    }

    /// The first prime number from `number` on, within the limits.
    package static func prime(from number: Int) -> Int {
        var candidate = min(max(number, sizes.lowerBound), sizes.upperBound)
        while !isPrime(candidate) { candidate += 1 }
        return candidate
    }

    private static func isPrime(_ number: Int) -> Bool {
        guard number > 3 else { return number > 1 }
        var divisor = 2
        while divisor * divisor <= number {
            if number % divisor == 0 { return false }
            divisor += divisor == 2 ? 1 : 2
        }
        return true
    }
}

extension BalancingPolicy where Self == Maglev {
    /// Each key to the endpoint that has its place in a table; see ``Maglev/init(by:tableSize:bound:)``.
    public static func maglev(by key: BalancingKey, tableSize: Int = 65_537, bound: LoadBound? = nil) -> Maglev {
        Maglev(by: key, tableSize: tableSize, bound: bound)
    }
}
