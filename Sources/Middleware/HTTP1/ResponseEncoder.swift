package import HTTPTypes
package import NIOCore

/// Writes the heads of responses.
///
/// It owns what says where a message ends and what becomes of the connection: `Content-Length`, `Transfer-Encoding`,
/// `Connection`, `Keep-Alive`, `Proxy-Connection` and `Upgrade` of the headers are left out and written anew from the
/// arguments. All other fields leave as they are; hop-by-hop fields beyond these are the forwarder's to remove.
///
/// The status line always says HTTP/1.1, to HTTP/1.0 as well (RFC 9110 section 6.2).
package enum ResponseEncoder {
    /// What was written, which can differ from what was asked for.
    package struct Written: Equatable, Sendable {
        /// How the content has to follow: ``BodyFraming/none`` for none whatever body there is, `untilClose` instead of
        /// chunks to HTTP/1.0.
        package var framing: BodyFraming
        /// Whether the connection may serve another request.
        package var persists: Bool

        package init(framing: BodyFraming, persists: Bool) {
            self.framing = framing
            self.persists = persists
        }
    }

    /// Appends the head of a final response, or of 101.
    ///
    /// - Parameters:
    ///   - framing: How the body would be sent. For HEAD and 304 a single valid `Content-Length` of the headers is
    ///     kept, and otherwise a length given here is written, since it is the length GET would have had.
    ///   - method: The request's method.
    ///   - persists: Whether the connection is meant to go on.
    ///   - toHTTP10: Whether the request was HTTP/1.0.
    ///   - date: The value of `Date` if the headers have none, an IMF-fixdate.
    @discardableResult
    package static func writeHead(
        status: HTTPResponse.Status,
        headers: Headers,
        framing: BodyFraming,
        answering method: HTTPRequest.Method,
        persists: Bool,
        toHTTP10: Bool = false,
        date: ByteBuffer?,
        into buffer: inout some ByteSink
    ) -> Written {
        writeStatusLine(status, into: &buffer)
        let owned = KnownFields.ownedByEncoders
        headers.write(into: &buffer, skip: { owned.contains($0.known) })
        // RFC 9110 section 6.6.1: whoever forwards a response without Date and has a clock adds it.
        if let date, status.code >= 200, !headers.contains(known: .date) {
            buffer.write("Date: ")
            buffer.write(date.readableBytesUInt8Span)
            buffer.write("\r\n")
        }
        var written = Written(framing: framing, persists: persists)
        writeFraming(&written, status, headers, method, toHTTP10: toHTTP10, into: &buffer)
        if opensTunnel(status, method) {
            // RFC 9110 section 9.3.6: what follows is no message, so nothing is said of the connection.
            written.persists = false
        } else {
            writeConnection(&written, status, headers, toHTTP10: toHTTP10, into: &buffer)
        }
        buffer.write("\r\n")
        return written
    }

    /// Appends a whole interim response. It has no content and says nothing of the connection; it must not be sent to
    /// HTTP/1.0 (RFC 9110 section 15.2).
    package static func writeInformational(
        _ status: HTTPResponse.Status,
        headers: Headers = Headers(),
        into buffer: inout some ByteSink
    ) {
        writeStatusLine(status, into: &buffer)
        let owned = KnownFields.ownedByEncoders
        headers.write(into: &buffer, skip: { owned.contains($0.known) })
        buffer.write("\r\n")
    }

    private static func opensTunnel(_ status: HTTPResponse.Status, _ method: HTTPRequest.Method) -> Bool {
        method.matches(.connect) && status.kind == .successful
    }

    private static func writeStatusLine(_ status: HTTPResponse.Status, into buffer: inout some ByteSink) {
        if status.code == 200, status.reasonPhrase == "OK" {
            buffer.write("HTTP/1.1 200 OK\r\n")
            return
        }
        buffer.write("HTTP/1.1 ")
        // RFC 9112 section 4: three digits. HTTPTypes admits 0 to 999.
        if status.code < 100 { buffer.write(status.code < 10 ? "00" : "0") }
        buffer.write(decimal: status.code)
        buffer.write(" ")
        // HTTPTypes has made the phrase legal ISO 8859-1.
        if status.reasonPhrase.utf8.allSatisfy({ $0 < 0x80 }) {
            buffer.write(text: status.reasonPhrase)
        } else {
            for scalar in status.reasonPhrase.unicodeScalars {
                buffer.write([UInt8(truncatingIfNeeded: scalar.value)])
            }
        }
        buffer.write("\r\n")
    }

    private static func writeFraming(
        _ written: inout Written,
        _ status: HTTPResponse.Status,
        _ headers: Headers,
        _ method: HTTPRequest.Method,
        toHTTP10: Bool,
        into buffer: inout some ByteSink
    ) {
        if status.code < 200 || status.code == 204 || opensTunnel(status, method) {
            // RFC 9110 section 8.6 and RFC 9112 section 6.1: neither length nor coding.
            written.framing = .none
            return
        }
        if method.matches(.head) || status.code == 304 {
            // RFC 9110 section 8.6: the length of what GET would have got, or nothing.
            if let length = headers.singleContentLength {
                buffer.writeContentLength(length)
            } else if case .length(let length) = written.framing {
                buffer.writeContentLength(length)
            }
            written.framing = .none
            return
        }
        // RFC 9110 section 15.3.6: 205 has no content and says so.
        if status.code == 205 { written.framing = .none }
        switch written.framing {
        case .none:
            buffer.write("Content-Length: 0\r\n")
        case .length(let length):
            buffer.writeContentLength(length)
        case .chunked where !toHTTP10:
            buffer.write("Transfer-Encoding: chunked\r\n")
        case .chunked, .untilClose:
            // RFC 9112 section 6.1: no transfer coding to HTTP/1.0. Section 6.3: the end of the connection ends it.
            written.framing = .untilClose
            written.persists = false
        }
    }

    private static func writeConnection(
        _ written: inout Written,
        _ status: HTTPResponse.Status,
        _ headers: Headers,
        toHTTP10: Bool,
        into buffer: inout some ByteSink
    ) {
        // RFC 9110 sections 7.8 and 15.5.22: 101 and 426 carry Upgrade, and Connection names it.
        if status.code == 101 || status.code == 426, headers.contains(known: .upgrade) {
            headers.write(into: &buffer, skip: { $0.known != .upgrade })
            if status.code == 101 {
                buffer.write("Connection: upgrade\r\n")
                written.persists = false
            } else {
                buffer.write(
                    written.persists ? "Connection: upgrade\r\n" : "Connection: upgrade, close\r\n"
                )
            }
            return
        }
        if !written.persists {
            // RFC 9112 section 9.6.
            buffer.write("Connection: close\r\n")
        } else if toHTTP10 {
            // RFC 9112 section 9.3.
            buffer.write("Connection: keep-alive\r\n")
        }
    }
}

extension Headers {
    /// The number that the only `Content-Length` says, if it is one.
    var singleContentLength: Int? {
        var length: Int?
        for entry in entries where entry.known == .contentLength {
            guard length == nil, let value = withValue(of: entry, { FieldGrammar.decimal($0) }) else { return nil }
            length = value
        }
        return length
    }
}
