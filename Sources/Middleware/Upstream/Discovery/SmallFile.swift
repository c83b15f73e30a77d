#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file that is read whole, as it was at one moment. It blocks.
struct SmallFile: Sendable {
    /// What tells one version of a file from another.
    struct Stamp: Equatable, Sendable {
        /// The file itself, whatever is in it: another one has taken its place when this differs.
        struct Identity: Equatable, Sendable {
            fileprivate let device: UInt64
            fileprivate let number: UInt64
        }

        let identity: Identity
        fileprivate let size: Int64
        fileprivate let modified: Instant
        fileprivate let changed: Instant
    }

    /// What `stat` says of a time, the same on every system.
    fileprivate struct Instant: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) { (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec)) }
    }

    let bytes: [UInt8]
    let stamp: Stamp

    /// The stamp of the file at a path.
    static func stamp(_ path: String) throws(SmallFileError) -> Stamp {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system(errno) }
        return Stamp(status)
    }

    /// Reads the file at a path.
    static func read(_ path: String, limit: Int) throws(SmallFileError) -> SmallFile {
        // Without waiting, so that a pipe that nobody writes to holds up no thread.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        let before = try stamp(descriptor)
        let bytes = try content(descriptor, limit: limit)
        guard try stamp(descriptor) == before else { throw .changing }
        return SmallFile(bytes: bytes, stamp: before)
    }

    private static func stamp(_ descriptor: Int32) throws(SmallFileError) -> Stamp {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        return Stamp(status)
    }

    private static func content(_ descriptor: Int32, limit: Int) throws(SmallFileError) -> [UInt8] {
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = part.withUnsafeMutableBytes { posixRead(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(errno) }
            guard count > 0 else { return content }
            content += part[..<count]
            guard content.count <= limit else { throw .tooLong(limit) }
        }
    }
}

extension SmallFile.Stamp {
    fileprivate init(_ status: stat) {
        identity = Identity(
            device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(truncatingIfNeeded: status.st_ino))
        size = Int64(status.st_size)
        #if canImport(Darwin)
        modified = SmallFile.Instant(status.st_mtimespec)
        changed = SmallFile.Instant(status.st_ctimespec)
        #else
        modified = SmallFile.Instant(status.st_mtim)
        changed = SmallFile.Instant(status.st_ctim)
        #endif
    }
}

/// The system's `read`, which the method of that name hides.
private func posixRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    return read(descriptor, start, buffer.count)
}

/// Why a file was not read.
enum SmallFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system refused, with this number.
    case system(Int32)
    case notAFile
    /// It has more bytes than this.
    case tooLong(Int)
    /// It was written to meanwhile.
    case changing

    var description: String {
        switch self {
        case .system(let code): String(cString: strerror(code))
        case .notAFile: "it is no regular file"
        case .tooLong(let limit): "it is longer than \(limit) bytes"
        case .changing: "it was written to while it was read"
        }
    }
}
