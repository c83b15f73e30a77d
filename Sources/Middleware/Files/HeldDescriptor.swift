import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file descriptor that is closed with the last reference to it.
final class HeldDescriptor: Sendable {
    /// What a name is opened for.
    enum Purpose: Sendable {
        /// To open names below it.
        case passing
        /// To read what is in it.
        case reading
    }

    let number: Int32
    private let isLeftToPool: Bool

    /// - Parameter isLeftToPool: whether a thread of the pool closes it when a loop lets go of it. The last close of a
    ///   file that was deleted frees what it occupied, which can take a while, and an event loop must not wait for it.
    ///   Work on the pool closes at once: what it left to the pool would stay open for as long as the threads are busy.
    private init(_ number: Int32, isLeftToPool: Bool) {
        self.number = number
        self.isLeftToPool = isLeftToPool
    }

    deinit {
        let number = number
        guard isLeftToPool, MultiThreadedEventLoopGroup.currentEventLoop != nil else {
            _ = close(number)
            return
        }
        NIOThreadPool.singleton.submit { _ in _ = close(number) }
    }

    /// Opens the folder that everything is below.
    convenience init(root path: String) throws(FileProblem) {
        let number = try Self.retrying { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        self.init(number, isLeftToPool: false)
    }

    /// Opens a name in a folder. A link is never followed; a FIFO or a device that has taken the place of a file since
    /// it was looked at is not waited for.
    convenience init(_ name: FileName, in folder: HeldDescriptor, for purpose: Purpose) throws(FileProblem) {
        let flags =
            switch purpose {
            case .passing: Self.passing | O_DIRECTORY
            case .reading: O_RDONLY | O_NONBLOCK | O_NOCTTY
            }
        let number = try name.withCharacters { name throws(FileProblem) in
            try Self.retrying { openat(folder.number, name, flags | O_NOFOLLOW | O_CLOEXEC) }
        }
        self.init(number, isLeftToPool: purpose == .reading)
    }

    /// A descriptor of the same folder for reading the names in it, which its user closes.
    func openedForListing() throws(FileProblem) -> Int32 {
        try Self.retrying { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    /// Throws for a name that this process may not read.
    func checkReadable(_ name: FileName) throws(FileProblem) {
        let result = try name.withCharacters { faccessat(number, $0, R_OK, 0) }
        guard result == 0 else { throw FileProblem(errno) }
    }

    private static func retrying(_ call: () -> Int32) throws(FileProblem) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw FileProblem(code) }
        }
    }

    #if os(Linux)
    /// `O_PATH`, which the module of the C library hides: a folder that may be passed through need not be readable.
    private static let passing: Int32 = 0o10_000_000
    #else
    private static let passing = O_RDONLY
    #endif
}

/// One name in a folder, as bytes: neither empty nor a dot segment, without slashes and NUL.
struct FileName: Sendable, Hashable {
    let bytes: [UInt8]

    /// `nil` for what could be anything else than one name in one folder, on this system or another.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= 255, bytes != [Self.dot], bytes != [Self.dot, Self.dot] else { return nil }
        let isPlain = bytes.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
        guard isPlain else { return nil }
        self.bytes = bytes
    }

    init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Whether a listing of the shell leaves it out.
    var isHidden: Bool { bytes[0] == Self.dot }

    /// Hidden by its name and public by RFC 8615.
    var isWellKnown: Bool { bytes == Array(".well-known".utf8) }

    /// The same with an extension behind it; `nil` when that is too long.
    func appending(fileExtension: String) -> FileName? { FileName(bytes + [Self.dot] + Array(fileExtension.utf8)) }

    /// Lends it to a call of the system.
    func withCharacters<Value>(
        _ body: (UnsafePointer<CChar>) throws(FileProblem) -> Value
    ) throws(FileProblem) -> Value {
        let characters = bytes.map { CChar(bitPattern: $0) } + [0]
        return try characters.withUnsafeBufferPointer { buffer throws(FileProblem) in
            guard let start = buffer.baseAddress else { throw .missing }
            return try body(start)
        }
    }

    private static var dot: UInt8 { UInt8(ascii: ".") }
}
