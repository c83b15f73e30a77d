package import HTTPTypes

/// Writes the heads of requests to an origin.
///
/// Like ``ResponseEncoder`` it owns `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive`,
/// `Proxy-Connection` and `Upgrade`, and beyond these `Host`, which it writes from the authority.
package enum RequestEncoder {
    /// Appends a whole head.
    ///
    /// - Parameters:
    ///   - framing: How the body follows. `untilClose` is no framing of a request and is sent as chunks.
    ///   - persists: Whether the connection is meant to go on.
    ///   - upgrade: A protocol to offer.
    ///   - skip: Fields to leave out besides those owned here.
    ///   - extra: Appends more field lines.
    /// - Returns: The framing that was written.
    @discardableResult
    package static func writeHead<Sink: ByteSink>(
        method: HTTPRequest.Method,
        target: RequestTarget,
        authority: Authority,
        headers: Headers,
        framing: BodyFraming,
        persists: Bool = true,
        upgrade: String? = nil,
        skip: (Headers.Entry) -> Bool = { _ in false },
        extra: (inout Sink) -> Void = { _ in },
        into buffer: inout Sink
    ) -> BodyFraming {
        writeRequestLine(method: method, target: target, authority: authority, into: &buffer)
        writeFields(headers, skip: skip, into: &buffer)
        extra(&buffer)
        return finish(method: method, framing: framing, persists: persists, upgrade: upgrade, into: &buffer)
    }

    /// Appends the request line and `Host`: origin-form, `*`, or the authority for CONNECT (RFC 9112 section 3.2).
    package static func writeRequestLine(
        method: HTTPRequest.Method,
        target: RequestTarget,
        authority: Authority,
        into buffer: inout some ByteSink
    ) {
        if method.matches(.get) {
            buffer.write("GET ")
        } else {
            buffer.write(text: method.rawValue)
            buffer.write(" ")
        }
        if method.matches(.connect) {
            authority.write(into: &buffer)
        } else {
            target.write(into: &buffer)
        }
        // RFC 9112 section 3.2: Host is always sent, empty when there is no authority, and first (RFC 9110 section
        // 7.2).
        buffer.write(" HTTP/1.1\r\nHost: ")
        authority.write(into: &buffer)
        buffer.write("\r\n")
    }

    /// Appends the fields that are neither owned by the encoder nor skipped.
    package static func writeFields(
        _ headers: Headers,
        skip: (Headers.Entry) -> Bool = { _ in false },
        into buffer: inout some ByteSink
    ) {
        let owned = KnownFields.ownedByEncoders
        headers.write(into: &buffer, skip: { owned.contains($0.known) || $0.known == .host || skip($0) })
    }

    /// Appends framing, connection and the empty line. Returns the framing that was written.
    @discardableResult
    package static func finish(
        method: HTTPRequest.Method,
        framing: BodyFraming,
        persists: Bool = true,
        upgrade: String? = nil,
        into buffer: inout some ByteSink
    ) -> BodyFraming {
        var written = framing
        if method.matches(.connect) {
            // RFC 9110 section 9.3.6.
            written = .none
        } else {
            switch framing {
            case .none:
                // RFC 9110 section 8.6: said where the method makes one expect content.
                if method.matches(.post) || method.matches(.put) || method.matches(.patch) {
                    buffer.write("Content-Length: 0\r\n")
                }
            case .length(let length):
                buffer.writeContentLength(length)
            case .chunked, .untilClose:
                buffer.write("Transfer-Encoding: chunked\r\n")
                written = .chunked
            }
        }
        if let upgrade {
            // RFC 9110 section 7.8.
            buffer.write("Upgrade: ")
            buffer.write(text: upgrade)
            buffer.write(persists ? "\r\nConnection: upgrade\r\n" : "\r\nConnection: upgrade, close\r\n")
        } else if !persists {
            // RFC 9112 section 9.6.
            buffer.write("Connection: close\r\n")
        }
        buffer.write("\r\n")
        return written
    }
}
