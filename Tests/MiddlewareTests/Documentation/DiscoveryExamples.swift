import Middleware
import Testing

/// The code of `Documentation/Discovery.md`, checked as a composition besides.
@Suite("The examples of discovery")
struct DiscoveryExamples {
    private func constant() -> any EndpointSource {
        // snippet: discovery-static
        let fixed = StaticEndpoints(["10.0.0.1:8080", Endpoint("10.0.0.2:8080", weight: 3)])
        // end
        return fixed
    }

    private func names() -> [any EndpointSource] {
        // snippet: discovery-dns
        let users = DNSEndpoints("users.internal", port: 8080)
        let orders = DNSEndpoints(service: "_http._tcp.orders.internal")
        // end
        return [users, orders]
    }

    private func customisedName() -> any EndpointSource {
        // snippet: discovery-dns-customised
        var lookup = DNSEndpoints.Configuration()
        lookup.nameServers = NameServers(["10.0.0.53", "10.0.1.53"], timeout: .seconds(1), search: ["internal"])
        lookup.families = .all
        lookup.minimumLifetime = .seconds(10)
        lookup.maximumLifetime = .seconds(60)
        lookup.attributes.zone = "a"
        let users = DNSEndpoints("users", port: 8080, lookup)
        // end
        return users
    }

    private func file() -> any EndpointSource {
        // snippet: discovery-file
        let users = FileEndpoints("/etc/edge/users.endpoints")
        // end
        return users
    }

    private func customisedFile() -> any EndpointSource {
        // snippet: discovery-file-customised
        var watch = FileEndpoints.Configuration()
        watch.interval = .seconds(1)
        watch.maximumBytes = 64 << 10
        let users = FileEndpoints("/etc/edge/users.endpoints", watch)
        // end
        return users
    }

    // snippet: discovery-own
    /// Asks an inventory every ten seconds.
    struct Inventory: EndpointSource {
        let ask: @Sendable () async throws -> [String]

        func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
            AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
                let task = Task {
                    do {
                        while !Task.isCancelled {
                            continuation.yield(try await ask().map { try Endpoint(parsing: $0) })
                            try await Task.sleep(for: .seconds(10))
                        }
                        continuation.finish()
                    } catch {
                        continuation.finish(throwing: error)  // the cluster keeps its set and asks again later
                    }
                }
                continuation.onTermination = { _ in task.cancel() }
            }
        }
    }
    // end

    private func cluster() -> Cluster {
        // snippet: discovery-cluster
        let users = Cluster("users", from: DNSEndpoints("users.internal", port: 8080))
        let gateway = LoadBalancer(users)
        // end
        _ = gateway
        return users
    }

    @Test("the examples are sound")
    func sound() {
        let sources = names() + [constant(), customisedName(), file(), customisedFile(), Inventory { [] }]
        for source in sources {
            var blueprint = Blueprint("source")
            source.check(&blueprint)
            #expect(blueprint.validate() == [])
        }
        #expect(cluster().name == "users")
    }

    @Test("a source of one's own tells its sets until it throws")
    func inventory() async throws {
        struct Gone: Error {}
        var sets = Inventory { ["10.0.0.1:80"] }.endpoints(Runtime()).makeAsyncIterator()
        #expect(try await sets.next() == ["10.0.0.1:80"])
        await #expect(throws: Gone.self) {
            for try await _ in Inventory(ask: { throw Gone() }).endpoints(Runtime()) {}
        }
    }
}
