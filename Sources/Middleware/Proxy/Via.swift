import HTTPTypes
import NIOCore

/// How messages tell which gateways they came through: the `Via` field, RFC 9110 section 7.6.3.
///
/// ```swift
/// Via()                                   // requests say `Via: 1.1 gateway`
/// Via(pseudonym: "edge-fra-1")            // the same with a name of one's own, and loops are noticed
/// Via.none                                // nothing is added; what came passes
/// ```
///
/// An HTTP gateway must add itself to requests and may add itself to responses; so the former is the default and the
/// latter is not. The default pseudonym says nothing about software or host. It is not unique, so a request that
/// already carries it may have come through somebody else's gateway: only a pseudonym that is given is taken as a sign
/// of a loop, and answered 508. Give one that no other gateway has, and none to a gateway that is meant to call itself.
public struct Via: Sendable {
    /// Whether requests say it. They do.
    public var isAddedToRequests = true
    /// Whether responses say it. They do not.
    public var isAddedToResponses = false
    /// Whether a request that already carries the pseudonym is answered 508 (Loop Detected). So when one was given.
    public var detectsLoops: Bool
    /// The name: a token.
    public let pseudonym: String

    private let line: [UInt8]
    private let member: [UInt8]

    /// With that pseudonym, a token; `gateway` when none is given.
    public init(pseudonym: String? = nil) {
        let name = pseudonym ?? "gateway"
        self.pseudonym = name
        detectsLoops = pseudonym != nil
        let isUsable = FieldGrammar.isToken(name.utf8.span)
        member = Array((isUsable ? name : "gateway").utf8)
        line = Array("Via: 1.1 ".utf8) + member + Array("\r\n".utf8)
    }

    /// Nothing is added, no loop is noticed.
    public static var none: Via {
        var via = Via()
        via.isAddedToRequests = false
        return via
    }

    /// What is wrong with it; `nil` for a usable value.
    public var problem: String? {
        FieldGrammar.isToken(pseudonym.utf8.span) ? nil : "has the pseudonym \(pseudonym), which is no token"
    }

    /// The fields of a request that are written anew.
    package var replacedInRequests: KnownFields { isAddedToRequests ? KnownFields(.via) : KnownFields() }

    /// Appends `Via` to a request: what came, then this gateway.
    ///
    /// - Parameter received: The protocol that the request came in, as ``ProtocolKey`` says it: `HTTP/1.1`.
    package func write(
        for headers: Headers,
        having present: KnownFields,
        received: String = "HTTP/1.1",
        into buffer: inout some ByteSink
    ) {
        guard isAddedToRequests else { return }
        if !present.contains(.via), received == "HTTP/1.1" {
            buffer.write(line)
            return
        }
        buffer.write("Via: ")
        headers.writeMembers(of: .via, into: &buffer)
        writeProtocol(received, into: &buffer)
        buffer.write(member)
        buffer.write("\r\n")
    }

    /// Adds this gateway to the fields of a response, if it is to be added.
    ///
    /// - Parameter received: The protocol that the response came in.
    package func add(to headers: inout Headers, received: String = "HTTP/1.1") {
        guard isAddedToResponses else { return }
        var value = ByteBuffer()
        writeProtocol(received, into: &value)
        value.writeBytes(member)
        headers.append(.via, value.readableBytesUInt8Span)
    }

    /// Whether a request has been here before.
    package func isLoop(_ headers: Headers, having present: KnownFields) -> Bool {
        guard detectsLoops, present.contains(.via) else { return false }
        for entry in headers.entries where entry.known == .via {
            let isHere = headers.withValue(of: entry) { value in
                var reader = FieldListReader()
                while let range = reader.next(in: value) {
                    if names(value.extracting(range)) { return true }
                }
                return false
            }
            if isHere { return true }
        }
        return false
    }

    /// The answer to a request that has been here before.
    package static var loopAnswer: HTTPError {
        HTTPError(
            HTTPResponse.Status(code: 508, reasonPhrase: "Loop Detected"),
            "the request has already come through this gateway"
        )
    }

    /// Whether one member, `protocol received-by [comment]`, names this gateway.
    private func names(_ text: Span<UInt8>) -> Bool {
        var start = 0
        while start < text.count, !FieldGrammar.isBlank(text[start]) { start += 1 }
        while start < text.count, FieldGrammar.isBlank(text[start]) { start += 1 }
        var end = start
        while end < text.count, !FieldGrammar.isBlank(text[end]) { end += 1 }
        guard end - start == member.count else { return false }
        for index in 0..<member.count where text[start + index] != member[index] { return false }
        return true
    }

    /// RFC 9110 section 7.6.3: the name of the protocol is left out when it is HTTP.
    private func writeProtocol(_ received: String, into buffer: inout some ByteSink) {
        let version = received.hasPrefix("HTTP/") ? received.dropFirst(5) : Substring(received)
        buffer.write(text: version.isEmpty ? "1.1" : String(version))
        buffer.write(" ")
    }
}

extension Headers {
    /// Appends the values of every line of a list field, each with a comma behind it, for another member to follow.
    func writeMembers(of known: KnownField, into buffer: inout some ByteSink) {
        for entry in entries where entry.known == known && entry.valueLength > 0 {
            withValue(of: entry) { buffer.write($0) }
            buffer.write(", ")
        }
    }
}
