import Middleware
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// No listening socket could be had.
struct CannotListen: Error, CustomStringConvertible {
    /// Where, and what the system says.
    let reason: String

    init(on listeners: [Listener], _ error: any Error) {
        let number = (error as? IOError)?.errnoCode
        let cause = number.flatMap { strerror($0) }.map { String(cString: $0) } ?? "\(error)"
        reason = "Cannot listen on \(listeners.map(\.description).joined(separator: ", ")): \(cause)"
    }

    var description: String { "\(reason). Stop what listens there, or choose another address with --listen." }
}
