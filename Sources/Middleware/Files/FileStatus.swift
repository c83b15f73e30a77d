#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the system says of a file, as far as it matters here. Equal for as long as nobody has changed the file, its
/// name or its rights.
struct FileStatus: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case file
        case folder
        case link
        case other
    }

    /// A time of the file system, in nanoseconds since 1970.
    struct Time: Sendable, Hashable {
        let seconds: Int
        let nanoseconds: Int

        var sinceStartOf1970: Duration { .seconds(seconds) + .nanoseconds(nanoseconds) }
    }

    let kind: Kind
    let size: Int
    let modified: Time
    /// When anything of it was changed, its name and rights included. Nobody can set it.
    private let changed: Time
    private let device: UInt64
    private let inode: UInt64
    /// Zero once it was deleted, or another has taken its place.
    let names: Int

    /// Of an open file.
    init(of descriptor: HeldDescriptor) throws(FileProblem) {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { throw FileProblem(errno) }
        self.init(status)
    }

    /// Of a name in a folder; of a link itself, and not of what it leads to.
    init(of name: FileName, in folder: HeldDescriptor) throws(FileProblem) {
        var status = stat()
        let result = try name.withCharacters { fstatat(folder.number, $0, &status, AT_SYMLINK_NOFOLLOW) }
        guard result == 0 else { throw FileProblem(errno) }
        self.init(status)
    }

    private init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        size = Int(status.st_size)
        #if canImport(Darwin)
        let (modification, change) = (status.st_mtimespec, status.st_ctimespec)
        #else
        let (modification, change) = (status.st_mtim, status.st_ctim)
        #endif
        modified = Time(seconds: Int(modification.tv_sec), nanoseconds: Int(modification.tv_nsec))
        changed = Time(seconds: Int(change.tv_sec), nanoseconds: Int(change.tv_nsec))
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        names = Int(status.st_nlink)
    }
}

extension FileStatus {
    /// Makes what tells one state of the file from another.
    ///
    /// The tag is of the length and the time of modification, so that several servers with copies of the same files
    /// give the same one. It is weak while the file is so new that the clock of the file system could give its next
    /// state the same time (RFC 9110 section 8.8.1). A file of the first seconds of 1970 has none: that is what build
    /// tools write that keep no times.
    func validators(coding: String?, at now: Duration) -> Preconditions.Validators {
        guard modified.seconds > 1 else { return Preconditions.Validators() }
        let age = now - modified.sinceStartOf1970
        let isSettled = age >= Self.settled
        let time = String(modified.seconds, radix: 36) + "." + String(modified.nanoseconds, radix: 36)
        // Marked while it is weak: the next state could have the same length and time, and would be taken for this one.
        let opaque = "\(String(size, radix: 36))-\(time)" + (coding.map { "-\($0)" } ?? "") + (isSettled ? "" : "-new")
        return Preconditions.Validators(
            tag: EntityTag(opaque: opaque, isWeak: !isSettled),
            // RFC 9110 section 8.8.2.1: never later than the answer itself.
            lastModified: age < .zero ? nil : HTTPDate(secondsSince1970: modified.seconds),
            isDateStrong: isSettled
        )
    }

    /// How long until its validators are others; `nil` once they stay.
    func settlesIn(at now: Duration) -> Duration? {
        let age = now - modified.sinceStartOf1970
        return age < Self.settled ? Self.settled - age : nil
    }

    /// The coarsest clock of a file system in use is that of FAT.
    private static var settled: Duration { .seconds(2) }
}
