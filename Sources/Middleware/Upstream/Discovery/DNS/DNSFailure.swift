/// Why a name was not resolved.
package enum DNSFailure: Error, Hashable, Sendable {
    /// There is no such name.
    case noSuchName
    /// There is such a name, without records of the type that was asked for.
    case noRecords
    /// No name server answered in time.
    case timedOut
    /// A name server could not or would not answer.
    case refused(DNSMessage.Code)
    /// A name server could not be reached, or closed the connection.
    case unreachable(String)
    /// What arrived in place of an answer was none, too often.
    case mistrusted
    /// An answer that did not fit even into a connection.
    case truncated
    /// More names that stand for another one than are followed.
    case tooManyAliases
    /// The task was cancelled.
    case cancelled

    /// Whether it is an answer: asking anybody else would not help.
    package var isNegative: Bool { self == .noSuchName || self == .noRecords }
}

extension DNSFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSuchName: "there is no such name"
        case .noRecords: "the name has no such records"
        case .timedOut: "no name server answered in time"
        case .refused(let code): "the name server answered \(code)"
        case .unreachable(let reason): "the name server cannot be reached: \(reason)"
        case .mistrusted: "what arrived were no answers to what was asked"
        case .truncated: "the answer is too long"
        case .tooManyAliases: "the name stands for another one too many times over"
        case .cancelled: "the look-up was cancelled"
        }
    }
}
