/// The types of record that are asked for or looked at.
package struct DNSRecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// No type at all.
    package static let none = DNSRecordType(rawValue: 0)
    /// An IPv4 address (RFC 1035 section 3.4.1).
    package static let a = DNSRecordType(rawValue: 1)
    /// Another name for the same (RFC 1035 section 3.3.1).
    package static let cname = DNSRecordType(rawValue: 5)
    /// An IPv6 address (RFC 3596 section 2.1).
    package static let aaaa = DNSRecordType(rawValue: 28)
    /// Where a service is found (RFC 2782).
    package static let srv = DNSRecordType(rawValue: 33)
    /// What the other end understands (RFC 6891 section 6.1).
    package static let opt = DNSRecordType(rawValue: 41)
}

extension DNSRecordType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .a: "A"
        case .cname: "CNAME"
        case .aaaa: "AAAA"
        case .srv: "SRV"
        case .opt: "OPT"
        default: "TYPE\(rawValue)"  // RFC 3597 section 5
        }
    }
}

/// What is asked: records of a type at a name, of the Internet's class.
package struct DNSQuestion: Hashable, Sendable, CustomStringConvertible {
    package let name: DNSName
    package let type: DNSRecordType

    package init(_ name: DNSName, _ type: DNSRecordType) {
        self.name = name
        self.type = type
    }

    package var description: String { "\(name) \(type)" }
}

/// A place of a service (RFC 2782).
package struct DNSService: Hashable, Sendable {
    package var priority: UInt16
    package var weight: UInt16
    package var port: UInt16
    package var target: DNSName

    package init(priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16, target: DNSName) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// One record of a message.
package struct DNSRecord: Equatable, Sendable {
    /// What it says.
    package enum Data: Equatable, Sendable {
        case a(IPAddress)
        case aaaa(IPAddress)
        case alias(DNSName)
        case service(DNSService)
        /// Of a type or a class that nobody here asks for.
        case other(DNSRecordType)
    }

    package let name: DNSName
    /// For how many seconds it holds.
    package let lifetime: UInt32
    package let data: Data

    package init(_ name: DNSName, lifetime: UInt32, _ data: Data) {
        self.name = name
        self.lifetime = lifetime
        self.data = data
    }

    package var type: DNSRecordType {
        switch data {
        case .a: .a
        case .aaaa: .aaaa
        case .alias: .cname
        case .service: .srv
        case .other(let type): type
        }
    }
}
