package import NIOCore
import NIOPosix

/// The name servers that are asked, and how patiently: those of the system, or others.
///
/// ```swift
/// NameServers.system
/// NameServers(["10.0.0.53", "[2001:db8::53]:5353"], timeout: .seconds(1), attempts: 3)
/// ```
///
/// They are asked in that order, each next one when the one before does not answer in time or cannot; after the last
/// comes the first again, as often as there are attempts. A name that does not exist is an answer. They are trusted to
/// resolve recursively, and to check signatures (DNSSEC) if anyone does.
public struct NameServers: Hashable, Sendable {
    enum Origin: Hashable, Sendable {
        case file(String)
        case given([String])
    }

    let origin: Origin
    /// How long one of them may take for one answer; what the file says, else 5 seconds, unless given.
    public var timeout: Duration?
    /// How often each of them is asked; what the file says, else twice, unless given.
    public var attempts: Int?
    /// What a name with few dots is completed with, in this order; what the file says unless given. A name that ends
    /// with a dot is never completed.
    public var search: [String]?
    /// From how many dots on a name is first asked for as it is; what the file says, else 1, unless given.
    public var dots: Int?

    private init(
        _ origin: Origin, timeout: Duration? = nil, attempts: Int? = nil, search: [String]? = nil, dots: Int? = nil
    ) {
        self.origin = origin
        self.timeout = timeout
        self.attempts = attempts
        self.search = search
        self.dots = dots
    }

    /// These, each `address` or `address:port`, an IPv6 address with a port in brackets; port 53 unless given.
    public init(
        _ addresses: [String],
        timeout: Duration? = nil,
        attempts: Int? = nil,
        search: [String]? = nil,
        dots: Int? = nil
    ) {
        self.init(.given(addresses), timeout: timeout, attempts: attempts, search: search, dots: dots)
    }

    /// Those of `/etc/resolv.conf`.
    public static var system: NameServers { file("/etc/resolv.conf") }

    /// Those of a file in the format of `resolv.conf`, which is read anew for each look-up. Without it, or without a
    /// server in it, the machine itself is asked.
    ///
    /// Of its lines `nameserver` (the first three), `search`, `domain` and `options` with `timeout`, `attempts` and
    /// `ndots` count; servers with a zone (`fe80::1%eth0`) and all other options are passed over.
    public static func file(_ path: String) -> NameServers { NameServers(.file(path)) }

    /// Notes what is wrong with it.
    func check(_ blueprint: inout Blueprint) {
        switch origin {
        case .file(let path):
            blueprint.require(path.hasPrefix("/"), "reads name servers of \(path)", mend: "give an absolute path")
        case .given(let addresses):
            blueprint.require(!addresses.isEmpty, "has no name server", mend: "give one, or take those of the system")
            for text in addresses {
                blueprint.require(
                    Self.address(text) != nil, "has the name server \(text)", mend: "give address or address:port")
            }
        }
        if let timeout {
            blueprint.require(timeout > .zero, "waits \(timeout) for a name server", mend: "give more than zero")
        }
        if let attempts {
            blueprint.require(
                (1...10).contains(attempts), "asks each name server \(attempts) times", mend: "give 1 to 10")
        }
        if let dots { blueprint.require((0...127).contains(dots), "wants \(dots) dots", mend: "give 0 to 127") }
        for suffix in search ?? [] {
            blueprint.require(
                DNSName(suffix) != nil, "completes names with \(suffix)", mend: "give a domain name in ASCII")
        }
    }

    /// What holds now. Reads the file on a thread of the pool.
    package func settings() async throws(CancellationError) -> Settings {
        var settings = Settings()
        switch origin {
        case .given(let addresses):
            settings.servers = addresses.compactMap(Self.address)
        case .file(let path):
            do {
                settings = try await NIOThreadPool.singleton.runIfActive { Settings(resolvConf: Self.text(of: path)) }
            } catch {
                throw CancellationError()
            }
        }
        if let timeout { settings.timeout = timeout }
        if let attempts { settings.attempts = attempts }
        if let search { settings.search = search.compactMap { DNSName($0) } }
        if let dots { settings.dots = dots }
        return settings
    }

    fileprivate static func address(_ text: String) -> SocketAddress? {
        if let address = IPAddress(text) { return address.socketAddress(port: 53) }
        guard let endpoint = try? Endpoint(parsing: text), case .host(let host, let port) = endpoint.address else {
            return nil
        }
        return IPAddress(host)?.socketAddress(port: UInt16(port))
    }

    private static func text(of path: String) -> String {
        guard let bytes = try? SmallFile.read(path, limit: 1 << 16).bytes else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension NameServers {
    /// What a look-up goes by.
    package struct Settings: Equatable, Sendable {
        package var servers: [SocketAddress] = []
        package var timeout: Duration = .seconds(5)
        package var attempts = 2
        package var search: [DNSName] = []
        package var dots = 1

        package init() {}

        /// From the text of a `resolv.conf`, with the bounds that resolv.conf(5) names.
        package init(resolvConf text: String) {
            for line in text.split(whereSeparator: \.isNewline) {
                let words = line.split { $0 == " " || $0 == "\t" }
                guard let keyword = words.first, !keyword.hasPrefix("#"), !keyword.hasPrefix(";") else { continue }
                switch keyword {
                case "nameserver":
                    guard servers.count < 3, words.count > 1, let address = IPAddress(words[1]) else { continue }
                    if let server = address.socketAddress(port: 53) { servers.append(server) }
                case "search":
                    search = words.dropFirst().prefix(16).compactMap { DNSName($0) }.filter { !$0.isRoot }
                case "domain":
                    search = words.dropFirst().prefix(1).compactMap { DNSName($0) }.filter { !$0.isRoot }
                case "options":
                    for option in words.dropFirst() { apply(option) }
                default: break
                }
            }
            if servers.isEmpty, let own = IPAddress("127.0.0.1")?.socketAddress(port: 53) { servers = [own] }
        }

        private mutating func apply(_ option: Substring) {
            guard let colon = option.firstIndex(of: ":") else { return }
            let value = String(option[option.index(after: colon)...])
            guard let number = FieldGrammar.decimal(value.utf8.span) else { return }
            switch option[..<colon] {
            case "timeout": timeout = .seconds(max(1, min(30, number)))
            case "attempts": attempts = max(1, min(5, number))
            case "ndots": dots = min(15, number)
            default: break
            }
        }

        /// The names that a name may stand for, in the order in which they are asked for (resolv.conf(5), "search").
        package func candidates(for text: String) -> [DNSName] {
            guard let name = DNSName(text) else { return [] }
            guard !text.hasSuffix(".") else { return [name] }
            let completed = search.compactMap { name.appending($0) }
            let isFirst = text.utf8.count { $0 == UInt8(ascii: ".") } >= dots
            return isFirst ? [name] + completed : completed + [name]
        }
    }
}
