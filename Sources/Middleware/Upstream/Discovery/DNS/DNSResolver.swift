import NIOCore

/// Asks name servers, one question at a time.
package struct DNSResolver: Sendable {
    /// How many names that stand for another are followed.
    package static var aliasLimit: Int { 8 }

    package let settings: NameServers.Settings
    package let transport: any DNSTransport
    package let runtime: Runtime

    package init(_ settings: NameServers.Settings, transport: any DNSTransport, runtime: Runtime) {
        self.settings = settings
        self.transport = transport
        self.runtime = runtime
    }

    /// The records of a type at a name, aliases followed (RFC 1034 section 3.6.2); never none.
    package func resolve(_ name: DNSName, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        var name = name
        var lifetime = UInt32.max
        var aliasCount = 0
        while true {
            let message = try await ask(DNSQuestion(name, type))
            // RFC 6604 section 3: the code speaks of the last name of the chain.
            guard message.code == .success else { throw .noSuchName }
            let asked = name
            while true {
                let found = message.answers.filter { $0.name == name && $0.type == type }
                if !found.isEmpty {
                    lifetime = found.reduce(lifetime) { min($0, $1.lifetime) }
                    return DNSAnswer(records: found, lifetime: lifetime, additionals: message.additionals)
                }
                guard let (alias, target) = message.alias(of: name) else { break }
                aliasCount += 1
                guard aliasCount <= Self.aliasLimit else { throw .tooManyAliases }
                lifetime = min(lifetime, alias.lifetime)
                name = target
            }
            // A server that resolves recursively gives the whole chain; one that does not is asked for the rest.
            guard name != asked else { throw .noRecords }
        }
    }

    /// The answer of the first server that gives one: the code is success or that there is no such name.
    private func ask(_ question: DNSQuestion) async throws(DNSFailure) -> DNSMessage {
        var failure = DNSFailure.timedOut
        for _ in 0..<settings.attempts {
            for server in settings.servers {
                do throws(DNSFailure) {
                    let message = try await ask(question, server)
                    if message.code == .success || message.code == .noSuchName {
                        DiscoveryMetric.queries[.answered].increment()
                        return message
                    }
                    failure = .refused(message.code)
                } catch {
                    failure = error
                }
                guard !Task.isCancelled else { throw .cancelled }
                DiscoveryMetric.queries[failure == .timedOut ? .timedOut : .failed].increment()
            }
        }
        throw failure
    }

    private func ask(_ question: DNSQuestion, _ server: SocketAddress) async throws(DNSFailure) -> DNSMessage {
        var usesEDNS = true
        var message: DNSMessage
        do throws(DNSFailure) {
            message = try await exchange(question, server, over: .udp)
            // RFC 6891 section 6.2.2: who does not understand EDNS is asked without it.
            if message.code == .formatError || message.code == .notImplemented, !message.hasEDNS {
                usesEDNS = false
                message = try await exchange(question, server, over: .udp, usesEDNS: false)
            }
        } catch .mistrusted {
            message = try await exchange(question, server, over: .tcp)
        }
        guard message.isTruncated else { return message }
        // RFC 7766 section 5.
        message = try await exchange(question, server, over: .tcp, usesEDNS: usesEDNS)
        guard !message.isTruncated else { throw .truncated }
        return message
    }

    private func exchange(
        _ question: DNSQuestion, _ server: SocketAddress, over carrier: DNSCarrier, usesEDNS: Bool = true
    ) async throws(DNSFailure) -> DNSMessage {
        // RFC 5452 section 9.2: the whole range, unpredictable, a new one each time.
        let id = UInt16(truncatingIfNeeded: runtime.randomness.next())
        let query = DNSQuery(question, id: id, usesEDNS: usesEDNS)
        let (transport, runtime) = (transport, runtime)
        return try await runtime.limit(to: settings.timeout, orThrow: DNSFailure.timedOut) { () throws(DNSFailure) in
            try await transport.exchange(query, with: server, over: carrier, on: runtime)
        }
    }
}

/// What a question came to.
package struct DNSAnswer: Equatable, Sendable {
    /// Of the type that was asked for, at least one.
    package let records: [DNSRecord]
    /// For how many seconds the shortest-lived of them and of the aliases to them holds.
    package let lifetime: UInt32
    /// What the server thought to be useful with them.
    package let additionals: [DNSRecord]
}

extension DNSMessage {
    fileprivate func alias(of name: DNSName) -> (record: DNSRecord, target: DNSName)? {
        for record in answers where record.name == name {
            if case .alias(let target) = record.data { return (record, target) }
        }
        return nil
    }
}
