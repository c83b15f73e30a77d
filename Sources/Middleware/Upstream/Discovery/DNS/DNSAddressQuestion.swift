/// The addresses of one name in the families that are wanted.
struct DNSAddressQuestion: Sendable {
    let name: DNSName
    private let families: DNSEndpoints.Families
    /// What was told before.
    private let known: [DNSQuestion: [IPAddress]]
    /// What came with the answer that the name is from.
    private let added: [DNSRecord]

    init(
        _ name: DNSName,
        _ families: DNSEndpoints.Families,
        known: [DNSQuestion: [IPAddress]],
        added: [DNSRecord] = []
    ) {
        self.name = name
        self.families = families
        self.known = known
        self.added = added
    }

    /// Asks. A family that cannot be asked for keeps what is known of it. Never throws for the lack of answers alone:
    /// the list is empty then, and the failure says why.
    func ask(_ resolver: DNSResolver) async throws(DNSFailure) -> DNSAddresses {
        var addresses = DNSAddresses()
        var negative: DNSFailure?
        for type in families.types {
            let question = DNSQuestion(name, type)
            do throws(DNSFailure) {
                let (list, lifetime) = try await answer(question, resolver)
                addresses.add(list, to: question, lifetime: lifetime)
            } catch {
                guard error != .cancelled else { throw error }
                if error.isNegative {
                    negative = negative ?? error
                    continue
                }
                addresses.failure = error
                if let list = known[question] { addresses.add(list, to: question, lifetime: .max) }
            }
            // Another family takes the place of the preferred one where there is none of it, not where it is unknown.
            guard families.areAllWanted else { break }
        }
        if addresses.list.isEmpty { addresses.failure = addresses.failure ?? negative }
        return addresses
    }

    /// The same; where that finds nothing at all, everything that is known.
    func askOrRecall(_ resolver: DNSResolver) async throws(DNSFailure) -> DNSAddresses {
        var addresses = try await ask(resolver)
        guard addresses.list.isEmpty else { return addresses }
        for type in families.types {
            let question = DNSQuestion(name, type)
            if let list = known[question] { addresses.add(list, to: question, lifetime: .max) }
        }
        return addresses
    }

    private func answer(
        _ question: DNSQuestion, _ resolver: DNSResolver
    ) async throws(DNSFailure) -> ([IPAddress], lifetime: UInt32) {
        let records = added.filter { $0.type == question.type }
        let list = records.compactMap(\.address)
        if !list.isEmpty { return (list, records.reduce(.max) { min($0, $1.lifetime) }) }
        let answer = try await resolver.resolve(name, question.type)
        let told = answer.records.compactMap(\.address)
        guard !told.isEmpty else { throw .noRecords }
        return (told, answer.lifetime)
    }
}

/// What is known of the addresses of a name.
struct DNSAddresses: Sendable {
    private(set) var list = Set<IPAddress>()
    /// For how many seconds all of it holds.
    private(set) var lifetime = UInt32.max
    /// By the question that told it.
    private(set) var told: [DNSQuestion: [IPAddress]] = [:]
    /// Why a part of it is what was known before, or lacks.
    var failure: DNSFailure?

    mutating func add(_ list: [IPAddress], to question: DNSQuestion, lifetime: UInt32) {
        self.list.formUnion(list)
        self.lifetime = min(self.lifetime, lifetime)
        told[question] = list
    }
}

extension DNSEndpoints.Families {
    /// What is asked for, in this order.
    fileprivate var types: [DNSRecordType] {
        switch self {
        case .preferringIPv4, .all: [.a, .aaaa]
        case .preferringIPv6: [.aaaa, .a]
        case .ipv4: [.a]
        case .ipv6: [.aaaa]
        }
    }

    fileprivate var areAllWanted: Bool { self == .all }
}

extension DNSRecord {
    /// An address that can be connected to: the unspecified one (RFC 6890) leads to this very machine.
    fileprivate var address: IPAddress? {
        switch data {
        case .a(let address), .aaaa(let address):
            address.high == 0 && address.low & 0xFFFF_FFFF == 0 && (address.isIPv4 || address.low == 0) ? nil : address
        default: nil
        }
    }
}

extension DNSAnswer {
    /// The places of a service, the most wanted first, as many as a set can hold: not those without a port, nor the
    /// root, which says that there is no such service.
    var services: [DNSService] {
        let services = records.compactMap { record -> DNSService? in
            guard case .service(let service) = record.data else { return nil }
            return service.port > 0 && !service.target.isRoot ? service : nil
        }
        let sorted = services.sorted { left, right in
            guard left.priority == right.priority else { return left.priority < right.priority }
            guard left.port == right.port else { return left.port < right.port }
            return left.target.bytes.lexicographicallyPrecedes(right.target.bytes)
        }
        return Array(sorted.prefix(DNSEndpointSet.limit))
    }
}
