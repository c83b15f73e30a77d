import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file that bytes are appended to: a path that is opened when it is first needed, or a descriptor that somebody else
/// owns. The calls block. One user at a time.
struct AppendOnlyFile: Sendable {
    /// A write that failed after so many bytes.
    struct Failure: Error, CustomStringConvertible {
        let written: Int
        let cause: IOError

        var description: String { "\(cause)" }
    }

    private let path: String?
    private var descriptor: Int32?
    /// A write broke off within a line, which the next one must not continue.
    private var endsWithinLine = false

    init(path: String) { self.path = path }

    init(descriptor: Int32) {
        path = nil
        self.descriptor = descriptor
    }

    /// What stands against appending, as far as it shows beforehand.
    var problem: String? {
        guard let path else { return nil }
        guard access(path, F_OK) != 0 else {
            return access(path, W_OK) == 0 ? nil : "is a file that cannot be written"
        }
        let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        return access(folder.isEmpty ? "/" : String(folder), W_OK) == 0 ? nil : "is in a folder that cannot be written"
    }

    /// Opens the path anew. What was open stays open when that fails.
    mutating func reopen() throws(Failure) {
        guard let path else { return }
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard opened >= 0 else {
            throw Failure(written: 0, cause: IOError(errnoCode: errno, reason: "cannot open"))
        }
        close()
        descriptor = opened
    }

    /// Writes all bytes.
    mutating func append(_ bytes: Span<UInt8>) throws(Failure) {
        guard !bytes.isEmpty else { return }
        if descriptor == nil { try reopen() }
        guard let descriptor else { return }
        if endsWithinLine {
            try Self.append(Self.lineEnd.span, to: descriptor)
            endsWithinLine = false
        }
        do {
            try Self.append(bytes, to: descriptor)
        } catch {
            endsWithinLine = error.written > 0 && bytes[error.written - 1] != UInt8(ascii: "\n")
            throw error
        }
    }

    /// Closes what it has opened itself.
    mutating func close() {
        guard path != nil, let descriptor else { return }
        self.descriptor = nil
        closeDescriptor(descriptor)
    }

    private static let lineEnd = [UInt8(ascii: "\n")]

    private static func append(_ bytes: Span<UInt8>, to descriptor: Int32) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.extracting(written..<bytes.count).withUnsafeBytes {
                write(descriptor, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                written += count
                continue
            }
            let code = errno
            switch code {
            case EINTR: continue
            case EAGAIN:
                // A pipe that somebody else has made non-blocking.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, 1_000)
            default: throw Failure(written: written, cause: IOError(errnoCode: code, reason: "cannot write"))
            }
        }
    }
}

/// The system's `close`, which the method of that name hides.
private func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }
