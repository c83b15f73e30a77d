#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Why there is no file to send.
enum FileProblem: Error, Equatable, Sendable {
    /// There is none of that name that may be sent.
    case missing
    /// This process may not read it.
    case forbidden
    /// The process or the system has too many files open, or somebody has a lease on this one.
    case busy
    /// It became shorter while it was read.
    case truncated
    /// Anything else, by its number.
    case failed(Int32)

    init(_ code: Int32) {
        switch code {
        // Too long a name, a link where none is followed, a socket: nothing that could be sent.
        case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EISDIR, ENXIO, ENODEV, EILSEQ: self = .missing
        case EACCES, EPERM: self = .forbidden
        // EAGAIN: somebody has a lease on it, such as a file server, and `O_NONBLOCK` does not wait for its end.
        case EMFILE, ENFILE, ENOMEM, EAGAIN: self = .busy
        default: self = .failed(code)
        }
    }
}

extension FileProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .missing: "there is no such file"
        case .forbidden: "the file may not be read"
        case .busy: "too many files are open, or it is in use"
        case .truncated: "the file became shorter while it was read"
        case .failed(let code): String(cString: strerror(code))
        }
    }
}
