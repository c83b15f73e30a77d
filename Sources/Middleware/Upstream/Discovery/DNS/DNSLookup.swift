/// One name and what was last told of it: puts the answers to several questions together into one set.
struct DNSLookup {
    /// What a look found.
    struct Finding: Equatable {
        var endpoints: [Endpoint]
        /// The endpoints beyond the limit.
        var omitted: Int
        /// For how many seconds it holds.
        var lifetime: UInt32
        /// Why a part of it is what was known before, or lacks.
        var failure: DNSFailure?
    }

    /// How many targets of a service are asked for at the same time.
    private static let concurrency = 8

    private let target: DNSEndpoints.Target
    private let families: DNSEndpoints.Families
    private let attributes: Endpoint.Attributes
    /// The last good answers, of those names alone that the last finding is made of.
    private var known: [DNSQuestion: [IPAddress]] = [:]

    init(_ target: DNSEndpoints.Target, families: DNSEndpoints.Families, attributes: Endpoint.Attributes) {
        self.target = target
        self.families = families
        self.attributes = attributes
    }

    /// Asks for the name, completed if it has few dots. A completion that does not exist leads to the next; one that
    /// could not be asked for does not, because the next is perhaps somebody else.
    mutating func look(_ resolver: DNSResolver) async throws(DNSFailure) -> Finding {
        var negative = DNSFailure.noSuchName
        for name in resolver.settings.candidates(for: target.name) {
            do throws(DNSFailure) {
                switch target {
                case .host(_, let port): return try await host(name, port: port, resolver)
                case .service: return try await service(name, resolver)
                }
            } catch {
                guard error.isNegative else { throw error }
                if error == .noRecords { negative = error }
            }
        }
        throw negative
    }

    private mutating func host(
        _ name: DNSName, port: Int, _ resolver: DNSResolver
    ) async throws(DNSFailure) -> Finding {
        let question = DNSAddressQuestion(name, families, known: known)
        let addresses = try await question.ask(resolver)
        guard !addresses.list.isEmpty else { throw addresses.failure ?? .noRecords }
        known = addresses.told
        var set = DNSEndpointSet()
        for address in addresses.list {
            set.add(address, port: port, priority: attributes.priority, weight: 1)
        }
        return finding(set, lifetime: addresses.lifetime, failure: addresses.failure)
    }

    private mutating func service(_ name: DNSName, _ resolver: DNSResolver) async throws(DNSFailure) -> Finding {
        let answer = try await resolver.resolve(name, .srv)
        let services = answer.services
        let found = await addresses(of: Set(services.map(\.target)), answer.additionals, resolver)
        var set = DNSEndpointSet()
        var (lifetime, failure) = (answer.lifetime, DNSFailure?.none)
        var told: [DNSQuestion: [IPAddress]] = [:]
        for service in services {
            guard let addresses = found[service.target] else { continue }
            lifetime = min(lifetime, addresses.lifetime)
            failure = failure ?? addresses.failure
            told.merge(addresses.told) { $1 }
            for address in addresses.list {
                set.add(
                    address, port: Int(service.port), priority: Int(service.priority),
                    weight: max(1, Int(service.weight)))
            }
        }
        guard !set.isEmpty else { throw failure ?? .noRecords }
        known = told
        return finding(set, lifetime: lifetime, failure: failure)
    }

    /// The addresses of targets; those of before where there is no answer.
    private func addresses(
        of targets: Set<DNSName>, _ additionals: [DNSRecord], _ resolver: DNSResolver
    ) async -> [DNSName: DNSAddresses] {
        let added = Dictionary(grouping: additionals.filter { targets.contains($0.name) }, by: \.name)
        let questions = targets.map { target in
            DNSAddressQuestion(target, families, known: known, added: added[target] ?? [])
        }
        return await withTaskGroup(of: (DNSName, DNSAddresses?).self) { group in
            var found: [DNSName: DNSAddresses] = [:]
            for (index, question) in questions.enumerated() {
                if index >= Self.concurrency, let (name, addresses) = await group.next() { found[name] = addresses }
                group.addTask { (question.name, try? await question.askOrRecall(resolver)) }
            }
            for await (name, addresses) in group { found[name] = addresses }
            return found
        }
    }

    private func finding(_ set: DNSEndpointSet, lifetime: UInt32, failure: DNSFailure?) -> Finding {
        let (endpoints, omitted) = set.endpoints(attributes)
        return Finding(endpoints: endpoints, omitted: omitted, lifetime: lifetime, failure: failure)
    }
}
