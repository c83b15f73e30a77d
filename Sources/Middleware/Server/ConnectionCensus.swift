import NIOCore
import Synchronization

/// How many connections a server has open, in all and for each client address.
final class ConnectionCensus: Sendable {
    /// What came of a connection that wants in.
    enum Verdict {
        case admitted
        case serverFull
        case addressFull
    }

    private struct Counts {
        var all = 0
        var refused = 0
        var byAddress: [IPAddress: Int] = [:]
    }

    /// Refused connections that may wait for their answer to be read; further ones are reset.
    private static let refusalLimit = 1024

    private let counts = Mutex(Counts())
    private let limit: Int
    private let limitPerAddress: Int

    init(limit: Int, limitPerAddress: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    /// The number of open connections.
    var count: Int { counts.withLock { $0.all } }

    /// Counts a connection in, unless a limit is reached. Unix-domain peers have no address and share none.
    func admit(_ address: SocketAddress?) -> Verdict {
        let key = limitPerAddress < .max ? address?.censusKey : nil
        return counts.withLock { counts in
            guard counts.all < limit else { return .serverFull }
            if let key {
                let open = counts.byAddress[key, default: 0]
                guard open < limitPerAddress else { return .addressFull }
                counts.byAddress[key] = open + 1
            }
            counts.all += 1
            return .admitted
        }
    }

    /// Counts in a connection that is told that it is refused; `false` when too many are being told already.
    func admitRefusal() -> Bool {
        counts.withLock { counts in
            guard counts.refused < Self.refusalLimit else { return false }
            counts.refused += 1
            return true
        }
    }

    /// Counts it out.
    func leaveRefusal() { counts.withLock { $0.refused -= 1 } }

    /// Counts a connection out.
    func leave(_ address: SocketAddress?) {
        let key = limitPerAddress < .max ? address?.censusKey : nil
        counts.withLock { counts in
            counts.all -= 1
            guard let key, let open = counts.byAddress[key] else { return }
            counts.byAddress[key] = open > 1 ? open - 1 : nil
        }
    }
}

extension SocketAddress {
    /// Whose connections count together: those of one IPv4 address, or of one IPv6 network of 64 bits, which is what a
    /// single host is given (RFC 6177).
    var censusKey: IPAddress? {
        guard let address = IPAddress(self) else { return nil }
        return address.isIPv4 ? address : IPAddress(high: address.high, low: 0)
    }
}
