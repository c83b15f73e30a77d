import Logging

/// The looks at one name, one after the other: what each tells, and when the next one comes.
package struct DNSWatch {
    /// What a look came to.
    package struct Turn: Sendable {
        /// The set, if it differs from the one before.
        package let endpoints: [Endpoint]?
        /// How long to wait for the next.
        package let wait: Duration
    }

    private let configuration: DNSEndpoints.Configuration
    private let transport: any DNSTransport
    private let runtime: Runtime
    private let logger: Logger
    private var lookup: DNSLookup
    private var schedule: DNSSchedule
    private var last: [Endpoint]?

    package init(
        _ target: DNSEndpoints.Target,
        _ configuration: DNSEndpoints.Configuration,
        transport: any DNSTransport,
        runtime: Runtime
    ) {
        self.configuration = configuration
        self.transport = transport
        self.runtime = runtime
        var logger = runtime.logger
        logger[metadataKey: "name"] = "\(target.name)"
        self.logger = logger
        lookup = DNSLookup(target, families: configuration.families, attributes: configuration.attributes)
        schedule = DNSSchedule(configuration)
    }

    /// Looks once.
    package mutating func turn() async -> Turn {
        do throws(DNSFailure) {
            let settings = try await settings()
            let found = try await lookup.look(DNSResolver(settings, transport: transport, runtime: runtime))
            if found.omitted > 0 {
                logger.warning("a name has too many endpoints", metadata: ["left_out": "\(found.omitted)"])
            }
            let wait =
                if let failure = found.failure { missed(failure) } else { answered(for: found.lifetime) }
            guard found.endpoints != last else { return Turn(endpoints: nil, wait: wait) }
            last = found.endpoints
            DiscoveryMetric.updates[.dns].increment()
            return Turn(endpoints: found.endpoints, wait: wait)
        } catch {
            return Turn(endpoints: nil, wait: missed(error))
        }
    }

    private func settings() async throws(DNSFailure) -> NameServers.Settings {
        do {
            return try await configuration.nameServers.settings()
        } catch {
            throw .cancelled
        }
    }

    private mutating func answered(for lifetime: UInt32) -> Duration {
        if schedule.failureCount > 0 { logger.info("a name resolves again") }
        return schedule.afterAnswer(holdingFor: lifetime)
    }

    /// The first of a row is a warning; the others are the same news.
    private mutating func missed(_ failure: DNSFailure) -> Duration {
        guard !Task.isCancelled else { return .zero }
        DiscoveryMetric.failures[.dns].increment()
        logger.log(
            level: schedule.failureCount == 0 ? .warning : .debug,
            "a name was not resolved, its endpoints stay as they were",
            metadata: ["reason": "\(failure)"]
        )
        return schedule.afterFailure(runtime.randomness)
    }
}
