#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The sockets of this process, as the kernel lists them. Empty where there is no `/proc`.
enum OpenSockets {
    private struct Connection {
        let local: Substring
        let remote: Substring
        let state: Substring
        let inode: String
    }

    /// Whether the kernel lists them.
    static var areListed: Bool { access("/proc/self/net/tcp", R_OK) == 0 && access("/proc/self/fd", R_OK) == 0 }

    /// Accepted connections on a port of this machine whose descriptor this process holds.
    static func count(onLocalPort port: Int) -> Int { count { $0.local.hasSuffix(":" + hex(port)) } }

    /// Connections to a port of this machine whose descriptor this process holds.
    static func count(toRemotePort port: Int) -> Int { count { $0.remote.hasSuffix(":" + hex(port)) } }

    private static func count(_ isMeant: (Connection) -> Bool) -> Int {
        let inodes = held()
        // 0A is a socket that listens.
        return table().count { isMeant($0) && $0.state != "0A" && inodes.contains($0.inode) }
    }

    private static func hex(_ port: Int) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func table() -> [Connection] {
        text("/proc/self/net/tcp").split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ")
            guard columns.count > 9 else { return nil }
            return Connection(
                local: columns[1], remote: columns[2], state: columns[3], inode: String(columns[9]))
        }
    }

    private static func held() -> Set<String> {
        var inodes = Set<String>()
        for descriptor in 0..<4096 {
            var target = [UInt8](repeating: 0, count: 64)
            let count = target.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { bytes in
                    bytes.baseAddress.map { readlink("/proc/self/fd/\(descriptor)", $0, bytes.count) } ?? -1
                }
            }
            guard count > 0 else { continue }
            let name = String(decoding: target.prefix(count), as: UTF8.self)
            if name.hasPrefix("socket:[") { inodes.insert(String(name.dropFirst(8).dropLast())) }
        }
        return inodes
    }

    private static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&part, 1, part.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += part.prefix(count)
        }
    }
}
