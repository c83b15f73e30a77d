import Middleware
import NIOCore
import Synchronization

/// Name servers without sockets: what they answer to each question is a table, which a test changes as it goes.
final class ScriptedDNS: DNSTransport {
    /// What a server does with a query.
    enum Reply: Sendable {
        case answer([DNSRecord], also: [DNSRecord] = [])
        case code(DNSMessage.Code, hasEDNS: Bool = true)
        case truncated
        case failure(DNSFailure)
        /// Nothing, until nobody waits any more.
        case silence
    }

    /// One query as it came.
    struct Asked: Sendable {
        let query: DNSQuery
        let server: SocketAddress
        let carrier: DNSCarrier

        /// The last octet of the server's address, the question, and how it came if not by datagram with EDNS.
        var text: String {
            let host = (server.ipAddress ?? "").split(separator: ".").last ?? ""
            return "\(host) \(query.question)" + (carrier == .tcp ? " tcp" : "") + (query.usesEDNS ? "" : " plain")
        }
    }

    private struct State: Sendable {
        var script: @Sendable (Asked) -> Reply
        var asked: [Asked] = []
    }

    private let state: Mutex<State>

    /// Answers as the script says.
    init(_ script: @escaping @Sendable (Asked) -> Reply) { state = Mutex(State(script: script)) }

    /// Answers by question, such as `origin.test A`; there is no other name.
    convenience init(_ zone: [String: Reply]) {
        self.init { zone[$0.query.question.description] ?? .code(.noSuchName) }
    }

    /// Replaces the table.
    func set(_ zone: [String: Reply]) {
        state.withLock { $0.script = { zone[$0.query.question.description] ?? .code(.noSuchName) } }
    }

    /// What was asked so far.
    var asked: [Asked] { state.withLock { $0.asked } }

    var texts: [String] { asked.map(\.text) }

    func exchange(
        _ query: DNSQuery, with server: SocketAddress, over carrier: DNSCarrier, on runtime: Runtime
    ) async throws(DNSFailure) -> DNSMessage {
        let asked = Asked(query: query, server: server, carrier: carrier)
        let reply = state.withLock { state in
            state.asked.append(asked)
            return state.script(asked)
        }
        var message = DNSMessage(id: query.id, question: query.question)
        switch reply {
        case .answer(let records, let also): (message.answers, message.additionals) = (records, also)
        case .code(let code, let hasEDNS): (message.code, message.hasEDNS) = (code, hasEDNS)
        case .truncated: message.isTruncated = true
        case .failure(let failure): throw failure
        case .silence:
            let (silence, continuation) = AsyncStream<Never>.makeStream()
            for await _ in silence {}
            continuation.finish()
            throw .cancelled
        }
        return message
    }
}

extension DNSRecord {
    /// A record as a zone writes it: `origin.test 60 A 10.0.0.1`, `_http._tcp.test 60 SRV 1 2 80 origin.test`.
    init(_ text: String) throws {
        struct Unreadable: Error { let text: String }
        let words = text.split(separator: " ").map(String.init)
        guard words.count > 3, let name = DNSName(words[0]), let lifetime = UInt32(words[1]) else {
            throw Unreadable(text: text)
        }
        let data: Data?
        switch words[2] {
        case "A": data = IPAddress(words[3]).map { .a($0) }
        case "AAAA": data = IPAddress(words[3]).map { .aaaa($0) }
        case "CNAME": data = DNSName(words[3]).map { .alias($0) }
        case "SRV":
            let numbers = words[3...].compactMap { UInt16($0) }
            let target = words.last == "." ? DNSName.root : DNSName(words.last ?? "")
            data = target.flatMap { target in
                guard numbers.count == 3 else { return nil }
                return .service(
                    DNSService(priority: numbers[0], weight: numbers[1], port: numbers[2], target: target))
            }
        default: data = nil
        }
        guard let data else { throw Unreadable(text: text) }
        self.init(name, lifetime: lifetime, data)
    }
}

extension ScriptedDNS.Reply {
    /// An answer with records as a zone writes them.
    static func zone(_ records: String..., also: [String] = []) -> Self {
        .answer(records.compactMap { try? DNSRecord($0) }, also: also.compactMap { try? DNSRecord($0) })
    }
}
