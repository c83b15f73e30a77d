import HTTPTypes

/// What an answer has to know of the request that it is for. Not the head itself: a handler that edits its request would
/// have to copy a head that is held here as well. Without references, so that handing it on copies words.
struct AnswerTerms {
    /// The methods that change how an answer is framed.
    private enum Kind {
        case head
        case connect
        case other
    }

    private let kind: Kind
    let isHTTP10: Bool
    /// Whether another request may follow.
    let persists: Bool
    let framing: BodyFraming

    init(_ head: borrowing RequestHead) {
        let method = head.message.method
        kind = method.matches(.head) ? .head : method.matches(.connect) ? .connect : .other
        isHTTP10 = head.isHTTP10
        persists = head.persists
        framing = head.framing
    }

    var isConnect: Bool { kind == .connect }

    /// The method as far as it matters to an answer.
    var method: HTTPRequest.Method {
        switch kind {
        case .head: .head
        case .connect: .connect
        case .other: .get
        }
    }
}
