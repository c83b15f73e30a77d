import ArgumentParser
import Middleware

/// What may stand behind `--access-log`.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    case common
    case combined
    case json
    case off

    /// `nil` to log nothing.
    var format: AccessLog.Format? {
        switch self {
        case .common: .common
        case .combined: .combined
        case .json: .json
        case .off: nil
        }
    }
}

extension Listener {
    /// Where connections are taken unless `--listen` is given.
    static let standard = Listener.http(host: "127.0.0.1", port: 8080)

    /// `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
    init(argument: String) throws {
        if argument.hasPrefix("unix:") {
            let path = String(argument.dropFirst("unix:".count))
            guard (1...103).contains(path.utf8.count) else {
                throw ValidationError("the path of a Unix socket has 1 to 103 bytes, give unix:PATH")
            }
            self = .unix(path)
            return
        }
        guard let colon = argument.lastIndex(of: ":") else {
            throw ValidationError("the port is missing, give HOST:PORT such as 127.0.0.1:8080")
        }
        var host = argument[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.contains(":") else {
                throw ValidationError("brackets hold an IPv6 address, give [IPV6]:PORT such as [::1]:8080")
            }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw ValidationError("an IPv6 address stands in brackets, give [IPV6]:PORT such as [::1]:8080")
        }
        guard !host.isEmpty else {
            throw ValidationError("the host is missing, give 0.0.0.0:PORT for every IPv4 address of this machine")
        }
        guard let port = UInt16(digits: argument[argument.index(after: colon)...]) else {
            throw ValidationError("the port is not a number from 0 to 65535, give HOST:PORT such as 127.0.0.1:8080")
        }
        self = .http(host: String(host), port: Int(port))
    }
}

extension Endpoint {
    /// What ``Endpoint`` understands, with what is wrong otherwise.
    init(argument: String) throws {
        self.init(argument)
        guard let problem else { return }
        throw ValidationError("it \(problem), give HOST:PORT, [IPV6]:PORT, http://HOST:PORT or unix:PATH")
    }
}

extension Endpoint {
    /// An endpoint and how it stands to the others.
    init(upstream argument: String) throws {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var weight = 1
        var attributes = Attributes()
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            switch (pair.first, pair.count) {
            case ("weight", 2): weight = try Int(digits: pair[1])
            case ("priority", 2): attributes.priority = try Int(digits: pair[1])
            case ("zone", 2): attributes.zone = pair[1]
            case ("backup", 1): attributes.isBackup = true
            default:
                throw ValidationError("give ',weight=N', ',priority=N', ',zone=NAME' or ',backup' behind HOST:PORT")
            }
        }
        _ = try Endpoint(argument: parts[0])
        self.init(parts[0], weight: weight, attributes)
        if let problem { throw ValidationError("it \(problem)") }
    }
}

extension Int {
    fileprivate init(digits argument: String) throws {
        guard let number = Int(argument) else { throw ValidationError("'\(argument)' is no number") }
        self = number
    }

    /// A number of event loops.
    init(threads argument: String) throws {
        guard let number = UInt16(digits: argument[...]), (1...1024).contains(number) else {
            throw ValidationError("give a number from 1 to 1024")
        }
        self = Int(number)
    }

    /// A number of layers.
    init(layers argument: String) throws {
        guard let number = UInt16(digits: argument[...]), number <= 1000 else {
            throw ValidationError("give a number from 0 to 1000")
        }
        self = Int(number)
    }
}

extension UInt16 {
    /// Digits alone: no sign and no space.
    fileprivate init?(digits: Substring) {
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        self.init(digits)
    }
}
