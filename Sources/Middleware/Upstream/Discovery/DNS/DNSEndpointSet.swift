/// A set of endpoints in the making: each address and port once, in an order that answers do not shuffle.
struct DNSEndpointSet {
    /// The most endpoints of a set.
    static let limit = 1_000

    private struct Place: Hashable {
        let address: IPAddress
        let port: Int
    }

    private var shares: [Place: (priority: Int, weight: Int)] = [:]

    var isEmpty: Bool { shares.isEmpty }

    /// Adds a place. One that is there already keeps the better of the two priorities; with the same, it takes both
    /// shares.
    mutating func add(_ address: IPAddress, port: Int, priority: Int, weight: Int) {
        let place = Place(address: address, port: port)
        guard let share = shares[place], share.priority <= priority else {
            shares[place] = (priority, weight)
            return
        }
        if share.priority == priority { shares[place] = (priority, share.weight + weight) }
    }

    /// By priority, address and port; and how many are beyond the limit.
    func endpoints(_ attributes: Endpoint.Attributes) -> (endpoints: [Endpoint], omitted: Int) {
        let sorted = shares.sorted { left, right in
            let (one, other) = (left.key, right.key)
            return (left.value.priority, one.address.high, one.address.low, one.port)
                < (right.value.priority, other.address.high, other.address.low, other.port)
        }
        let endpoints = sorted.prefix(Self.limit).map { place, share in
            var attributes = attributes
            attributes.priority = share.priority
            let host = place.address.isIPv4 ? "\(place.address)" : "[\(place.address)]"
            return Endpoint("\(host):\(place.port)", weight: share.weight, attributes)
        }
        return (endpoints, sorted.count - endpoints.count)
    }
}
